"""Before the first test: the lease of the bench, and what an earlier holder left behind."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_conformance.errors import BenchError, ConformanceError, StorageError, SurroundingsError, UsageError

if TYPE_CHECKING:
    import pytest

    from pytest_conformance.bench import Bench
    from pytest_conformance.bench.file import BenchFile
    from pytest_conformance.bench.leases import Former, Lease
    from pytest_conformance.record import Run
    from pytest_conformance.running.options import Request


RESERVE = 512 * 1024**2
"""Bytes that stay free beside what a run is expected to write, so that its end can be recorded."""
EXPECTED = 256 * 1024**2
"""Bytes that a run is expected to write where no earlier run tells."""


def require_sound(
    config: pytest.Config, request: Request, run: Run, due: Mapping[str, str], clauses: Sequence[str]
) -> None:
    """Check disk and process, and for an accredited run all that it needs, before the bench is touched.

    `clauses` are those that tests will judge; `due` gives the limit that each needs, where it needs one. Raises
    StorageError BEN-STO-013 for a full disk, UsageError USE-ORD-001 for another model than the ordered one, and what
    `accreditation.require` raises.
    """
    from importlib.metadata import version

    from pytest_conformance.declaration.order import require_ordered
    from pytest_conformance.running import accreditation, limits_due, packs

    require_room(run.folder)
    if request.order is not None:
        require_ordered(request.order, request.declaration.model, request.declaration.place(("model",)))
    accreditation.refuse_thread_timeouts(config)
    if shuffled := accreditation.order(config):
        run.event("note", {"text": f"order of the tests: {shuffled}"})
    if request.accredited:
        method = [
            *limits_due.of_method(due, request.profile, request.declaration),
            *packs.of_editions(clauses, request.catalogue, datetime.datetime.now(datetime.UTC).date()),
            *packs.of_packs(),
        ]
        for warning in accreditation.require(config, request.bench, version("pytest-conformance"), method):
            run.event("note", {"text": warning})
    tell_golden(request, run)


def tell_golden(request: Request, run: Run) -> None:
    """Journal the last check of the bench's golden samples, and remember the run for the next one (B26, B27)."""
    from pytest_conformance.bench.golden import Ledger
    from pytest_conformance.bench.leases import state_folder

    if request.bench.golden is None or request.golden:
        return
    ledger = Ledger(state_folder(), request.bench.name)
    last = ledger.last()
    if last is not None:
        run.event("golden", last.told())
    if last is None or not last.good:
        said = f"gave what they must not at {last.at}" if last else "were never judged"
        run.event("note", {"text": f"the golden samples of this bench {said}"})
    ledger.add_run(run.folder)


def require_room(folder: Path) -> None:
    """Raise StorageError BEN-STO-013 when the disk has less than the expected need plus the reserve (case E01).

    The need is twice the size of the largest of the last runs beside this one.
    """
    earlier = sorted((each for each in folder.parent.iterdir() if each.is_dir() and each != folder), reverse=True)[:3]
    sizes = [sum(file.stat().st_size for file in each.rglob("*") if file.is_file()) for each in earlier]
    need = max([EXPECTED, *(2 * each for each in sizes)])
    free = shutil.disk_usage(folder).free
    if free < need + RESERVE:
        raise StorageError(
            "BEN-STO-013",
            f"{free / 1024**2:.0f} MiB are free, and this run may need {need / 1024**2:.0f} MiB",
            where=str(folder),
            expected=f"{(need + RESERVE) / 1024**2:.0f} MiB with the reserve",
            todo="make room, or name another folder with --record",
        )


SURROUNDINGS = (
    ("illuminance", "lux", "lux", "the light at the device is {:.0f} lx", "{:g} to {:g} lx"),
    ("temperature", "thermometer", "celsius", "the air beside the device has {:.1f} degC", "{:g} to {:g} degC"),
    ("humidity", "thermometer", "humidity", "the air beside the device has {:.0%} of humidity", "{:.0%} to {:.0%}"),
)
"""Limits of a bench file: name, the role that measures it and by which method, how it is said."""


def require_surroundings(bench: Bench) -> None:
    """Raise SurroundingsError ENV-LIM-001 when light or air are outside the bench file's `limits:` (case B22)."""
    for name, role, method, said, span in SURROUNDINGS:
        limits = getattr(bench.file.limits, name)
        if limits is None or not bench.has(role):
            continue
        value = float(getattr(bench.role(role), method)())
        if not limits.lower <= value <= limits.upper:
            raise SurroundingsError(
                "ENV-LIM-001",
                f"the surroundings are outside the limits: {said.format(value)}",
                where=bench.name,
                expected=f"{span.format(limits.lower, limits.upper)}, as `limits:` in the bench file says",
                todo="restore them; what was measured in them is void",
            )


