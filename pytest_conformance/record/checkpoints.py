"""Merkle roots of a journal while it grows and when it ends, signed where there is a key. Writes no event itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_conformance.record.attestation import FOLDER, JOURNAL, attest, attestation_name
from pytest_conformance.record.files import write_atomically
from pytest_conformance.record.keys import SigningKey
from pytest_conformance.record.merkle import Frontier

EVERY = 1024
"""Events after which the next checkpoint is due."""


@dataclass(frozen=True)
class Root:
    """State of a journal after `events` lines: SHA-256 of the last line, and Merkle root over all."""

    events: int
    head: str
    merkle_root: str


class Checkpoints:
    """Follows the journal at `path`, which other processes may write as well, by reading what was added."""

    def __init__(self, path: Path, key: SigningKey | None, header: Mapping[str, Any], *, of: str = JOURNAL) -> None:
        self._path = path
        self._of = of
        self._key = key
        self._header = header
        self._tree = Frontier()
        self._offset = 0
        self._head = ""
        self._next = EVERY

    def due(self, events: int) -> bool:
        """Tell whether a checkpoint is due, when the journal holds `events` lines."""
        return events >= self._next

    def take(self) -> Root:
        """Return the root over every whole line that is in the file now."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._tree.add(line)
                self._offset += len(line)
                self._head = hashlib.sha256(line).hexdigest()
        self._next = self._tree.size + EVERY
        return Root(self._tree.size, self._head, self._tree.root())

    def sign(self, root: Root, result: Mapping[str, Any] | None = None) -> Path | None:
        """Write an attestation over `root` beside the journal and return its path; None where there is no key.

        `result` is the test-result predicate of a run that has ended. Raises StorageError BEN-STO-002.
        """
        if self._key is None:
            return None
        run = self._path.parent.name
        envelope = attest(
            self._key,
            run=run,
            bench=str(self._header.get("bench", "")),
            events=root.events,
            head=root.head,
            root=root.merkle_root,
            subjects=subjects(self._header),
            result=result,
            of=self._of,
        )
        target = self._path.parent / FOLDER / attestation_name(root.events, self._of)
        target.parent.mkdir(exist_ok=True)
        write_atomically(target, envelope)
        return target


def subjects(header: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the in-toto subjects for the device that `header` names: its firmware and its sample.

    A digest is required by in-toto. Where no image of the firmware was given, it is that of the declared
    identity, and an annotation says so.
    """
    device = header.get("device") or {}
    model, firmware, sample = (str(device.get(name) or "") for name in ("model", "firmware", "sample"))
    if not model and not sample:
        return []
    image = str(device.get("firmware_sha256") or "")
    named = {
        "name": f"firmware:{model}:{firmware}",
        "digest": {"sha256": image or _identity(model, firmware)},
        "annotations": {"digest_of": "firmware image" if image else "declared model and version; no image was given"},
    }
    unit = {
        "name": f"sample:{model}:{sample}",
        "digest": {"sha256": _identity(model, firmware, sample)},
        "annotations": {"digest_of": "declared model, version and sample"},
    }
    return [named, unit]


def _identity(*texts: str) -> str:
    return hashlib.sha256(json.dumps(texts, ensure_ascii=True).encode("ascii")).hexdigest()
