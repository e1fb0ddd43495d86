"""What an accredited run asks of rules and code (case G16): editions in force, files as their packages brought them."""

from __future__ import annotations

import base64
import datetime
import hashlib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, entry_points
from typing import TYPE_CHECKING

from pytest_conformance.errors import BenchError, MethodError

if TYPE_CHECKING:
    from pytest_conformance.catalogue import Catalogue

GROUPS = tuple(f"pytest_conformance.{each}" for each in ("catalogues", "drivers", "devices", "benches"))
"""Entry points through which a package takes part in verdicts."""


def of_editions(clauses: Iterable[str], catalogue: Catalogue, today: datetime.date) -> Iterator[MethodError]:
    """Yield an error for each document whose edition was superseded by `today`, naming the `clauses` of it."""
    named: dict[str, list[str]] = {}
    for each in clauses:
        named.setdefault(catalogue.clauses[each].document, []).append(each)
    for document_id, ids in named.items():
        document = catalogue.documents[document_id]
        if document.superseded_on and datetime.date.fromisoformat(document.superseded_on) <= today:
            number = document.number or document_id
            yield MethodError(
                "MET-EDN-001",
                f"{number} was superseded on {document.superseded_on}: {', '.join(sorted(ids))}",
                where=document_id,
                expected=f"the edition in force: {document.superseded_by or 'see its issuer'}",
                todo="test against the new edition, or without --accredited",
            )


def of_packs() -> Iterator[BenchError]:
    """Yield an error for each installed package that brings rules or drivers, ours too, whose files were changed."""
    seen: set[str] = set()
    for group in GROUPS:
        for point in entry_points(group=group):
            pack = point.dist
            if pack is None or pack.name in seen:
                continue
            seen.add(pack.name)
            changed = changed_files(pack)
            if changed:
                more = f" and {len(changed) - 1} more" if changed[1:] else ""
                yield BenchError(
                    "BEN-VAL-002",
                    f"package {pack.name} {pack.version} is not as it was installed: {changed[0]}{more}",
                    where=str(pack.locate_file("")),
                    expected="files with the digests of the package's RECORD",
                    todo=f"install it again: pip install --force-reinstall --no-deps {pack.name}=={pack.version}",
                )


def changed_files(pack: Distribution) -> list[str]:
    """Return the files of `pack` that are missing or do not have the SHA-256 that its RECORD gives."""
    changed = []
    for file in pack.files or ():
        if file.hash is None or file.hash.mode != "sha256":
            continue
        try:
            digest = hashlib.sha256(file.read_binary()).digest()
        except OSError:
            digest = b""
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii") != file.hash.value:
            changed.append(str(file))
    return changed