def note_jumps(bench: Bench, run: Run) -> None:
    """Journal a step of the wall clock; durations do not change, they are monotonic (case D01)."""
    jumped = bench.watch_of_clocks.jump()
    if jumped:
        run.event("note", {"text": f"the wall clock jumped by {jumped:+.1f} s; durations are monotonic"})


def relink(bench: Bench, run: Run) -> None:
    """Open links again that went away and are back, and journal it (cases B02, B08)."""
    for said in bench.relink():
        run.event("note", {"text": said})


def take_lease(request: Request, run: Run, folder: Path) -> Lease:
    """Take the bench for this run, before any instrument is touched; on a mock bench nobody else can want it.

    Raises LeaseError BEN-LSE-001 when somebody holds it, UsageError for a take-over by a person who may not, and
    BenchError BEN-QUA-001 when an accredited run meets a quarantine, BEN-QUA-002 when an instrument is in one,
    BEN-QUA-004 when the sample was dangerous.
    """
    from pytest_conformance.bench import instruments, leases, quarantine
    from pytest_conformance.running.sample import require_harmless

    file = request.bench
    state = folder / "state" if file.mode == "mock" else leases.state_folder()
    person, reason = taking_over(file, request.take_over)
    instruments.require_released(state, file)
    require_harmless(state, request.sample)
    if request.accredited:
        quarantine.require_none(state, file.name)
    elif (found := quarantine.in_force(state, file.name)) is not None:
        run.event("note", {"text": f"the bench is in quarantine since {found.since}: {found.reason}"})
    addresses = [] if file.mode == "mock" else [each.address for each in file.roles.values()]
    silence = file.safe_state.silence
    lease = leases.acquire(state, file.name, addresses, run.folder, silence=silence, force=bool(person))
    for former in lease.former:
        if former.how == "taken over":
            prompt = f"take over bench {file.name} from {former.holder}"
            said = {"person": person, "prompt": prompt, "answer": reason, "run": run.id}
            run.event("operator", said)
            _tell_former(former, "operator", said)
    return lease


def taking_over(file: BenchFile, asked: str) -> tuple[str, str]:
    """Return person and reason of `--take-over`; raises UsageError USE-LSE-001 or USE-LSE-002."""
    if not asked:
        return "", ""
    person, _, reason = (each.strip() for each in asked.partition(":"))
    if not person or not reason:
        raise UsageError(
            "USE-LSE-001",
            f"--take-over {asked!r} names no person, or no reason",
            expected="--take-over 'PERSON: REASON'",
            todo="both are recorded in the runs of both sides",
        )
    if not file.may(person, "take-over"):
        raise UsageError(
            "USE-LSE-002",
            f"{person} may not take over bench {file.name!r}",
            where=str(file.path),
            expected="a person with `take-over` under `people:` in the bench file",
            todo="ask one of them, or wait until the bench is free",
        )
    return person, reason


def make_safe(bench: Bench, run: Run) -> None:
    """Bring the bench of a former holder to a proven safe state, and say so in both records.

    Raises BenchError BEN-LSE-003 when it cannot be proven; the bench is then in quarantine.
    """
    from pytest_conformance.bench.quarantine import impose

    lease = bench.lease
    if lease is None or not lease.former:
        return
    outcomes = bench.outputs_off()
    reached = all(each.done for each in outcomes)
    for former in lease.former:
        why = f"run {former.holder.run} left the bench: its lease was {former.how}"
        outputs = {each.name: "done" if each.done else each.reason for each in outcomes}
        said = {"by": "next owner", "trigger": why, "reached": reached, "outputs": outputs, "reason": why}
        run.event("safe-state", {**said, "quarantine": not reached})
        _tell_former(former, "note", {"text": f"the bench was brought to its safe state by run {run.id}: {reached}"})
    if not reached:
        reason = "; ".join(f"{each.name}: {each.reason}" for each in outcomes if not each.done)
        impose(lease.path.parent.parent, bench.name, reason, str(run.folder))
        raise BenchError(
            "BEN-LSE-003",
            f"the bench that an earlier run left cannot be brought to its safe state: {reason}",
            where=bench.name,
            expected="every output off and read back",
            todo="switch it off by hand, then: conformance bench release",
        )


def _tell_former(former: Former, kind: str, data: Mapping[str, object]) -> None:
    """Say in the former holder's record what became of its bench, where that record has no end and can be written."""
    from pytest_conformance.record import JOURNAL_FILE, Journal, read_journal

    path = Path(former.holder.run) / JOURNAL_FILE
    with suppress(ConformanceError, OSError):
        if path.is_file() and read_journal(path)[-1].type != "stop":
            journal = Journal(path)
            journal.append(kind, data)
            journal.close()
