"""Cut the packets of findings out of a capture: their own frames, and all others of their conversations."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable
from pathlib import Path

from pytest_conformance.analysis.traffic import linklayer, network
from pytest_conformance.analysis.traffic.capture import SPILL, Capture
from pytest_conformance.analysis.traffic.opening import opened, subset

_BEFORE = 1.0
"""Seconds by which a cut reaches over the first and last frame of a finding's conversations."""


class Cutter:
    """Reads a capture once; then cuts as often as there are findings. Recordings are cut by exchanges."""

    def __init__(self, source: Path | str | bytes) -> None:
        self._source = source
        capture = opened(source)
        self.name, self.sha256 = capture.name, capture.sha256()
        self.packets = isinstance(capture, Capture)
        self._times, self._at, self._sizes = array("d"), array("q"), array("q")
        self._ends = array("l")
        self._links = array("l")
        try:
            if isinstance(capture, Capture):
                self._index(capture)
        finally:
            capture.close()

    def _index(self, capture: Capture) -> None:
        numbers: dict[bytes, int] = {}
        mark = SPILL
        for _, time, link, at, captured, original in capture.packets():
            key = _conversation(capture.buffer, link, at, at + captured)
            self._times.append(time)
            self._at.append(at)
            self._sizes.extend((captured, original))
            self._ends.append(numbers.setdefault(key, len(numbers)) if key else -1)
            self._links.append(link)
            if at > mark:
                capture.forget()
                mark = at + SPILL

    def conversations(self, frames: Iterable[int], first: float, last: float) -> list[int]:
        """Return the given frames and all others of their conversations between two times."""
        own = {frame for frame in frames if 0 < frame <= len(self._ends)}
        if not self.packets:
            return sorted(set(frames))
        keys = {self._ends[frame - 1] for frame in own} - {-1}
        low, high = first - _BEFORE, last + _BEFORE
        times, ends = self._times, self._ends
        return sorted(own | {i + 1 for i, key in enumerate(ends) if key in keys and low <= times[i] <= high})

    def cut(self, frames: Iterable[int]) -> bytes:
        """Return a pcap (nanoseconds) with just these frames, or the recording with just these exchanges.

        Frames of several link types cannot share a pcap: those of the first one's type are kept.
        """
        wanted = sorted(set(frames))
        if not self.packets:
            return subset(self._source, frozenset(wanted)) or b""
        wanted = [frame for frame in wanted if 0 < frame <= len(self._at)]
        link = self._links[wanted[0] - 1] if wanted else 1
        out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link)]
        capture = Capture(self._source)
        try:
            kept = [frame - 1 for frame in wanted if self._links[frame - 1] == link]
            out.extend(self._record(capture.buffer, index) for index in kept)
        finally:
            capture.close()
        return b"".join(out)

    def _record(self, buffer: bytes, index: int) -> bytes:
        time, at = self._times[index], self._at[index]
        captured, original = self._sizes[2 * index], self._sizes[2 * index + 1]
        whole = int(time)
        nanos = min(max(round((time - whole) * 1e9), 0), 999_999_999)
        head = struct.pack("<IIII", whole & 0xFFFFFFFF, nanos, captured, original)
        return head + bytes(buffer[at : at + captured])


def _conversation(buffer: bytes, link: int, at: int, end: int) -> bytes | None:
    """Name the conversation of a frame: both addresses and ports in one order; fragments have no ports."""
    frame = linklayer.network_layer(link, buffer, at, end)
    if frame is None or frame.ethertype not in (0x0800, 0x86DD):
        return None
    parsed = (network.ipv4 if frame.ethertype == 0x0800 else network.ipv6)(buffer, frame.at, end)
    if parsed is None:
        return None
    packet, fragment = parsed
    ports = b"", b""
    if packet.protocol in (6, 17) and packet.end - packet.at >= 4 and fragment is None:
        ports = bytes(packet.buffer[packet.at : packet.at + 2]), bytes(packet.buffer[packet.at + 2 : packet.at + 4])
    one, other = sorted(((packet.source, ports[0]), (packet.destination, ports[1])))
    return bytes([packet.protocol]) + one[0] + one[1] + other[0] + other[1]
