"""Bringing a run back from a backup: verified before and after, recorded, and with what was erased since."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_conformance.errors import StorageError, UsageError
from pytest_conformance.record.bundle import unpacked
from pytest_conformance.record.keys import SigningKey
from pytest_conformance.record.sequel import add, read_sequel, sealed_evidence
from pytest_conformance.record.store_check import BUNDLE_FILE
from pytest_conformance.record.vault import Vault
from pytest_conformance.record.verify import require_whole

DAMAGED = "restore from another backup; this one was changed or damaged"


def restore(
    backup: Path, below: Path, vault: Vault, *, person: str, reason: str, key: SigningKey | None = None
) -> Path:
    """Copy the run in `backup` (its folder, or a full bundle) into the folder `below` and return where it is now.

    A `restored` event in its sequel says who, why, from what, and how much the copy held: what was added to the
    original after the backup is not in it. Subjects that were erased since get their tombstone again.

    Raises StorageError: BEN-STO-012 when the backup or the copy does not verify, BEN-STO-010 when there is a run of
    that name, BEN-STO-001 when it cannot be written; UsageError USE-RST-001 for a bundle without its faces.
    """
    with _source(backup) as folder:
        seen = require_whole(folder, DAMAGED)
        if (folder / BUNDLE_FILE).is_file() and json.loads((folder / BUNDLE_FILE).read_bytes())["redacted"]:
            raise UsageError(
                "USE-RST-001",
                f"a redacted bundle is no backup: {seen.withheld} pieces of evidence are not in it",
                where=str(backup),
                expected="the run's folder, or a full bundle",
                todo="restore from one of these; to read a bundle no restoring is needed",
            )
        target = below / folder.name
        if target.exists():
            raise StorageError("BEN-STO-010", f"there is a run {folder.name!r} already", where=str(below))
        _copy(folder, target)
    added = list(read_sequel(target))
    told = {"source": backup.name, "events": seen.events, "head": seen.head, "added": len(added)}
    add(target, "restored", {**told, "person": person, "reason": reason}, key)
    buried = {str(each.data["subject"]) for each in added if each.type == "erased"}
    subjects = {str(each) for about in sealed_evidence(target) for each in about["sealed"]}
    for subject in sorted(subjects - buried):
        erasure = vault.erasure(subject)
        if erasure is not None:
            refs = [str(each["ref"]) for each in sealed_evidence(target) if subject in each["sealed"]]
            add(target, "erased", {**vars(erasure), "refs": refs}, key)
    return target


@contextmanager
def _source(backup: Path) -> Iterator[Path]:
    if backup.is_dir():
        yield backup
        return
    with unpacked(backup) as folder:
        yield folder


def _copy(folder: Path, target: Path) -> None:
    """Copy by way of a folder with another name, so that a copy that broke off is never taken for the run."""
    beside = target.with_name(f".{target.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder, beside, symlinks=True, ignore=shutil.ignore_patterns(BUNDLE_FILE))
        require_whole(beside, DAMAGED)
        beside.rename(target)
    except OSError as error:
        raise StorageError("BEN-STO-001", f"it cannot be written: {error}", where=str(target)) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
