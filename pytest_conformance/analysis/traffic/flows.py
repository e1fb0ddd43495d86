"""Packets to flows: the hot loop over a capture. Keeps those of the device, hands each on when it ends."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from typing import Any

from pytest_conformance.analysis.traffic import network
from pytest_conformance.analysis.traffic.addresses import Addresses
from pytest_conformance.analysis.traffic.capture import SPILL, Capture
from pytest_conformance.analysis.traffic.datagramflows import DatagramTable
from pytest_conformance.analysis.traffic.flowstate import (
    FOREIGN,
    LONG,
    Flow,
    Tally,
    continued,
    forget_foreign,
    new_flow,
)
from pytest_conformance.analysis.traffic.halves import Half
from pytest_conformance.analysis.traffic.linklayer import ethernet, link_known, network_layer
from pytest_conformance.analysis.traffic.network import Packet

_FAST4 = struct.Struct(">2sBxHxxHxBxx12sIIBB").unpack_from
_FAST6 = struct.Struct(">2sBxxxHBx36sIIBB").unpack_from
_TCP = struct.Struct(">HHIIBB").unpack_from
_LINGER = 2000
_IDLE = 60.0
_ENDED = 4000
"""Ended directions that are remembered, so that a late retransmission opens no flow of its own."""


class FlowTable:
    """Sort the packets of one capture into flows; call `done(flow)` for each one that ended."""

    def __init__(self, capture: Capture, addresses: Addresses, done: Callable[[Flow], None]) -> None:
        self.capture = capture
        self.addresses = addresses
        self.done = done
        self.tally = Tally()
        self.halves: dict[bytes, Any] = {}
        self.datagrams = DatagramTable(capture, addresses, self.tally, self._hand_on)
        self.closing: deque[tuple[int, bytes, bytes, Flow]] = deque()
        self.ended: dict[bytes, tuple[int, int]] = {}
        self.fragments = network.Defragmenter()

    def run(self) -> None:
        """Go through the whole capture."""
        capture, tally = self.capture, self.tally
        buffer, halves = capture.buffer, self.halves
        fast, last, mark = True, 0.0, SPILL
        frame = 0
        for frame, time, link, at, captured, original in capture.packets():
            if frame == 1:
                tally.first = time
            last = time
            if captured < original:
                tally.snapped += 1
            if at > mark:
                capture.forget()
                mark = at + SPILL
            fast = False
            if link == 1 and captured >= 54:
                kind, version, total, position, protocol, key, seq, ack, words, flags = _FAST4(buffer, at + 12)
                if kind == b"\x08\x00" and version == 0x45 and protocol == 6 and not position & 0x3FFF and total:
                    head = 34 + (words >> 4) * 4
                    stop, fast = 14 + total, True
                elif kind == b"\x86\xdd" and version >> 4 == 6 and captured >= 74:
                    kind, version, total, protocol, key, seq, ack, words, flags = _FAST6(buffer, at + 12)
                    if protocol == 6 and total:
                        head = 54 + (words >> 4) * 4
                        stop, fast = 54 + total, True
            if fast and head <= stop:
                half = halves.get(key, False)
                if half is None:
                    continue
                if half is not False and not flags & 7:
                    half.flow.time_last = time
                    if flags & 16:
                        other = half.flow.down if half.up else half.flow.up
                        other.acknowledge(ack)
                    wire = stop - head
                    if wire > 0:
                        length = captured - head if stop > captured else wire
                        half.push(seq, length if length > 0 else 0, wire, at + head, frame, time)
                        if half.bytes > LONG:
                            self._continue(half.flow, key, time)
                    continue
            self._slow(frame, time, link, at, captured)
            if self.closing and self.closing[0][0] < frame:
                self._retire(frame)
        if frame:
            tally.packets, tally.last = frame, last
        self.finish()

    def finish(self) -> None:
        """Hand on everything that is still open."""
        while self.closing:
            self._retire(1 << 62)
        lost = self.fragments.finish()
        self.tally.ip_overlap = self.fragments.overlaps
        for source, destination, size in lost:
            self.tally.lost_fragments += size
            if self.addresses.is_device(source) and not self.addresses.is_local(destination):
                self.tally.lost_fragments_up += size
        flows: dict[int, Flow] = {}
        for half in self.halves.values():
            if half is not None:
                flows[id(half.flow)] = half.flow
        flows |= {id(flow): flow for flow in self.datagrams.close()}
        self.halves.clear()
        for flow in sorted(flows.values(), key=lambda f: (f.time_first, f.peer, f.peer_port, f.device_port)):
            self._hand_on(flow)

    def _hand_on(self, flow: Flow) -> None:
        if not flow.done:
            flow.done = True
            self.done(flow)

    def _continue(self, flow: Flow, key: bytes, time: float) -> None:
        """Hand on what a long connection has said so far; what follows is a flow of its own that knows its names."""
        if self.halves.get(key) not in (flow.up, flow.down):
            return
        following = continued(flow, time)
        n = (len(key) - 4) // 2
        back = key[n : 2 * n] + key[:n] + key[-2:] + key[-4:-2]
        up = self.halves[key] is flow.up
        self.halves[key], self.halves[back] = (following.up, following.down) if up else (following.down, following.up)
        self._hand_on(flow)

    def _retire(self, frame: int) -> None:
        """Hand on the oldest closing flow when enough packets have passed since it closed."""
        while self.closing and self.closing[0][0] < frame:
            _, key, back, flow = self.closing.popleft()
            if flow.done:
                continue
            flow.done = True
            for name in (key, back):
                current = self.halves.get(name)
                if current is not None and current.flow is flow:
                    del self.halves[name]
                    self.ended[name] = (current.next_seq, current.position)
            if len(self.ended) > _ENDED:
                for stale in list(self.ended)[: _ENDED // 2]:
                    del self.ended[stale]
            self.done(flow)

    def _slow(self, frame: int, time: float, link: int, at: int, captured: int) -> None:
        """Any packet that the fast path does not know."""
        buffer, end = self.capture.buffer, at + captured
        if not link_known(link):
            self.tally.unknown_links.add(link)
            return
        opened = network_layer(link, buffer, at, end)
        if opened is None:
            self.tally.unreadable += 1
            return
        self._network(frame, time, buffer, opened.at, end, opened.ethertype, opened.source, opened.destination, 0)

    def _network(
        self,
        frame: int,
        time: float,
        buffer: bytes,
        at: int,
        end: int,
        kind: int,
        source_mac: bytes,
        destination_mac: bytes,
        depth: int,
    ) -> None:
        if kind == 0x0800:
            parsed = network.ipv4(buffer, at, end)
        elif kind == 0x86DD:
            parsed = network.ipv6(buffer, at, end)
        else:
            self.addresses.learn_link(kind, buffer, at, end, source_mac)
            self.tally.non_ip[kind] = self.tally.non_ip.get(kind, 0) + 1
            return
        if parsed is None:
            self.tally.unreadable += 1
            return
        packet, fragment = parsed
        self.addresses.learn_network(packet, source_mac)
        if fragment is not None:
            whole = self.fragments.add(packet, fragment, time)
            if whole is None:
                return
            packet = whole
        self._transport(frame, time, packet, source_mac, destination_mac, depth)

    def _transport(
        self, frame: int, time: float, packet: Packet, source_mac: bytes, destination_mac: bytes, depth: int
    ) -> None:
        room = packet.end - packet.at
        if packet.protocol == 6 and room >= 20:
            self._tcp(frame, time, packet, source_mac, destination_mac)
        elif packet.protocol == 17 and room >= 8:
            self._udp(frame, time, packet, source_mac, destination_mac, depth)
        elif packet.protocol in (4, 41) and depth < 4:
            kind = 0x0800 if packet.protocol == 4 else 0x86DD
            self._network(frame, time, packet.buffer, packet.at, packet.end, kind, b"", b"", depth + 1)
        elif packet.protocol == 47 and depth < 4 and room >= 4:
            self._gre(frame, time, packet, depth)
        else:
            self.datagrams.take(frame, time, packet, (0, 0), packet.at, packet.wire, (source_mac, destination_mac))

    def _gre(self, frame: int, time: float, packet: Packet, depth: int) -> None:
        flags, kind = struct.unpack_from(">HH", packet.buffer, packet.at)
        at = packet.at + 4 + sum(4 for bit in (0x8000, 0x2000, 0x1000) if flags & bit)
        if kind == 0x6558:
            self._inner_ethernet(frame, time, packet.buffer, at, packet.end, depth)
            return
        self._network(frame, time, packet.buffer, at, packet.end, kind, b"", b"", depth + 1)

    def _inner_ethernet(self, frame: int, time: float, buffer: bytes, at: int, end: int, depth: int) -> None:
        inner = ethernet(buffer, at, end)
        if inner is not None:
            self._network(
                frame, time, buffer, inner.at, end, inner.ethertype, inner.source, inner.destination, depth + 1
            )

    def _reference(self, packet: Packet, at: int, end: int) -> int | bytes:
        return at if packet.buffer is self.capture.buffer else bytes(packet.buffer[at:end])

    def _tcp(self, frame: int, time: float, packet: Packet, source_mac: bytes, destination_mac: bytes) -> None:
        sport, dport, seq, ack, words, flags = _TCP(packet.buffer, packet.at)
        head = (words >> 4) * 4
        start = packet.at + head
        if head < 20 or start > packet.end:
            self.tally.unreadable += 1
            return
        key = packet.source + packet.destination + bytes((sport >> 8, sport & 255, dport >> 8, dport & 255))
        half = self.halves.get(key, False)
        if half is None:
            return
        wire = max(packet.wire - head, 0)
        late = self.ended.get(key)
        if half is False and late is not None and not flags & 2:
            delta = ((seq + wire - late[0] + 0x80000000) & 0xFFFFFFFF) - 0x80000000
            if delta <= 1:
                return
        if half is False or (flags & 2 and self._reused(half, seq, flags, time)):
            half = self._open(key, packet, sport, dport, time, flags, source_mac, destination_mac)
            if half is None:
                return
        flow: Flow = half.flow
        flow.time_last = time
        other = flow.down if half.up else flow.up
        if flags & 2:
            half.syn(seq)
            if flags & 16:
                flow.answered = True
            seq = (seq + 1) & 0xFFFFFFFF
        if flags & 16:
            other.acknowledge(ack)
        if wire > 0 and not flags & 4:
            end = min(packet.end, start + wire)
            half.push(seq, end - start, wire, self._reference(packet, start, end), frame, time)
            if half.bytes > LONG and not flags & 5:
                self._continue(flow, key, time)
                return
        if flags & 5:
            self._closing(frame, key, flow, half, flags, seq, wire)

    def _closing(self, frame: int, key: bytes, flow: Flow, half: Half, flags: int, seq: int, wire: int) -> None:
        if flags & 4:
            flow.reset = True
        else:
            half.finish_at(seq, wire)
        flow.closed |= 3 if flags & 4 else 1 if half.up else 2
        if flow.closed == 3:
            n = (len(key) - 4) // 2
            back = key[n : 2 * n] + key[:n] + key[-2:] + key[-4:-2]
            self.closing.append((frame + _LINGER, key, back, flow))

    def _reused(self, half: Half, seq: int, flags: int, time: float) -> bool:
        """Tell whether a SYN on a known 4-tuple begins a new connection."""
        flow: Flow = half.flow
        if flags & 16 or (half.anchored and half.position == 0 and half.next_seq == (seq + 1) & 0xFFFFFFFF):
            return False
        started = half.segments or half.anchored
        if not started or (half.next_seq - half.position - 1 - seq) & 0xFFFFFFFF == 0:
            return False
        if flow.closed or time - flow.time_last > _IDLE or not half.segments:
            self._hand_on(flow)
            return True
        flow.flags.add("syn-inside")
        return False

    def _open(
        self,
        key: bytes,
        packet: Packet,
        sport: int,
        dport: int,
        time: float,
        flags: int,
        source_mac: bytes,
        destination_mac: bytes,
    ) -> Half | None:
        """Start a flow for a new 4-tuple; foreign ones are remembered as such and skipped."""
        n = (len(key) - 4) // 2
        back = key[n : 2 * n] + key[:n] + key[-2:] + key[-4:-2]
        up = self.addresses.direction(packet.source, packet.destination, source_mac, destination_mac)
        if up is None:
            self.halves[key] = self.halves[back] = None
            self.tally.foreign += 1
            if self.tally.foreign % FOREIGN == 0:
                forget_foreign(self.halves)
            return None
        starts = (flags & 18 == 2) or (flags & 2 == 0 and dport < sport)
        flow = new_flow(self.addresses, "tcp", packet, (sport, dport), up, up if starts else not up, time)
        flow.opened = flags & 18 == 2
        self.halves[key], self.halves[back] = (flow.up, flow.down) if up else (flow.down, flow.up)
        return flow.up if up else flow.down

    def _udp(
        self, frame: int, time: float, packet: Packet, source_mac: bytes, destination_mac: bytes, depth: int
    ) -> None:
        sport, dport, length = struct.unpack_from(">HHH", packet.buffer, packet.at)
        wire = packet.wire - 8
        if 8 <= length <= packet.wire:
            wire = length - 8
        start = packet.at + 8
        if dport == 4789 and depth < 4 and packet.end - start > 22 and packet.buffer[start] == 8:
            self._inner_ethernet(frame, time, packet.buffer, start + 8, packet.end, depth)
            return
        if 3544 in (sport, dport) and depth < 4 and self._teredo(frame, time, packet, start, depth):
            return
        self.addresses.learn_dhcp(sport, dport, packet.buffer, start, packet.end)
        self.datagrams.take(frame, time, packet, (sport, dport), start, max(wire, 0), (source_mac, destination_mac))

    def _teredo(self, frame: int, time: float, packet: Packet, start: int, depth: int) -> bool:
        if packet.end - start >= 40 and packet.buffer[start] >> 4 == 6:
            self._network(frame, time, packet.buffer, start, packet.end, 0x86DD, b"", b"", depth + 1)
            return True
        return False
