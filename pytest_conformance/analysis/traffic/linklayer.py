"""Link layers and shims: from a captured frame to the IP header inside. Knows no transport protocol."""

from __future__ import annotations

from typing import NamedTuple

_VLAN = (0x8100, 0x88A8, 0x9100, 0x9200)


class Frame(NamedTuple):
    """Where the network layer starts, its ethertype, and the hardware addresses (empty where unknown)."""

    at: int
    ethertype: int
    source: bytes = b""
    destination: bytes = b""


def _u16(buffer: bytes, at: int) -> int:
    return buffer[at] << 8 | buffer[at + 1]


def ethernet(buffer: bytes, at: int, end: int) -> Frame | None:
    """Open an Ethernet frame; VLAN tags, MPLS, PPPoE and LLC/SNAP are skipped."""
    if end - at < 14:
        return None
    destination, source = bytes(buffer[at : at + 6]), bytes(buffer[at + 6 : at + 12])
    kind, at = _u16(buffer, at + 12), at + 14
    inner = shims(buffer, at, end, kind)
    return None if inner is None else Frame(inner[0], inner[1], source, destination)


def shims(buffer: bytes, at: int, end: int, kind: int) -> tuple[int, int] | None:
    """Skip VLAN tags (any depth), MPLS labels, PPPoE and LLC/SNAP; return (offset, ethertype)."""
    while True:
        if kind in _VLAN and at + 4 <= end:
            kind, at = _u16(buffer, at + 2), at + 4
        elif kind in (0x8847, 0x8848) and at + 4 <= end:
            while at + 4 <= end and not buffer[at + 2] & 1:
                at += 4
            at += 4
            if at >= end:
                return None
            kind = {4: 0x0800, 6: 0x86DD}.get(buffer[at] >> 4, 0)
        elif kind == 0x8864 and at + 8 <= end:
            kind, at = {0x21: 0x0800, 0x57: 0x86DD}.get(_u16(buffer, at + 6), 0), at + 8
        elif kind < 0x600 and at + 8 <= end and bytes(buffer[at : at + 6]) == b"\xaa\xaa\x03\0\0\0":
            kind, at = _u16(buffer, at + 6), at + 8
        else:
            return at, kind


def _by_version(buffer: bytes, at: int, end: int) -> Frame | None:
    if at >= end:
        return None
    return Frame(at, {4: 0x0800, 6: 0x86DD}.get(buffer[at] >> 4, 0))


def _null(buffer: bytes, at: int, end: int) -> Frame | None:
    return _by_version(buffer, at + 4, end)


def _ppp(buffer: bytes, at: int, end: int) -> Frame | None:
    """Open PPP, with or without the HDLC address and control bytes."""
    if end - at < 4:
        return None
    if buffer[at] == 0xFF and buffer[at + 1] == 3:
        at += 2
    width = 1 if buffer[at] & 1 else 2
    protocol = buffer[at] if width == 1 else _u16(buffer, at)
    return Frame(at + width, {0x21: 0x0800, 0x57: 0x86DD}.get(protocol, 0))


def _cooked(buffer: bytes, at: int, end: int) -> Frame | None:
    if end - at < 16:
        return None
    length = min(_u16(buffer, at + 4), 8)
    inner = shims(buffer, at + 16, end, _u16(buffer, at + 14))
    return None if inner is None else Frame(inner[0], inner[1], bytes(buffer[at + 6 : at + 6 + length]))


def _cooked2(buffer: bytes, at: int, end: int) -> Frame | None:
    if end - at < 20:
        return None
    length = min(buffer[at + 11], 8)
    inner = shims(buffer, at + 20, end, _u16(buffer, at))
    return None if inner is None else Frame(inner[0], inner[1], bytes(buffer[at + 12 : at + 12 + length]))


def _radiotap(buffer: bytes, at: int, end: int) -> Frame | None:
    if end - at < 8:
        return None
    return _wifi(buffer, at + (buffer[at + 2] | buffer[at + 3] << 8), end)


def _wifi(buffer: bytes, at: int, end: int) -> Frame | None:
    """Open a decrypted 802.11 data frame with LLC/SNAP; anything else, or still encrypted, gives None."""
    if end - at < 24 or buffer[at] & 0x0C != 0x08 or buffer[at] & 0x40 or buffer[at + 1] & 0x40:
        return None
    flags = buffer[at + 1]
    first, second, third = (bytes(buffer[at + i : at + i + 6]) for i in (4, 10, 16))
    to_ds, from_ds = flags & 1, flags & 2
    length = 24 + (6 if to_ds and from_ds else 0) + (2 if buffer[at] & 0x80 else 0)
    if to_ds and from_ds:
        source, destination = bytes(buffer[at + 24 : at + 30]), third
    elif to_ds:
        source, destination = second, third
    elif from_ds:
        source, destination = third, first
    else:
        source, destination = second, first
    llc = at + length
    if llc + 8 > end or bytes(buffer[llc : llc + 3]) != b"\xaa\xaa\x03":
        return None
    return Frame(llc + 8, _u16(buffer, llc + 6), source, destination)


_OPENERS = {
    0: _null,
    1: ethernet,
    9: _ppp,
    12: _by_version,
    14: _by_version,
    50: _ppp,
    101: _by_version,
    105: _wifi,
    108: _null,
    113: _cooked,
    127: _radiotap,
    228: _by_version,
    229: _by_version,
    276: _cooked2,
}


def network_layer(link: int, buffer: bytes, at: int, end: int) -> Frame | None:
    """Return where the network layer of a frame starts, or None for a foreign or broken one.

    `link` is the LINKTYPE number: 1 Ethernet, 0/108 loopback, 101/228/229 raw IP, 113/276 Linux cooked,
    105/127 802.11.
    """
    opener = _OPENERS.get(link)
    return None if opener is None else opener(buffer, at, end)


def link_known(link: int) -> bool:
    """Tell whether frames of this link type can be opened at all."""
    return link in _OPENERS
