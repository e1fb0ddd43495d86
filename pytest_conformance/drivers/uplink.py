"""Driver `access-point`: cut and restore the device's way to the internet, and put an impostor in a host's place.

Speaks to the simulated access point over HTTP/JSON, or runs a laboratory's own commands (nft, ip, a router's shell).
"""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

from pytest_conformance.drivers.cloud_http import ask
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.interception import Impostor
from pytest_conformance.drivers.roles import Identity, Interception
from pytest_conformance.drivers.settings import DriverSettings
from pytest_conformance.errors import InstrumentError, MethodError, UsageError

_COMMAND_TIMEOUT = 30.0


class AccessPointSettings(DriverSettings):
    """Settings of `access-point`: `address` of a simulated one, or commands for a real one.

    Commands are argument lists, run without a shell; `{host}`, `{address}` and `{port}` in the arguments of
    `intercept_command` and `release_command` are replaced by the host and by where the impostor listens.
    """

    address: str = ""
    door: str = ""
    device: str = ""
    """The device's IP address as the bench reaches it; the simulation knows it."""
    impostor: str = "127.0.0.1"
    """The bench's own address at which the impostor listens; in a laboratory, one that the device's packets reach."""
    cut_command: tuple[str, ...] = ()
    restore_command: tuple[str, ...] = ()
    intercept_command: tuple[str, ...] = ()
    release_command: tuple[str, ...] = ()
    block_command: tuple[str, ...] = ()
    """Lets nothing to the internet over `{transport}` to `{port}` pass; `unblock_command` lets it pass again."""
    unblock_command: tuple[str, ...] = ()
    clock_command: tuple[str, ...] = ()
    """Sets the time that the bench's own NTP server serves; `{ahead}` is replaced by whole seconds."""


