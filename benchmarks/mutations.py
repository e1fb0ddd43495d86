"""What damage costs: processor time of mutated captures against as many passes over the undamaged ones.

Run `python benchmarks/mutations.py [--each N] [--seed S]`. Mutates each fixture of
`tests/analysis/traffic/test_damage.py` N (250) times; each mutation is followed by one pass over the undamaged fixture,
so that a busy machine disturbs both alike. Prints, for each fixture and for all, the sum of the one over the sum of
the other, and of the single mutations, each over the mean undamaged pass of its fixture, the median, the 99th
percentile, the dearest and how many are above 3 x. Ends with 1 when a sum is above 3 x or damage makes a capture pass;
an exception ends it.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pytest_conformance.analysis.traffic import Context, inspect, picturehash
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


@dataclass(frozen=True)
class Measured:
    """Processor seconds over one fixture: of each mutation, of each undamaged pass, and what was said."""

    damaged: list[float]
    whole: list[float]
    outcomes: Counter[str]

    @property
    def mean(self) -> float:
        """Seconds of an undamaged pass."""
        return sum(self.whole) / len(self.whole)

    @property
    def good(self) -> bool:
        """Tell whether the sum keeps within the goal and nothing passed."""
        return sum(self.damaged) <= GOAL * sum(self.whole) and not self.outcomes["PASS"]


def fixture(pcap: bytes, context: Context, count: int, rnd: random.Random) -> Measured:
    """Measure one fixture."""
    measured = Measured([], [], Counter())
    seconds(pcap, context)
    for _ in range(count):
        took, verdict = seconds(test_damage.mutate(pcap, rnd), context)
        measured.damaged.append(took)
        measured.outcomes[verdict] += 1
        measured.whole.append(seconds(pcap, context)[0])
    return measured


def row(name: str, damaged: float, whole: float, ratios: list[float], said: str) -> str:
    """Return one line: the sums, and how the single mutations are spread."""
    ratios = sorted(ratios)
    p99, above = ratios[-max(1, len(ratios) // 100)], sum(each > GOAL for each in ratios)
    spread = (
        f"p50 {statistics.median(ratios):4.2f}   p99 {p99:4.2f}   max {ratios[-1]:5.2f}   {above} above {GOAL:.0f} x"
    )
    return f"  {name:10}{whole * 1000:8.1f} ms whole   sum {damaged / whole:4.2f} x   {spread}   {said}"


def told(name: str, measured: Measured) -> str:
    """Return the line of one fixture."""
    said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(measured.outcomes.items()))
    ratios = [took / measured.mean for took in measured.damaged]
    return row(name, statistics.mean(measured.damaged), measured.mean, ratios, said)


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
    picturehash.decode(b"", 1, 1, "")  # loads what only a picture that does not decode needs
    rows = []
    for name, pcap in pcaps.items():
        rows.append(fixture(pcap, example if name in test_damage.EXAMPLES else own, given.each, rnd))
        print(told(name, rows[-1]))
    ratios = [took / each.mean for each in rows for took in each.damaged]
    damaged, whole = (
        sum(sum(each) for each in side) for side in zip(*((r.damaged, r.whole) for r in rows), strict=True)
    )
    print(row("all", damaged / len(ratios), whole / len(ratios), ratios, ""))
    print("all goals met" if all(each.good for each in rows) else "a goal is missed")
    return 0 if all(each.good for each in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
