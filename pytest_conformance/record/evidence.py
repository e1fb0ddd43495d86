"""The content-addressed evidence store: files named by their hash. Names given by devices are only data here."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pytest_conformance.errors import StorageError
from pytest_conformance.record.plain import is_reference

EXTENSIONS = {
    "application/json": ".json",
    "application/vnd.tcpdump.pcap": ".pcap",
    "application/x-pcapng": ".pcapng",
    "application/x-ndjson": ".jsonl",
    "audio/wav": ".wav",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "text/csv": ".csv",
    "text/plain": ".txt",
    "video/mp4": ".mp4",
}
"""Media types that keep an extension; everything else is stored as `.bin`, as `application/octet-stream`."""

SIZE_CAP = 256 * 1024 * 1024
"""Bytes that one piece of evidence keeps; a longer one is cut and marked."""
NAME_CAP = 255
_BLOCK = 1024 * 1024


@dataclass(frozen=True)
class Evidence:
    """One stored piece. `file` is relative to the run folder, `size` in bytes after a possible cut at SIZE_CAP."""

    ref: str
    file: str
    size: int
    name: str
    media_type: str
    caption: str = ""
    face: bool = False
    truncated: bool = False
    drawing: bool = False
    """Drawn by the bench from data that are evidence as well: it shows nobody."""


class EvidenceStore:
    """Evidence of one run, under `folder`/evidence. Several processes may store the same content at once."""

    def __init__(self, folder: Path, *, cap: int = SIZE_CAP) -> None:
        self.folder = folder
        self._cap = cap

    def put(
        self,
        content: bytes | Path,
        *,
        name: str,
        media_type: str,
        caption: str = "",
        face: bool = False,
        drawing: bool = False,
    ) -> Evidence:
        """Store `content` (bytes, or a regular file) and return what it is called.

        The file is written beside, synced, then renamed; it is complete when it has its name. Raises
        StorageError: BEN-STO-007 for a link, device or FIFO, BEN-STO-002 when the disk does not take it.
        """
        kind = media_type if media_type in EXTENSIONS else "application/octet-stream"
        source = io.BytesIO(content) if isinstance(content, bytes) else _regular(content)
        try:
            with source:
                digest, size, truncated, incoming = self._receive(source, face)
            file = f"evidence/{digest[:2]}/{digest}{EXTENSIONS.get(kind, '.bin')}"
            self._settle(incoming, self.folder / file)
        except OSError as error:
            raise StorageError(
                "BEN-STO-002", f"evidence cannot be written: {error.strerror}", where=str(self.folder)
            ) from error
        return Evidence(f"sha256:{digest}", file, size, name[:NAME_CAP], kind, caption, face, truncated, drawing)

    def find(self, ref: str) -> Path:
        """Return the file behind `ref`. Raises StorageError BEN-STO-009 when there is none."""
        if is_reference(ref):
            digest = ref.removeprefix("sha256:")
            for file in sorted((self.folder / "evidence" / digest[:2]).glob(f"{digest}.*")):
                return file
        raise StorageError("BEN-STO-009", f"no evidence {ref[:80]!r}", where=str(self.folder))

    def read(self, ref: str) -> bytes:
        """Return the content behind `ref`. Raises StorageError BEN-STO-009 when it is missing or changed."""
        content = self.find(ref).read_bytes()
        if hashlib.sha256(content).hexdigest() != ref.removeprefix("sha256:"):
            raise StorageError("BEN-STO-009", f"evidence {ref} is not what was recorded", where=str(self.folder))
        return content

    def _receive(self, source: BinaryIO, face: bool) -> tuple[str, int, bool, Path]:
        room = self.folder / "incoming"
        room.mkdir(exist_ok=True)
        incoming = room / secrets.token_hex(8)
        fd = os.open(incoming, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600 if face else 0o644)
        digest, size = hashlib.sha256(), 0
        with os.fdopen(fd, "wb") as target:
            while size < self._cap and (block := source.read(min(_BLOCK, self._cap - size))):
                digest.update(block)
                target.write(block)
                size += len(block)
            target.flush()
            os.fsync(target.fileno())
        return digest.hexdigest(), size, bool(source.read(1)), incoming

    def _settle(self, incoming: Path, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            incoming.unlink()
            return
        os.replace(incoming, file)
        for folder in (file.parent, file.parent.parent):
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)


def read_regular(path: Path, cap: int = SIZE_CAP) -> bytes:
    """Return the content of a regular file, cut at `cap`; raises StorageError BEN-STO-007 for anything else."""
    with _regular(path) as source:
        return source.read(cap)


def _regular(path: Path) -> BinaryIO:
    """Open a regular file without following a link, and without waiting on a FIFO."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError("BEN-STO-007", f"cannot be taken as evidence: {error.strerror}", where=str(path)) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise StorageError("BEN-STO-007", "only regular files are taken as evidence", where=str(path))
    return os.fdopen(fd, "rb")
