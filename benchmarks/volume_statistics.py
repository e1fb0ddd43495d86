"""Size, power and coverage of the volume experiment, by simulation on the backgrounds of the tests.

Run `python benchmarks/volume_statistics.py [RUNS]`: RUNS (2,000) simulated experiments per background of 12 blocks of
one event and four shams. Prints how often the test of level 1 % finds an event that adds nothing (goal: 0.5 to 1.6 %),
how often it finds one of 512 bytes, 2 kB and 8 kB (goal: 2 kB in the chatty background in 95 %), and how often the two
one-sided 99 % bounds hold the true 2 kB between them (goal: 98 %, less three standard errors). Ends with 1 when a goal
is missed.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

from pytest_conformance.analysis.traffic import experiment

ALPHA = 0.01
SIZE_GOAL, POWER_GOAL, COVERAGE_GOAL = (0.005, 0.016), 0.95, 0.98
TRUTH = 2000.0


def tests() -> ModuleType:
    """Load the tests of the experiment, which have the backgrounds."""
    path = Path(__file__).parent.parent / "tests" / "analysis" / "traffic" / "test_experiment.py"
    spec = importlib.util.spec_from_file_location("test_experiment", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def found(simulated: ModuleType, background: str, runs: int, extra: float) -> float:
    """Return the share of experiments in which the test finds the event."""
    pairs = simulated._runs(background, runs, extra)
    return sum(experiment.rank_test(slots, events).p <= ALPHA for slots, events in pairs) / runs


def covered(simulated: ModuleType, background: str, runs: int) -> float:
    """Return the share of experiments whose bounds hold the truth."""
    bounds = [experiment.bounds(slots, events, ALPHA) for slots, events in simulated._runs(background, runs, TRUTH)]
    return sum(low <= TRUTH <= high for low, high in bounds) / runs


def main() -> int:
    """Simulate and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    simulated = tests()
    good = True
    print(f"{runs} simulated experiments per background, 12 blocks of 1 + 4 slots, alpha 1 %")
    print(f"{'background':12}{'size':>8}{'512 B':>9}{'2 kB':>9}{'8 kB':>9}{'bounds hold 2 kB':>20}")
    for background in simulated.BACKGROUNDS:
        size = found(simulated, background, runs, 0)
        powers = {extra: found(simulated, background, runs, extra) for extra in (512, 2000, 8000)}
        held = covered(simulated, background, runs)
        shown = "".join(f"{power:9.1%}" for power in powers.values())
        print(f"{background:12}{size:8.2%}{shown}{held:20.1%}")
        slack = 3 * math.sqrt(COVERAGE_GOAL * (1 - COVERAGE_GOAL) / runs)
        good = good and SIZE_GOAL[0] <= size <= SIZE_GOAL[1] and held >= COVERAGE_GOAL - slack
        good = good and (background != "chatty" or powers[2000] >= POWER_GOAL)
    print("all goals met" if good else "a goal is missed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
