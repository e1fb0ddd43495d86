"""Benches that were not proven safe: kept out of accredited runs until a named person releases them, with a reason."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pytest_conformance.errors import BenchError, UsageError

HISTORY = "quarantine.jsonl"


@dataclass(frozen=True)
class Quarantine:
    """Why a bench is in quarantine: the reason, the run in which it happened, and since when (UTC, ISO 8601)."""

    bench: str
    reason: str
    run: str
    since: str


def impose(state: Path, bench: str, reason: str, run: str) -> None:
    """Put `bench` into quarantine; an older reason stays. Never raises: it is called when all else has failed."""
    made = Quarantine(bench, reason, run, _now())
    with suppress(OSError):
        state.mkdir(parents=True, exist_ok=True)
        file = _file(state, bench)
        if not file.exists():
            beside = state / f".{file.name}.{secrets.token_hex(4)}"
            beside.write_text(json.dumps(asdict(made)) + "\n")
            os.replace(beside, file)
        _history(state, {"event": "imposed", **asdict(made)})


def in_force(state: Path, bench: str) -> Quarantine | None:
    """Return the quarantine of `bench`, or None; a file that cannot be read counts as one."""
    file = _file(state, bench)
    if not file.exists():
        return None
    try:
        return Quarantine(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError) as error:
        return Quarantine(bench, f"its quarantine file cannot be read: {error}", "", "")


def require_none(state: Path, bench: str) -> None:
    """Raise BenchError BEN-QUA-001 when `bench` is in quarantine."""
    found = in_force(state, bench)
    if found is not None:
        raise BenchError(
            "BEN-QUA-001",
            f"bench {bench!r} is in quarantine since {found.since}: {found.reason}",
            where=found.run,
            expected="a bench that a named person has released",
            todo=f"see that it is safe, then: conformance bench release {bench} --person NAME --reason WHY",
        )


def release(state: Path, bench: str, person: str, reason: str) -> Quarantine:
    """Release `bench`; raises UsageError USE-BEN-020 when it is in no quarantine."""
    found = in_force(state, bench)
    if found is None:
        raise UsageError("USE-BEN-020", f"bench {bench!r} is in no quarantine", where=str(state))
    _history(state, {"event": "released", "person": person, "why": reason, "at": _now(), **asdict(found)})
    _file(state, bench).unlink(missing_ok=True)
    return found


def _history(state: Path, entry: dict[str, str]) -> None:
    with (state / HISTORY).open("a", encoding="ascii") as file:
        file.write(json.dumps(entry) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _file(state: Path, bench: str) -> Path:
    return state / f"quarantine-{''.join(each if each.isalnum() else '_' for each in bench)}.json"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
