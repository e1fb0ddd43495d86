"""What damage costs: processor time of mutated captures against as many passes over the undamaged ones.

Run `python benchmarks/mutations.py [--each N] [--seed S]`. Mutates each fixture of
`tests/analysis/traffic/test_damage.py` N (250) times; each mutation is followed by one pass over the undamaged fixture,
so that a busy machine disturbs both alike. Prints, for each fixture, the sum of the one over the sum of the other, and
the dearest single mutation over the mean undamaged pass. Ends with 1 when a sum is above 3 x or damage makes a
capture pass; an exception ends it.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

from pytest_conformance.analysis.traffic import Context, inspect
from pytest_conformance.errors import UsageError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.analysis.traffic import conftest, test_damage

GOAL = 3.0


def seconds(pcap: bytes, context: Context) -> tuple[float, str]:
    """Inspect; return the processor seconds and the verdict on the face, "refused" where the file is no capture."""
    began = time.process_time()
    try:
        verdict = inspect([pcap], context).checks[test_damage.FACE].verdict.value
    except UsageError:
        verdict = "refused"
    return time.process_time() - began, verdict


def fixture(name: str, pcap: bytes, context: Context, count: int, rnd: random.Random) -> bool:
    """Measure and print one fixture; tell whether it keeps within the goal."""
    whole: list[float] = []
    damaged: list[tuple[float, int]] = []
    outcomes: dict[str, int] = {}
    seconds(pcap, context)
    for number in range(count):
        took, verdict = seconds(test_damage.mutate(pcap, rnd), context)
        damaged.append((took, number))
        outcomes[verdict] = outcomes.get(verdict, 0) + 1
        whole.append(seconds(pcap, context)[0])
    worst, number = max(damaged)
    ratio, mean = sum(took for took, _ in damaged) / sum(whole), sum(whole) / count
    said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(outcomes.items()))
    print(
        f"  {name:10}{mean * 1000:8.1f} ms whole{ratio:7.2f} x   worst {worst / mean:5.2f} x (number {number})   {said}"
    )
    return ratio <= GOAL and "PASS" not in outcomes


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=250)
    parser.add_argument("--seed", type=int, default=20)
    given = parser.parse_args()
    rnd = random.Random(given.seed)
    face = (test_damage.FOLDER / "canary_face.png").read_bytes()
    example = Context.from_json(test_damage.FOLDER / "upload.context.json")
    pcaps = test_damage.fixtures(conftest.Wire, conftest.as_sent(face))
    own = conftest.usual(face)
    print(f"{given.each} mutations of each fixture, seed {given.seed}; goal {GOAL:.0f} x the undamaged passes")
    good = [
        fixture(name, pcap, example if name in test_damage.EXAMPLES else own, given.each, rnd)
        for name, pcap in pcaps.items()
    ]
    print("all goals met" if all(good) else "a goal is missed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
