"""Open whatever was captured: packets (pcap, pcapng) or recorded exchanges (HAR, interceptor flows)."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from pytest_conformance.analysis.traffic import har, mitmflows
from pytest_conformance.analysis.traffic.capture import Capture
from pytest_conformance.analysis.traffic.recordings import Recording

_LARGEST = 1 << 30
RECORDED = "exchanges-only"
"""The flag of every recording: it shows what an HTTP tool saw, not what else the device sent."""


def opened(source: Path | str | bytes, index: int = 0) -> Capture | Recording:
    """Open a capture by its content. Raises UsageError (USE-CAP-001, USE-CAP-002) when it is none."""
    recording = _recording(source, index)
    return Capture(source, index) if recording is None else recording


def subset(source: Path | str | bytes, numbers: frozenset[int]) -> bytes | None:
    """Return a recording with these exchanges only; None when the source holds packets."""
    content = _content(source)
    if content is None:
        return None
    if har.is_har(content):
        return har.subset(content, numbers)
    return mitmflows.subset(content, numbers)


def _content(source: Path | str | bytes) -> bytes | None:
    """The content of a recording; None when the source cannot be one, before much of it was read."""
    if isinstance(source, bytes):
        head = source[:4096]
    else:
        try:
            with Path(source).open("rb") as file:
                head = file.read(4096)
        except OSError:
            return None
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(31).decompress(head, 4096)
        except zlib.error:
            return None
        if not _promising(head):
            return None
        packed = source if isinstance(source, bytes) else Path(source).read_bytes()
        try:
            return gzip.decompress(packed)[:_LARGEST]
        except (OSError, EOFError, zlib.error):
            return None
    if not _promising(head):
        return None
    return source if isinstance(source, bytes) else Path(source).read_bytes()


def _promising(head: bytes) -> bool:
    return har.is_har(head) or (head[:1].isdigit() and b":" in head[:13])


def _recording(source: Path | str | bytes, index: int) -> Recording | None:
    content = _content(source)
    if content is None:
        return None
    name = "<bytes>" if isinstance(source, bytes) else Path(source).name
    if har.is_har(content):
        found = har.read(content)
        return None if found is None else Recording(name, index, "har", found[0], found[1] | {RECORDED}, content)
    if mitmflows.is_flows(content):
        talks, flags = mitmflows.read(content)
        return Recording(name, index, "flows", talks, flags | {RECORDED}, content)
    return None
