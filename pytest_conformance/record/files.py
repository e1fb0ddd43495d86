"""Writing a file in one stroke: readers see the old one or the new one, never half of it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from pytest_conformance.errors import StorageError


def write_atomically(file: Path, content: bytes) -> None:
    """Write `content` beside `file`, sync it, and give it its name.

    Raises StorageError BEN-STO-002 when the disk does not take it.
    """
    beside = file.with_name(f".{file.name[:100]}.{secrets.token_hex(4)}")
    try:
        with beside.open("wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        os.replace(beside, file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StorageError("BEN-STO-002", f"cannot be written: {error.strerror}", where=str(file)) from error


def sync_folder(folder: Path) -> None:
    """Return when the names in `folder` are on the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
