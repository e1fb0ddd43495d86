"""Datagrams to flows: one flow for two transport addresses and a protocol, whoever speaks first."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from pytest_conformance.analysis.traffic.addresses import Addresses
from pytest_conformance.analysis.traffic.capture import Capture
from pytest_conformance.analysis.traffic.flowstate import (
    FOREIGN,
    LONG,
    Flow,
    Tally,
    continued,
    forget_foreign,
    new_flow,
)
from pytest_conformance.analysis.traffic.halves import RawSegment
from pytest_conformance.analysis.traffic.network import Packet


class DatagramTable:
    """Sort datagrams into flows; a very long one is handed on in parts."""

    def __init__(self, capture: Capture, addresses: Addresses, tally: Tally, hand_on: Callable[[Flow], None]) -> None:
        self.capture, self.addresses, self.tally, self._hand_on = capture, addresses, tally, hand_on
        self.flows: dict[bytes, tuple[Flow, bool] | None] = {}
        self.recent: dict[tuple[bytes, int, int], float] = {}

    def close(self) -> list[Flow]:
        """Return the flows that are still open, and forget them."""
        flows = {id(entry[0]): entry[0] for entry in self.flows.values() if entry is not None}
        self.flows.clear()
        return list(flows.values())

    def _reference(self, packet: Packet, at: int, end: int) -> int | bytes:
        return at if packet.buffer is self.capture.buffer else bytes(packet.buffer[at:end])

    def _duplicate(self, packet: Packet, start: int, time: float) -> bool:
        """Drop the second copy of a datagram that two taps saw: same addresses, id and payload within 5 ms."""
        payload = bytes(packet.buffer[start : packet.end])
        key = (packet.source + packet.destination, packet.ident, hash(payload) ^ packet.protocol)
        seen = self.recent.get(key)
        self.recent[key] = time
        if len(self.recent) > 4096:
            self.recent.clear()
        return seen is not None and 0 <= time - seen <= 0.005 and packet.ident != 0

    def take(
        self,
        frame: int,
        time: float,
        packet: Packet,
        ports: tuple[int, int],
        start: int,
        wire: int,
        macs: tuple[bytes, bytes],
    ) -> None:
        """Take one datagram: its payload of `wire` sent bytes starts at `start`; `ports` and `macs` source first."""
        key = packet.source + packet.destination + struct.pack(">BHH", packet.protocol, *ports)
        entry: Any = self.flows.get(key, False)
        if entry is False:
            entry = self._open(key, packet, ports, time, macs)
        if entry is None:
            return
        if self._duplicate(packet, start, time):
            self.tally.duplicates += 1
            return
        flow, up = entry
        flow.time_last = time
        half = flow.up if up else flow.down
        end = min(packet.end, start + wire)
        length = max(end - start, 0)
        flow.datagrams.append((up, half.bytes, length, time))
        segment: RawSegment = (half.bytes, length, self._reference(packet, start, end), frame, time)
        half.segments.append(segment)
        half.bytes += length
        half.position += length
        half.volume += wire
        if wire > length:
            flow.flags.add("snaplen")
        if half.bytes > LONG:
            following = continued(flow, time)
            for name, other in list(self.flows.items()):
                if other is not None and other[0] is flow:
                    self.flows[name] = (following, other[1])
            self._hand_on(flow)

    def _open(
        self, key: bytes, packet: Packet, ports: tuple[int, int], time: float, macs: tuple[bytes, bytes]
    ) -> tuple[Flow, bool] | None:
        up = self.addresses.direction(packet.source, packet.destination, *macs)
        n = (len(key) - 5) // 2
        back = key[n : 2 * n] + key[:n] + key[-5:-4] + key[-2:] + key[-4:-2]
        if up is None:
            self.flows[key] = self.flows[back] = None
            self.tally.foreign += 1
            if self.tally.foreign % FOREIGN == 0:
                forget_foreign(self.flows)
            return None
        transport = "udp" if packet.protocol == 17 else f"ip{packet.protocol}"
        flow = new_flow(self.addresses, transport, packet, ports, up, up, time)
        self.flows[key] = (flow, up)
        self.flows[back] = (flow, not up)
        return flow, up
