"""Before the first test: the lease of the bench, and what an earlier holder left behind."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_conformance.errors import BenchError, ConformanceError, UsageError

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.bench.file import BenchFile
    from pytest_conformance.bench.leases import Former, Lease
    from pytest_conformance.record import Run
    from pytest_conformance.running.options import Request


def take_lease(request: Request, run: Run, folder: Path) -> Lease:
    """Take the bench for this run, before any instrument is touched; on a mock bench nobody else can want it.

    Raises LeaseError BEN-LSE-001 when somebody holds it, UsageError for a take-over by a person who may not, and
    BenchError BEN-QUA-001 when an accredited run meets a quarantine.
    """
    from pytest_conformance.bench import leases, quarantine

    file = request.bench
    state = folder / "state" if file.mode == "mock" else leases.state_folder()
    person, reason = taking_over(file, request.take_over)
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
