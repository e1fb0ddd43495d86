"""Cost of `conformance verify` on a run of 100,000 events, as a ratio in one run to the least that it could do.

python benchmarks/verification.py [events]
The floor reads each line as JSON and hashes it twice (chain and Merkle leaf), and nothing else. Prints a table and
exits with 1 when the stated bound is broken. `docs/record.md` shows one run.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from pytest_conformance.record import Run
from pytest_conformance.record.keys import load_signing_key, make_key
from pytest_conformance.record.verify import verify

EVENTS = 100_000
SECONDS = 5.0
"""Most that may pass, in seconds of processor time of this machine."""
EVIDENCE_EVERY = 1_000
ROUNDS = 3
ROW = {
    "campaign": "attacks",
    "outcome": "rejected",
    "void": False,
    "cell": ["print-2d", "S1", "A-print-1"],
    "conditions": {"lux": 301.7, "distance": 480.0, "temperature": 22.9, "measured": ["lux"]},
    "seconds": 0.612,
    "score": 0.31,
}


def recorded(root: Path, count: int) -> Path:
    """Record and sign a run of about `count` events with evidence in between; return its folder."""
    run = Run.start(root, {"bench": "benchmark"}, run_id="long", key=load_signing_key(make_key(root, "benchmark")))
    for number in range(count):
        run.event("trial", {**ROW, "number": number})
        if number % EVIDENCE_EVERY == 0:
            run.evidence(f"{number}".encode() * 2000, name=f"{number}.txt", media_type="text/plain")
    run.stop(0)
    return run.folder


def floor(folder: Path) -> int:
    """Read and hash every line; return how many there were."""
    count = 0
    with (folder / "journal.jsonl").open("rb") as lines:
        for line in lines:
            json.loads(line)
            hashlib.sha256(line).digest()
            hashlib.sha256(b"\0" + line).digest()
            count += 1
    return count


def main(arguments: list[str]) -> int:
    """Measure, print, and return 1 when a bound is broken or the record does not verify."""
    with tempfile.TemporaryDirectory() as name:
        folder = recorded(Path(name), int(arguments[0]) if arguments else EVENTS)
        ours, least, seen = [], [], None
        for _ in range(ROUNDS):
            began = time.process_time()
            seen = verify(folder)
            ours.append(time.process_time() - began)
            began = time.process_time()
            floor(folder)
            least.append(time.process_time() - began)
    assert seen is not None
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    kept = min(ours) <= SECONDS
    print(
        f"{seen.events} events, {seen.evidence} pieces of evidence, {len(seen.signed)} signatures: "
        f"{seen.findings or 'whole'}"
    )
    print(f"  verify {min(ours):.2f} s of processor time (bound {SECONDS:g} s) {'kept' if kept else 'BROKEN'}")
    print(
        f"  reading and hashing alone {min(least):.2f} s; "
        f"ratio {min(ours) / min(least):.2f}; peak memory {memory:.0f} MB"
    )
    return 0 if kept and not seen.findings else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