class AccessPoint:
    """The device's access point. Restored is its safe state: `close` restores what was cut."""

    Settings: ClassVar[type[AccessPointSettings]] = AccessPointSettings

    def __init__(self, settings: AccessPointSettings, context: DriverContext) -> None:
        self._settings = settings
        self._role = context.role
        self._clock = context.clock
        self._cut = False
        self._ahead = 0.0
        self.door = settings.door or "commands"

    @classmethod
    def open(cls, settings: AccessPointSettings, context: DriverContext) -> AccessPoint:
        """Reach the access point. Raises UsageError for incomplete settings, LinkError when it does not answer."""
        if not settings.address and not (settings.cut_command and settings.restore_command):
            raise UsageError(
                "USE-APN-001",
                "the access point has neither an address nor commands",
                where=context.role,
                expected="address, or cut_command and restore_command",
                todo="give the argument lists that cut and restore the device's uplink",
            )
        driver = cls(settings, context)
        driver.identity()
        return driver

    def identity(self) -> Identity:
        """Return what it is; raises LinkError when it does not answer."""
        model = str(self._status()["model"]) if self._settings.address else "commands"
        return Identity("bench", model, self.door, "")

    def close(self) -> None:
        """Restore the uplink if it is cut, and the true time; safe to call twice."""
        if self._ahead:
            self.move_clock(0.0)
        if self._cut:
            self.restore()

    def cut(self) -> None:
        """Cut the uplink. Raises LinkError or InstrumentError when that is not confirmed."""
        self._cut = True
        self._set_uplink(False)

    def restore(self) -> None:
        """Restore the uplink."""
        self._set_uplink(True)
        self._cut = False

    def is_up(self) -> bool:
        """Say whether the uplink is up, as far as the bench knows."""
        return bool(self._status()["up"]) if self._settings.address else not self._cut

    def move_clock(self, ahead: float) -> None:
        """Let the bench's time server tell a time `ahead` seconds ahead of the true one.

        Raises MethodError MET-APN-003 when nothing here can, LinkError or InstrumentError when it fails.
        """
        if self._settings.address:
            answer = self._post("clock", {"ahead": ahead})
            if answer.get("ahead") != ahead:
                raise InstrumentError("BEN-APN-002", "the time server did not take the time", where=self._role)
        elif self._settings.clock_command:
            self._execute([each.format(ahead=round(ahead)) for each in self._settings.clock_command])
        else:
            raise MethodError(
                "MET-APN-003",
                "nothing here can move the time that the device is told",
                where=self._role,
                expected="clock_command in the bench file",
                todo="give the argument list that sets the bench's NTP server, {ahead} seconds ahead",
            )
        self._ahead = ahead

    def times_asked(self) -> int | None:
        """Return how often a time server of the segment was asked; None where nobody counts."""
        return int(self._status()["clock"]["asked"]) if self._settings.address else None

    def device_address(self) -> str:
        """Return the address at which the bench reaches the device's own services."""
        if self._settings.device:
            return self._settings.device
        if self._settings.address:
            return str(self._status()["device"]["address"])
        raise MethodError(
            "MET-APN-001",
            "the bench does not know the device's address",
            where=self._role,
            expected="`device` in the settings of the access point",
            todo="give the address that the access point leases to the device",
        )

    def foreign_ports(self) -> frozenset[int]:
        """Return ports that answer at the device's address without being the device's: leave them out of a scan."""
        if not self._settings.address:
            return frozenset()
        return frozenset(int(port) for port in self._status()["device"]["foreign_ports"])

    @contextmanager
    def intercept(self, host: str, shown: ssl.SSLContext | None = None) -> Iterator[Interception]:
        """Put an impostor with an untrusted certificate, or with `shown`, in the place of `host` while the block runs.

        Raises MethodError when no command can do that here, LinkError or InstrumentError when it fails.
        """
        impostor = Impostor(host, self._clock, self._settings.impostor, shown)
        try:
            with self.diverted(host, *impostor.address):
                yield impostor
        finally:
            impostor.close()

    @contextmanager
    def diverted(self, host: str, address: str, port: int) -> Iterator[None]:
        """Bring whoever asks for `host` to `address` and `port` while the block runs; errors as of `intercept`."""
        self._divert("redirect", self._settings.intercept_command, host, address, port)
        try:
            yield
        finally:
            self._divert("release", self._settings.release_command, host, address, port)

    @contextmanager
    def blocked(self, transport: Literal["tcp", "udp"], port: int) -> Iterator[None]:
        """Let nothing to the internet over `transport` to `port` pass while the block runs.

        Raises MethodError MET-APN-004 when nothing here can, LinkError or InstrumentError when it fails.
        """
        self._block(transport, port, True)
        try:
            yield
        finally:
            self._block(transport, port, False)

    def _block(self, transport: str, port: int, blocked: bool) -> None:
        if self._settings.address:
            answer = self._post("block", {"transport": transport, "port": port, "blocked": blocked})
            if answer.get("blocked") is not blocked:
                raise InstrumentError("BEN-APN-002", f"{transport}/{port} was not blocked", where=self._role)
            return
        command = self._settings.block_command if blocked else self._settings.unblock_command
        if not (self._settings.block_command and self._settings.unblock_command):
            raise MethodError(
                "MET-APN-004",
                f"nothing here can block {transport}/{port}",
                where=self._role,
                expected="block_command and unblock_command in the bench file",
                todo="give the argument lists that drop the device's packets to {port} over {transport}, and end that",
            )
        self._execute([each.format(transport=transport, port=port) for each in command])

    def _divert(self, order: str, command: Sequence[str], host: str, address: str, port: int) -> None:
        if self._settings.address:
            self._post(order, {"host": host, "address": address, "port": port})
            return
        if not command:
            raise MethodError(
                "MET-APN-002",
                f"nothing here can {order} {host}",
                where=self._role,
                expected="intercept_command and release_command in the bench file",
                todo="give the argument lists that lead the device's connections to the impostor and back",
            )
        self._execute([each.format(host=host, address=address, port=port) for each in command])

    def _set_uplink(self, up: bool) -> None:
        if self._settings.address:
            answer = self._post("uplink", {"up": up})
            if answer.get("up") is not up:
                raise InstrumentError("BEN-APN-002", f"the uplink is not {'up' if up else 'cut'}", where=self._role)
        else:
            self._execute(self._settings.restore_command if up else self._settings.cut_command)

    def _status(self) -> dict[str, Any]:
        status: dict[str, Any] = ask(f"{self._settings.address}/v1/status", code="BEN-APN-001", where=self._role)
        return status

    def _post(self, order: str, content: dict[str, Any]) -> dict[str, Any]:
        url = f"{self._settings.address}/v1/{order}"
        answer: dict[str, Any] = ask(url, content, code="BEN-APN-001", where=self._role)
        return answer

    def _execute(self, command: Sequence[str]) -> None:
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT, check=False
            )
            complaint = f"status {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}"
            failed = done.returncode != 0
        except (OSError, subprocess.TimeoutExpired) as error:
            complaint, failed = str(error), True
        if failed:
            raise InstrumentError(
                "BEN-APN-003",
                f"the command failed: {complaint}",
                where=f"{self._role}: {' '.join(command)}",
                expected="exit status 0",
                todo="run it by hand on the bench computer",
            )
