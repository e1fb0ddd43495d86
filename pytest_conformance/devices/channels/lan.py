"""The device's own services on the local network, as anybody there could call them: HTTP, TLS, RTSP, open ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from pytest_conformance.clock import Clock
from pytest_conformance.devices.channels.lan_http import Reply, ask_http
from pytest_conformance.devices.channels.lan_ports import (
    EVERY_PORT,
    UDP_PROBES,
    PortScan,
    UdpState,
    probe_udp,
    scan_tcp,
)
from pytest_conformance.devices.channels.lan_rtsp import Media, ask_rtsp
from pytest_conformance.devices.channels.lan_tls import Hello, greet_tls
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.errors import LinkError


@dataclass(frozen=True)
class Attempt:
    """One login: what was tried, what came of it, and how long the answer took (seconds of wall time)."""

    user: str
    accepted: bool
    status: int
    seconds: float
    at: int
    """Bench time in ns at which it was sent."""
    retry_after: str = ""


class Lan:
    """Calls to the device at its address on the bench's network.

    All but the port scan raise LinkError BEN-LNK-051 when nothing answers; the scan's answer is what answers.
    """

    door = "socket"

    def __init__(self, address: str, clock: Clock) -> None:
        self.address = address
        self._clock = clock

    def http(
        self,
        method: str,
        path: str,
        *,
        port: int = 80,
        auth: tuple[str, str] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        tls: bool = False,
    ) -> Reply:
        """Send one request. `auth` is (user, password): sent as Basic, or as Digest where the device asks for it.

        Certificates are not judged here, and redirects are not followed.
        """
        return ask_http(self.address, port, method, path, auth=auth, body=body, headers=headers or {}, tls=tls)

    def login(
        self,
        path: str,
        credentials: Sequence[tuple[str, str]],
        *,
        port: int = 80,
        send: Callable[[str, str], Reply] | None = None,
    ) -> tuple[Attempt, ...]:
        """Try each (user, password) once, in order, and time each: the raw data of a brute-force measurement.

        `send` makes one try where the device wants something else than GET `path` with a password of HTTP. Stops
        when the device no longer answers; what was measured until then is returned, and LinkError is raised only
        when not even the first try was answered.
        """
        attempts: list[Attempt] = []
        with self._clock.realtime():
            for user, password in credentials:
                at = self._clock.now()
                try:
                    if send is not None:
                        reply = send(user, password)
                    else:
                        reply = self.http("GET", path, port=port, auth=(user, password))
                except LinkError:
                    if not attempts:
                        raise
                    break
                accepted = 200 <= reply.status < 400
                wait = reply.headers.get("retry-after", "")
                attempts.append(Attempt(user, accepted, reply.status, reply.seconds, at, wait))
        return tuple(attempts)

    def tcp_ports(self, ports: Sequence[int] = EVERY_PORT, *, timeout: float = 1.0) -> PortScan:
        """Find the TCP ports that accept a connection; `timeout`: seconds that a silent port is given."""
        return scan_tcp(self.address, ports, timeout)

    def udp_ports(self, ports: Sequence[int] = tuple(UDP_PROBES), *, timeout: float = 1.0) -> Mapping[int, UdpState]:
        """Probe UDP ports: "open" answered, "closed" sent port-unreachable, "silent" neither."""
        return probe_udp(self.address, ports, timeout)

    def rtsp_describe(self, path: str, *, port: int = 554, auth: tuple[str, str] | None = None) -> Media:
        """Ask for a stream as far as the first media packet: DESCRIBE, SETUP over TCP, PLAY."""
        return ask_rtsp(self.address, port, path, auth)

    def tls_hello(self, port: int = 443) -> Hello:
        """Shake hands without trusting, and return version, cipher and certificate."""
        return greet_tls(self.address, port)

    def close(self) -> None:
        """Nothing is held open."""


class LanChannel:
    """The channel as a bench file names it (`driver: local-network`)."""

    class Settings(BaseModel):
        """`address`: the device's IP address as the bench reaches it."""

        model_config = ConfigDict(extra="forbid")
        address: str

    @classmethod
    def open(cls, settings: Settings, context: DriverContext) -> Lan:
        """Open the channel; nothing is sent yet."""
        return Lan(settings.address, context.clock)
