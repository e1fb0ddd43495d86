"""Single instruments that may not be used: in quarantine, or replaced since the bench was used last (case G15)."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_conformance.bench import quarantine
from pytest_conformance.errors import BenchError, UsageError

if TYPE_CHECKING:
    from pytest_conformance.bench.file import BenchFile, RoleEntry
    from pytest_conformance.drivers.roles import Identity


def label(entry: RoleEntry, bench: str) -> str:
    """Return the name under which an instrument is kept in quarantine: its own number follows it to other benches."""
    return f"instrument {entry.id}" if entry.id else f"instrument {entry.name} of {bench}"


def entry_of(file: BenchFile, role: str) -> RoleEntry:
    """Return the instrument in `role`; UsageError USE-BEN-023 when the bench has none."""
    if role not in file.roles:
        raise UsageError(
            "USE-BEN-023",
            f"bench {file.name!r} has no role {role!r}",
            where=file.path,
            expected=f"one of {', '.join(file.roles)}",
        )
    return file.roles[role]


def require_released(state: Path, file: BenchFile) -> None:
    """Raise BenchError BEN-QUA-002 that names the instruments of the bench that are in quarantine."""
    kept = [(entry, quarantine.in_force(state, label(entry, file.name))) for entry in file.roles.values()]
    found = [(entry, each) for entry, each in kept if each is not None]
    if found:
        entry, first = found[0]
        named = "; ".join(
            f"{one.name} ({one.id or 'no number'}) since {each.since}: {each.reason}" for one, each in found
        )
        raise BenchError(
            "BEN-QUA-002",
            f"in quarantine: {named}",
            where=first.run or entry.where,
            expected="instruments that a named person has verified and released",
            todo=f"verify it, then: {_release(file, entry.name)}",
        )


def require_same(state: Path, file: BenchFile, identities: Mapping[str, Identity]) -> None:
    """Remember who is in which role of the bench; an instrument that is another one than last goes into quarantine.

    Raises BenchError BEN-QUA-003 then. What tells no maker and serial number of its own is not compared: a person's
    terminal, a camera that is known by its address alone.
    """
    path = _memory(state, file.name)
    before = _remembered(path)
    now = {role: f"{each.model} {each.serial}".strip() for role, each in identities.items() if _tells(role, each)}
    replaced = [role for role, who in now.items() if before.get(role, who) != who]
    for role in replaced:
        reason = f"{role} was replaced: {before[role]} before, {now[role]} now"
        quarantine.impose(state, label(file.roles[role], file.name), reason, "")
    _remember(path, {**before, **{role: who for role, who in now.items() if role not in replaced}})
    if replaced:
        told = "; ".join(f"{role}: {before[role]} before, {now[role]} now" for role in replaced)
        raise BenchError(
            "BEN-QUA-003",
            f"an instrument was replaced: {told}",
            where=file.path,
            expected="the instruments of the last run, or new ones that were verified",
            todo=f"verify it, then: {_release(file, replaced[0])}",
        )


def forget(state: Path, bench: str, roles: Iterable[str]) -> None:
    """Let whoever is in these roles next be remembered: they were verified and released."""
    path = _memory(state, bench)
    gone = set(roles)
    _remember(path, {role: who for role, who in _remembered(path).items() if role not in gone})


def _tells(role: str, identity: Identity) -> bool:
    return bool(identity.manufacturer and identity.serial) and not identity.serial.startswith(f"{role} at ")


def _release(file: BenchFile, role: str) -> str:
    return f"conformance bench release {file.name} --role {role} --person NAME --reason WHY"


def _remembered(path: Path) -> dict[str, str]:
    with suppress(OSError, ValueError):
        data = json.loads(path.read_text("utf-8"))
        if isinstance(data, dict):
            return {str(role): str(who) for role, who in data.items()}
    return {}


def _remember(path: Path, who: Mapping[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    beside.write_text(json.dumps(dict(who), indent=1) + "\n", "utf-8")
    os.replace(beside, path)


def _memory(state: Path, bench: str) -> Path:
    return state / f"instruments-{''.join(each if each.isalnum() else '_' for each in bench)}.json"
