"""The small servers of the segment and the internet: names (DNS) and time (SNTP, RFC 4330)."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable

from pytest_conformance.simulation.network import addresses, dns
from pytest_conformance.simulation.network.network import Network

_SINCE_1900 = 2_208_988_800


def start_name_server(network: Network) -> None:
    """Answer at 10.77.0.1:53 for the hosts of `network`; while the uplink is cut, fail for those of the internet."""

    def respond(query: bytes) -> bytes:
        name, _ = dns.asked(query)
        address = network.address_of(name)
        if not network.up.value and (address is None or addresses.is_internet(address)):
            return dns.answer(query, None, dns.SERVER_FAILURE)
        return dns.answer(query, address, dns.NO_ERROR if address else dns.NO_SUCH_NAME)

    _answer_datagrams(network.serve(addresses.ACCESS_POINT, addresses.DNS_PORT, "udp"), respond)


def start_time_server(network: Network) -> None:
    """Answer SNTP requests with the world's time as time.example, 203.0.113.20:123, and at the access point."""
    network.add_host("time.example", addresses.TIME)

    def respond(query: bytes) -> bytes:
        if len(query) < 48 or query[0] & 7 != 3:
            raise ValueError("not a client request")
        network.time_asked += 1
        now = struct.pack(">Q", int((network.wall() + _SINCE_1900) * 2**32))
        head = struct.pack(">BBbbII4s", query[0] & 0x38 | 4, 1, 6, -20, 0, 0, b"SIM\0")
        return head + now + query[40:48] + now + now

    for address in (addresses.TIME, addresses.ACCESS_POINT):
        _answer_datagrams(network.serve(address, addresses.NTP_PORT, "udp"), respond)


def _answer_datagrams(served: socket.socket, respond: Callable[[bytes], bytes]) -> None:
    served.settimeout(0.5)

    def run() -> None:
        while served.fileno() >= 0:
            try:
                query, asker = served.recvfrom(4096)
            except TimeoutError:
                continue
            except OSError:
                return
            with contextlib.suppress(ValueError, OSError):
                served.sendto(respond(query), asker)

    threading.Thread(target=run, name="datagrams", daemon=True).start()
