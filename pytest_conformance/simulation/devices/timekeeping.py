"""What time it is, for a device without a battery: it asks the segment's time server (SNTP, RFC 4330)."""

from __future__ import annotations

import contextlib
import struct
from typing import ClassVar

from pytest_conformance.simulation.devices.base import Behaviour
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.network import addresses
from pytest_conformance.simulation.timeline import SECOND

_SINCE_1900 = 2_208_988_800
_DAY = 86_400
_PATIENCE = 1.0


class Timekeeping(Behaviour):
    """Asks for the time each five minutes once the rules were agreed to; until then it has none."""

    slot = "time"
    seconds: ClassVar[float] = 300.0
    _at: int | None = None
    _told = 0.0

    def start(self) -> None:
        self.device.after(1.0, self.ask)
        self.device.every(self.seconds, self.ask)

    def ask(self) -> None:
        """Ask once; without an answer the old time goes on."""
        if not self.device.get(CloudLink).may_speak():
            return
        with contextlib.suppress(OSError, struct.error), contextlib.closing(self.world.net.udp("device")) as line:
            line.settimeout(_PATIENCE)
            line.sendto(b"\x23" + bytes(47), (addresses.ACCESS_POINT, addresses.NTP_PORT))
            (stamp,) = struct.unpack_from(">Q", line.recvfrom(512)[0], 40)
            self._told, self._at = stamp / 2**32 - _SINCE_1900, self.world.timeline.now()
            self.told()

    def told(self) -> None:
        """Called when the time is known anew."""

    @property
    def hour(self) -> float | None:
        """Hour of the day, UTC; None while the time is not known."""
        if self._at is None:
            return None
        now = self._told + (self.world.timeline.now() - self._at) / SECOND
        return now % _DAY / 3600
