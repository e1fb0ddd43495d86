"""A campaign of 1,000 presentations on the mock bench in simulated time, over the real transports.

Prints how long it took, trial by trial of the wall clock, and whether the estimates hold the truth. Run it on an idle
machine: `python benchmarks/campaign.py [--presentations 1000] [--profile]`.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import tempfile
from pathlib import Path

from pytest_conformance.analysis.biometrics.campaigns import CampaignObservation
from pytest_conformance.bench import Bench
from pytest_conformance.bench.file import load_bench
from pytest_conformance.declaration import load_declaration
from pytest_conformance.declaration.profile import load_profile
from pytest_conformance.devices.lock import ReferenceLock
from pytest_conformance.procedures.campaign import Campaigns
from pytest_conformance.record import Run, read_journal
from pytest_conformance.stimulus.assembly import load_registers, make_presenter

HERE = Path(__file__).resolve().parents[1]
PLAN = """\
schema: conformance-plan/1
name: thousand
version: "1"
title: so many presentations of each of eight species, for the clock
kind: attack
cells: species
rules: {{attack: {{kind: fixed, n: {n}, c: {c}}}}}
bona_fide_every: 9
stop_at_failure: false
limits: [{{name: IAPAR, value: 15 %, text_status: unsure, source: this benchmark}}]
source: this benchmark
text_status: unsure
"""


def main() -> None:
    """Run one campaign and print its cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presentations", type=int, default=1000)
    parser.add_argument("--profile", action="store_true", help="print where the time of this process goes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        observed, seconds = run(Path(name), arguments.presentations, arguments.profile)
    trials = len(observed.trials)
    print(f"{trials} presentations in {seconds:.1f} s: {1e3 * seconds / trials:.1f} ms each; ended {observed.decided}")
    for row in observed.species:
        print(f"{row.name:15} {row.errors:3} of {row.n:3}, upper bound {row.upper}, clustered {row.clustered_upper}")
    print(f"void {observed.decided.void}, lock-outs {len(observed.lockouts)}, bona fide {observed.bona_fide}")


def run(folder: Path, presentations: int, profiled: bool) -> tuple[CampaignObservation, float]:
    """Return the observation and the wall seconds from the first presentation to the last."""
    n = round(presentations * 9 / 10 / 8)
    plan = folder / "thousand.yaml"
    plan.write_text(PLAN.format(n=n + n // 10, c=n // 10))
    file = load_bench(HERE / "benches" / "mock-campaign.yaml")
    bench = Bench.open(file, folder / "bench", dut="mock-lock")
    record = Run.start(folder, {"bench": "mock-campaign"})
    try:
        subjects, artefacts = load_registers("mock-campaign", HERE)
        lock = ReferenceLock(bench, load_declaration(HERE / "fixtures" / "devices" / "mock-lock.yaml"))
        lock.presenter = make_presenter(bench, subjects, artefacts, folder)
        profile = load_profile(HERE / "fixtures" / "profiles" / "quick.yaml")
        campaigns = Campaigns(bench, record, profile, (subjects, artefacts), HERE)
        profiler = cProfile.Profile()
        if profiled:
            profiler.enable()
        before = processor_seconds(bench)
        observed = campaigns.run(str(plan), lock.recogniser)
        after = processor_seconds(bench)
        profiler.disable()
        print("processor seconds, with enrolment: " + ", ".join(f"{k} {after[k] - before[k]:.1f}" for k in before))
        if profiled:
            pstats.Stats(profiler).sort_stats("cumulative").print_stats(45)
        return observed, wall_seconds(record)
    finally:
        bench.close()
        record.stop(0)


def processor_seconds(bench: Bench) -> dict[str, float]:
    """Return what the bench's process and the simulation's have used, user and system."""
    tick = os.sysconf("SC_CLK_TCK")
    pids = {"bench": os.getpid(), "simulation": bench.world.pid if bench.world else os.getpid()}
    rows = {name: Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split() for name, pid in pids.items()}
    return {name: (int(row[11]) + int(row[12])) / tick for name, row in rows.items()}


def wall_seconds(record: Run) -> float:
    """Return the wall seconds between the sealing of the plan and the end of the campaign, by the journal."""
    times = [each.mono_ns for each in read_journal(record.journal.path) if each.type == "campaign"]
    return (times[-1] - times[0]) / 1e9


if __name__ == "__main__":
    main()
