"""Who is the device: hardware addresses, leases and neighbour discovery; which way a packet goes."""

from __future__ import annotations

from pytest_conformance.analysis.traffic.context import Context, inside
from pytest_conformance.analysis.traffic.network import Packet

_ZERO = (b"\0" * 4, b"\0" * 16)


class Addresses:
    """The device's addresses as known beforehand and as learnt from the capture."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.macs = context.device_macs
        self.learnt: set[bytes] = set()
        self._known: dict[bytes, bool] = {}
        self._local: dict[bytes, bool] = {}
        self.initiator_is_device = not (self.macs or context.addresses)
        self.seen = False
        self._companions = tuple(
            net for text in context.companions for net in Context(addresses=(text,)).device_networks
        )

    def is_local(self, packed: bytes) -> bool:
        """Tell whether an address is on the bench's side of the boundary."""
        known = self._local.get(packed)
        if known is None:
            known = self._local[packed] = self._context.is_local(packed) or (
                packed[-1:] == b"\xff" and self._near(packed)
            )
        return known

    def _near(self, packed: bytes) -> bool:
        return len(packed) == 4 and self._context.is_local(packed[:3] + b"\x01")

    def is_device(self, packed: bytes) -> bool:
        """Tell whether an address is the device's."""
        if packed in self.learnt:
            return True
        known = self._known.get(packed)
        if known is None:
            known = self._known[packed] = inside(packed, self._context.device_networks)
        return known

    def is_companion(self, packed: bytes) -> bool:
        """Tell whether an address belongs to a companion (phone, hub) through which the device may send."""
        return bool(self._companions) and inside(packed, self._companions)

    def direction(self, source: bytes, destination: bytes, source_mac: bytes, destination_mac: bytes) -> bool | None:
        """True: sent by the device; False: sent to it; None: foreign traffic."""
        if self.initiator_is_device:
            return bool(not (self.is_local(source) is False and self.is_local(destination)))
        if source_mac and source_mac == destination_mac:
            source_mac = destination_mac = b""
        if self.is_device(source) or source_mac in self.macs:
            self.seen = True
            return True
        if self.is_device(destination) or destination_mac in self.macs:
            self.seen = True
            return False
        if destination in _ZERO:
            return None
        return None

    def learn_network(self, packet: Packet, source_mac: bytes) -> None:
        """Learn the source address of a packet that the device's own hardware address sent."""
        if source_mac in self.macs and packet.source not in _ZERO and self.is_local(packet.source):
            self.learnt.add(packet.source)

    def learn_link(self, kind: int, buffer: bytes, at: int, end: int, source_mac: bytes) -> None:
        """Learn from ARP, and note that the device was seen."""
        if source_mac not in self.macs:
            return
        self.seen = True
        if kind == 0x0806 and end - at >= 28 and bytes(buffer[at + 8 : at + 14]) in self.macs:
            address = bytes(buffer[at + 14 : at + 18])
            if address not in _ZERO:
                self.learnt.add(address)

    def learn_dhcp(self, sport: int, dport: int, buffer: bytes, at: int, end: int) -> None:
        """Learn the lease that a DHCP server grants to one of the device's hardware addresses."""
        if sport != 67 or dport != 68 or end - at < 240 or buffer[at] != 2:
            return
        if bytes(buffer[at + 28 : at + 34]) in self.macs:
            lease = bytes(buffer[at + 16 : at + 20])
            if lease not in _ZERO:
                self.learnt.add(lease)
