"""The plan of the simulated network: who has which address. No sockets here."""

from __future__ import annotations

import ipaddress
import os
from typing import Final, Literal

Sender = Literal["device", "phone"]

SEGMENT: Final = "10.77.0.0/24"
BROADCAST: Final = "10.77.0.255"
ACCESS_POINT: Final = "10.77.0.1"
DEVICE: Final = "10.77.0.50"
PHONE: Final = "10.77.0.60"
SENDERS: Final[dict[Sender, str]] = {"device": DEVICE, "phone": PHONE}

INTERNET: Final = "203.0.113.0/24"
"""TEST-NET-3 (RFC 5737) stands for the internet."""
CLOUD: Final = "203.0.113.10"
TIME: Final = "203.0.113.20"
TRACKER: Final = "203.0.113.66"
FIRST_FREE: Final = 100
"""Hosts that are added without an address get 203.0.113.100 and up."""
FIRST_IMPOSTOR: Final = 200
"""Diverted hosts get 203.0.113.200 and up."""

DEVICE_MAC: Final = "02:d0:07:00:00:01"
PHONE_MAC: Final = "02:d0:07:00:00:60"
ACCESS_POINT_MAC: Final = "02:d0:07:00:00:fe"

DEVICE_V6: Final = "fd77::50"
PHONE_V6: Final = "fd77::60"
ACCESS_POINT_V6: Final = "fd77::1"

DNS_PORT: Final = 53
NTP_PORT: Final = 123
DISCARD_PORT: Final = 9
"""RFC 863; marker datagrams go there."""


def stations(device_mac: str) -> dict[str, list[str]]:
    """Return who is who in the segment, as a capture driver's settings name it."""
    return {
        "device_macs": [device_mac],
        "device_addresses": [DEVICE, DEVICE_V6],
        "phone_addresses": [PHONE, PHONE_V6],
    }


def is_internet(address: str) -> bool:
    """Say whether `address` lies behind the access point's uplink."""
    return ipaddress.ip_address(address) in ipaddress.ip_network(INTERNET)


def is_local(address: str) -> bool:
    """Say whether `address` lies in the device's own segment."""
    return ipaddress.ip_address(address) in ipaddress.ip_network(SEGMENT)


def is_address(host: str) -> bool:
    """Say whether `host` is an IPv4 literal rather than a name."""
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def shadow(address: str) -> str:
    """Return the loopback address from which `address` speaks in the relay door: 10.b.c.d becomes 127.b.c.d."""
    return "127." + address.split(".", 1)[1]


def bench_side(sender: Sender, pid: int | None = None) -> str:
    """Return the loopback address, unique to this process, at which the bench reaches `sender`'s own services.

    Linux process ids have at most 22 bits: 127.64.0.0/10 serves the device, 127.128.0.0/10 the phone.
    """
    number = os.getpid() if pid is None else pid
    first = 64 if sender == "device" else 128
    return f"127.{first + (number >> 16 & 0x3F)}.{number >> 8 & 0xFF}.{number & 0xFF}"
