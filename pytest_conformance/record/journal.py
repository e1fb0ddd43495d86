"""The append-only journal: JSON lines chained by hash, written by several processes. Knows no run folder."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from pytest_conformance.errors import StorageError
from pytest_conformance.record.events import FORMAT, SYNCED, Event, check_event

GENESIS = "0" * 64
"""`prev` of the first line."""
LINE_CAP = 16 * 1024 * 1024
"""Bytes of the longest line that is written or read."""
TEXT_CAP = 16 * 1024
"""Characters of one text value that an event keeps; the rest is counted."""
GROUP_EVENTS, GROUP_NS = 100, 500_000_000
"""Unsynced events, and nanoseconds since the last sync, after which a group is synced."""
_TAIL = 64 * 1024
_ENCODER = json.JSONEncoder(check_circular=False, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
_quoted: Callable[[str], str] = json.encoder.encode_basestring_ascii


class Journal:
    """An open journal. Safe for several threads and processes: each append locks the file and reads its tail.

    `append` raises StorageError BEN-STO-002 when the disk does not take the line; from then on nothing more is
    accepted, because what follows lost evidence must not look complete.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mutex = threading.RLock()
        self._fd = -1
        self._pid = 0
        self._size, self._seq, self._prev = 0, -1, GENESIS
        self._unsynced, self._synced_ns = 0, 0
        self._broken: OSError | None = None
        self._open()

    def append(self, kind: str, data: Mapping[str, Any]) -> Event:
        """Append one event and return it. `data` is plain JSON data, as `to_json` makes it.

        Texts are cut at TEXT_CAP characters. Raises StorageError: BEN-STO-005 (data), BEN-STO-008 (type),
        BEN-STO-002 (disk).
        """
        check_event(kind, data)
        plain = dict(data)
        body = _encoded(plain, kind)
        if len(body) > TEXT_CAP:  # a shorter line holds no longer text: escapes only lengthen it
            plain = _bounded(plain)
            body = _encoded(plain, kind)
        with self._mutex:
            self._lock()
            try:
                self._catch_up()
                event = Event(self._seq + 1, _utc(), time.monotonic_ns(), boot_id(), kind, plain, self._prev)
                self._write(_line(event, body))
                self._unsynced += 1
                if kind in SYNCED or self._unsynced >= GROUP_EVENTS or event.mono_ns - self._synced_ns > GROUP_NS:
                    self.sync()
            finally:
                fcntl.flock(self._fd, fcntl.LOCK_UN)
        return event

    def sync(self) -> None:
        """Return when everything appended here is on the disk."""
        with self._mutex:
            self._guard(os.fsync, self._fd)
            self._unsynced, self._synced_ns = 0, time.monotonic_ns()

    def head(self) -> tuple[int, str]:
        """Return the number of events so far and the SHA-256 of the last line."""
        with self._mutex, self._locked():
            self._catch_up()
            return self._seq + 1, self._prev

    def close(self) -> None:
        """Sync and close; appending again opens the file again."""
        with self._mutex:
            if self._fd >= 0:
                with suppress(OSError):
                    os.fsync(self._fd)
                os.close(self._fd)
                self._fd = -1

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            self._fd = os.open(self.path, flags, 0o644)
        except OSError as error:
            raise StorageError(
                "BEN-STO-001", f"the journal cannot be opened: {error.strerror}", where=str(self.path)
            ) from error
        self._pid = os.getpid()
        self._size, self._seq, self._prev = 0, -1, GENESIS

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._lock()
        try:
            yield
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _lock(self) -> None:
        if self._fd < 0 or self._pid != os.getpid():  # a forked child would share the parent's lock
            self._open()
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def _catch_up(self) -> None:
        size = os.lseek(self._fd, 0, os.SEEK_END)
        if size == self._size:
            return
        line, torn = _last_line(self._fd, size)
        if line:
            event = decode(line, str(self.path))
            self._seq, self._prev = event.seq, _digest(line)
        else:
            self._seq, self._prev = -1, GENESIS
        self._size = size
        if torn:
            self._set_aside(torn)

    def _set_aside(self, torn: bytes) -> None:
        """Keep the torn tail beside the journal, cut it off, and say so in the journal."""
        digest = hashlib.sha256(torn).hexdigest()
        name = f"{self.path.name}.torn-{self._seq + 1}-{digest[:8]}"
        aside = self.path.with_name(name)
        aside.write_bytes(torn)
        os.ftruncate(self._fd, self._size - len(torn))
        self._size -= len(torn)
        data = {"file": name, "size": len(torn), "sha256": digest}
        event = Event(self._seq + 1, _utc(), time.monotonic_ns(), boot_id(), "recovered", data, self._prev)
        self._write(encode(event))
        os.fsync(self._fd)

    def _write(self, line: bytes) -> None:
        if len(line) > LINE_CAP:
            raise StorageError("BEN-STO-005", f"event of {len(line)} bytes", where="journal", expected=f"<= {LINE_CAP}")
        self._guard(_write_all, self._fd, line)
        self._size += len(line)
        self._seq += 1
        self._prev = _digest(line)

    def _guard(self, action: Callable[..., None], *arguments: Any) -> None:
        if self._broken is None:
            try:
                action(*arguments)
                return
            except OSError as error:
                self._broken = error
        raise StorageError(
            "BEN-STO-002",
            f"the journal cannot be written: {self._broken.strerror}",
            where=str(self.path),
            todo="free or replace the disk; nothing after the last synced event counts",
        ) from self._broken


