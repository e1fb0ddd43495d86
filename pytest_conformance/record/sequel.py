"""What happens to a record after its run: openings, releases, erasures, corrections, in a journal of its own.

`sequel.jsonl` begins with the hash of the journal that it continues; `verify` checks both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_conformance.errors import StorageError, UsageError
from pytest_conformance.record.attestation import SEQUEL
from pytest_conformance.record.checkpoints import Checkpoints
from pytest_conformance.record.events import Event
from pytest_conformance.record.evidence import EvidenceStore
from pytest_conformance.record.journal import Journal, iterate_journal
from pytest_conformance.record.keys import SigningKey
from pytest_conformance.record.vault import Erasure, Vault

SEQUEL_FILE = "sequel.jsonl"


def add(folder: Path, kind: str, data: Mapping[str, Any], key: SigningKey | None = None) -> Event:
    """Append an event to the sequel of the run in `folder`; it is on the disk when this returns.

    The first one is preceded by a `sequel` event that names the journal's events and hash at that time. `key` signs
    the sequel up to this event, what was added without a key before included.
    """
    path = folder / SEQUEL_FILE
    fresh = not path.exists() or path.stat().st_size == 0
    journal = Journal(path)
    try:
        if fresh:
            root = Checkpoints(folder / "journal.jsonl", None, {}).take()
            journal.append("sequel", {"run": folder.name, "events": root.events, "head": root.head})
        event = journal.append(kind, data)
        journal.sync()
    finally:
        journal.close()
    if key is not None:
        checkpoints = Checkpoints(path, key, _header(folder), of=SEQUEL)
        checkpoints.sign(checkpoints.take())
    return event


def _header(folder: Path) -> Mapping[str, Any]:
    first = next(iterate_journal(folder / "journal.jsonl"))
    header: Mapping[str, Any] = first.data.get("header") or {}
    return header


def read_sequel(folder: Path) -> Iterator[Event]:
    """Yield the events after the run in `folder`; none where nothing happened."""
    if (folder / SEQUEL_FILE).is_file():
        yield from iterate_journal(folder / SEQUEL_FILE)


def sealed_evidence(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the `evidence` events of the run in `folder` that hold something sealed."""
    for event in iterate_journal(folder / "journal.jsonl"):
        if event.type == "evidence" and event.data.get("sealed"):
            yield event.data


def open_face(
    folder: Path, ref: str, vault: Vault, *, person: str, reason: str, key: SigningKey | None = None
) -> bytes:
    """Return the content behind `ref`, journalled first: who opened it, and why (fault case J04).

    Raises UsageError USE-VLT-001 without person or reason, StorageError as `Vault.unseal` and `EvidenceStore.read`.
    """
    if not person.strip() or not reason.strip():
        raise UsageError(
            "USE-VLT-001", "a face is opened by a person, for a reason", expected="--person and --reason", where=ref
        )
    for about in sealed_evidence(folder):
        if about["ref"] == ref:
            sealed = EvidenceStore(folder).read(ref)
            subjects = [str(each) for each in about["sealed"]]
            add(folder, "opened", {"ref": ref, "subjects": subjects, "person": person, "reason": reason}, key)
            return vault.unseal(sealed, subjects)
    raise StorageError("BEN-STO-009", f"no sealed evidence {ref[:80]!r}", where=str(folder))


def erase(
    subject: str, vault: Vault, runs: list[Path], *, person: str, reason: str, key: SigningKey | None = None
) -> list[Path]:
    """Destroy the key of `subject` and put a tombstone into each of `runs` that holds sealed evidence of them.

    Returns the runs that were told. A crash leaves the key destroyed; `finish` does the rest at the next start.
    """
    if not person.strip() or not reason.strip():
        raise UsageError("USE-VLT-001", "an erasure is asked for by a person, for a reason", where=subject)
    return _bury(vault.begin_erasure(subject, person, reason), vault, runs, key)


def finish(vault: Vault, runs: list[Path], key: SigningKey | None = None) -> list[Erasure]:
    """Finish the erasures that a crash broke off (fault case J09), and return them."""
    found = list(vault.unfinished())
    for erasure in found:
        _bury(erasure, vault, runs, key)
    return found


def _bury(erasure: Erasure, vault: Vault, runs: list[Path], key: SigningKey | None) -> list[Path]:
    told = []
    for folder in runs:
        refs = [str(each["ref"]) for each in sealed_evidence(folder) if erasure.subject in each["sealed"]]
        before = {str(each.data.get("begun")) for each in read_sequel(folder) if each.type == "erased"}
        if refs and erasure.begun not in before:
            add(folder, "erased", {**vars(erasure), "refs": refs}, key)
            told.append(folder)
    vault.finish_erasure(erasure)
    return told
