"""Which ports of the device are open: a TCP connect scan, and a short list of UDP questions."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import itertools
import os
import resource
import select
import socket
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from pytest_conformance.errors import LinkError

T = TypeVar("T")
UdpState = Literal["open", "closed", "silent"]

EVERY_PORT = range(1, 65536)
AT_ONCE = 512
"""Connections that are tried at the same time; less where the process may open fewer files."""
SPARE = 64
"""File handles that are left to the rest of the process."""

UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EACCES, errno.EPERM)
"""What a filter on the way, or an empty address, makes of a connection."""

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
NOBODY = "127.255.255.254"
"""A loopback address at which no simulated device is: what answers there, answers everywhere on this machine."""

UDP_PROBES: Mapping[int, bytes] = {
    53: bytes.fromhex("1a2b01000001000000000000") + b"\x07version\x04bind\x00\x00\x10\x00\x03",
    69: b"\x00\x01conformance-probe\x00octet\x00",
    123: b"\x1b" + bytes(47),
    161: bytes.fromhex("302902010004067075626c6963a01c02042f1c3b5e020100020100300e300c06082b060102010101000500"),
    1900: b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n',
    3702: (
        b'<?xml version="1.0"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
        b'xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        b'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Header>'
        b"<w:MessageID>uuid:5f2e7a34-0000-4000-8000-3702c0de0001</w:MessageID>"
        b"<w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>"
        b"<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action>"
        b"</e:Header><e:Body><d:Probe/></e:Body></e:Envelope>"
    ),
    5353: bytes.fromhex("000000000001000000000000") + b"\x09_services\x07_dns-sd\x04_udp\x05local\x00\x00\x0c\x80\x01",
    5683: b"\x40\x01\x12\x34\xbb.well-known\x04core",
}
"""What is asked at each UDP port: DNS, TFTP, NTP, SNMP, SSDP, WS-Discovery, mDNS, CoAP."""


@dataclass(frozen=True)
class PortScan:
    """What came of a scan: the open ports, ascending, and how many others refused or stayed silent.

    Nothing open and nothing refused means that perhaps nobody was there: absence of ports is then not shown.
    `own` are ports at which a service of the bench's own machine answers for a device that is simulated on it: the
    service listens at every address, so that nothing else can at that port.
    """

    open: tuple[int, ...]
    refused: int
    silent: int
    own: tuple[int, ...] = ()


def scan_tcp(address: str, ports: Sequence[int], timeout: float) -> PortScan:
    """Try each of `ports` with a TCP connection; `timeout` seconds are given to one that does not answer.

    Raises LinkError BEN-LNK-052 when the bench cannot reach the address at all or runs out of sockets: a scan with
    holes would look like closed ports.
    """
    found = _scan(address, ports, timeout)
    if not found.open or ipaddress.ip_address(address) not in LOOPBACK:
        return found
    own = _scan(NOBODY, found.open, timeout).open
    return replace(found, open=tuple(port for port in found.open if port not in own), own=own)


def probe_udp(address: str, ports: Sequence[int], timeout: float) -> dict[int, UdpState]:
    """Ask each port what its service would answer (or an empty datagram) and wait `timeout` seconds for all."""
    links: dict[int, socket.socket] = {}
    try:
        for port in ports:
            link = _new_socket(address, socket.SOCK_DGRAM)
            links[port] = link
            link.settimeout(timeout)
            link.connect((address, port))
        return _run(_listen(links, timeout))
    except OSError as error:
        raise _hole(address, error) from error
    finally:
        for link in links.values():
            link.close()


def _new_socket(address: str, kind: socket.SocketKind) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on a loop and thread of its own: the caller may have a running loop already."""
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(asyncio.run(work))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="ports")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return answers[0]


@dataclass
class _Tally:
    """What the workers of one scan found so far."""

    open: list[int] = field(default_factory=list)
    refused: int = 0
    silent: int = 0
    unreachable: OSError | None = None


def _scan(address: str, ports: Sequence[int], timeout: float) -> PortScan:
    tally = _Tally()
    waiting = iter(ports)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    at_once = max(8, min(AT_ONCE, soft - SPARE if soft > 0 else AT_ONCE))
    while batch := list(itertools.islice(waiting, at_once)):
        _try_ports(address, batch, timeout, tally)
    if tally.unreachable is not None and not tally.open and not tally.refused:
        raise _hole(address, tally.unreachable) from tally.unreachable
    return PortScan(tuple(sorted(tally.open)), tally.refused, tally.silent)


def _try_ports(address: str, ports: Sequence[int], timeout: float, tally: _Tally) -> None:
    """Begin a connection to each of `ports`, then wait `timeout` seconds for all of them."""
    links: dict[int, tuple[int, socket.socket]] = {}
    poll = select.poll()
    try:
        for port in ports:
            try:
                link = _new_socket(address, socket.SOCK_STREAM)
                link.setblocking(False)
                links[link.fileno()] = (port, link)
                code = link.connect_ex((address, port))
            except OSError as error:
                raise _hole(address, error) from error
            if code == errno.EINPROGRESS:
                poll.register(link, select.POLLOUT)
            else:
                _count(address, *links.pop(link.fileno()), code, tally)
        end = time.monotonic() + timeout
        while links and (left := end - time.monotonic()) > 0:
            for descriptor, _ in poll.poll(left * 1000):
                poll.unregister(descriptor)
                port, link = links.pop(descriptor)
                _count(address, port, link, link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), tally)
        tally.silent += len(links)
    finally:
        for _, link in links.values():
            link.close()


def _count(address: str, port: int, link: socket.socket, code: int, tally: _Tally) -> None:
    """Put down what came of one connection, by its error number, and close it."""
    with link:
        if code == 0:
            if link.getsockname() == link.getpeername():
                tally.refused += 1
            else:
                tally.open.append(port)
            return
    error = OSError(code, os.strerror(code))
    if isinstance(error, ConnectionError):
        tally.refused += 1
        return
    if code not in UNREACHABLE:
        raise _hole(address, error) from error
    tally.silent += 1
    if code != errno.ETIMEDOUT:
        tally.unreachable = error


async def _listen(links: Mapping[int, socket.socket], timeout: float) -> dict[int, UdpState]:
    states = await asyncio.gather(*(_ask(port, link, timeout) for port, link in links.items()))
    return dict(zip(links, states, strict=True))


async def _ask(port: int, link: socket.socket, timeout: float) -> UdpState:
    loop = asyncio.get_running_loop()
    link.setblocking(False)
    try:
        await loop.sock_sendall(link, UDP_PROBES.get(port, b"\r\n"))
        await asyncio.wait_for(loop.sock_recv(link, 2048), timeout)
    except ConnectionError:
        return "closed"
    except TimeoutError:
        return "silent"
    return "open"


def _hole(address: str, error: OSError) -> LinkError:
    return LinkError(
        "BEN-LNK-052",
        f"the port scan could not be completed: {error}",
        where=address,
        expected="a route to the device and free sockets on the bench",
        todo="check the bench's network and its limit of open files (ulimit -n)",
    )