def encode(event: Event) -> bytes:
    """Return the line for `event`: strict ASCII JSON, control characters and surrogates as escapes.

    Raises StorageError BEN-STO-005 for data that is not plain JSON.
    """
    return _line(event, _encoded(event.data, event.type))


def _encoded(data: Mapping[str, Any], kind: str) -> str:
    try:
        return _ENCODER.encode(data)
    except (TypeError, ValueError, RecursionError) as error:
        raise StorageError("BEN-STO-005", f"{kind} event: {error}", where="journal") from error


def _line(event: Event, body: str) -> bytes:
    """Return the line for `event`, whose data is `body`; the fields in the order of the class."""
    seq, utc, mono_ns, boot, kind, _, prev = event
    return (
        f'{{"seq":{seq},"utc":{_quoted(utc)},"mono_ns":{mono_ns},"boot_id":{_quoted(boot)},'
        f'"type":{_quoted(kind)},"data":{body},"prev":{_quoted(prev)}}}\n'
    ).encode("ascii")


def decode(line: bytes, where: str) -> Event:
    """Return the event of one line. Raises StorageError BEN-STO-003 when it is not one."""
    try:
        if len(line) > LINE_CAP:
            raise ValueError("line too long")
        fields = json.loads(line, parse_constant=_no_constant, object_pairs_hook=_unique)
        if not isinstance(fields, dict):
            raise ValueError("not an object")
        event = Event(**fields)
        if type(event.seq) is not int or type(event.prev) is not str or not isinstance(event.data, dict):
            raise ValueError("a field has the wrong type")
    except (ValueError, TypeError, RecursionError) as error:
        raise StorageError("BEN-STO-003", f"not a journal line: {error}", where=where) from error
    return event


def read_journal(path: Path) -> list[Event]:
    """Return the events of the journal at `path`; a torn last line (no line end) is left out.

    Raises StorageError: BEN-STO-003 for a broken line, BEN-STO-004 for a journal of a newer format.
    """
    return list(iterate_journal(path))


def iterate_journal(path: Path) -> Iterator[Event]:
    """Yield the events of the journal at `path` one by one; raises as `read_journal`."""
    for number, line in enumerate(_lines(path), start=1):
        if not line.endswith(b"\n"):
            return
        event = decode(line, f"{path.name}, line {number}")
        if event.type == "start" and event.data.get("format") != FORMAT:
            raise StorageError(
                "BEN-STO-004",
                f"journal format {event.data.get('format')!r}",
                where=str(path),
                expected=FORMAT,
                todo="read it with the version of pytest-conformance that wrote it, or a newer one",
            )
        yield event


@cache
def boot_id() -> str:
    """Return the kernel's random id of this boot, or "unknown"."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return "unknown"


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while line := file.readline(LINE_CAP + 1):
                yield line
    except OSError as error:
        raise StorageError("BEN-STO-003", f"cannot be read: {error.strerror}", where=str(path)) from error


def _last_line(fd: int, size: int) -> tuple[bytes, bytes]:
    """Return the last complete line, and what follows it without a line end."""
    block, start = b"", size
    while start > 0:
        step = min(_TAIL, start)
        start -= step
        block = os.pread(fd, step, start) + block
        if block.count(b"\n") >= 2:
            break
    whole, newline, torn = block.rpartition(b"\n")
    if not newline:
        return b"", block
    return whole.rpartition(b"\n")[2] + b"\n", torn


def _write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    while written < len(data):
        data = data[written:]
        written = os.write(fd, data)


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _utc() -> str:
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{_utc_second(seconds)}.{nanoseconds // 1000:06d}Z"


@lru_cache(maxsize=4)
def _utc_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _bounded(value: Any) -> Any:
    if isinstance(value, str) and len(value) > TEXT_CAP:
        return f"{value[:TEXT_CAP]}… [{len(value) - TEXT_CAP} more characters]"
    if isinstance(value, dict):
        return {_bounded(key): _bounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_bounded(each) for each in value]
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key is written twice")
    return fields
