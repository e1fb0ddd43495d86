"""The simulated mains outlet: SCPI over a raw socket, a relay before the supply, and a dead-man on the wall clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.instruments.power import PowerStage
from pytest_conformance.simulation.instruments.raw_socket import RawSocketDoor
from pytest_conformance.simulation.instruments.scpi import ScpiModel, boolean, number, real

IDENTITY = "Simulated Instruments,SIM-OUT1,SO1001,1.0.0"


class Outlet:
    """Far end `outlet`. Killing it kills its front end only: the relay and its dead-man live on.

    The dead-man runs on the wall clock, as its heartbeat does: simulated time that is skipped asks for no beats.
    """

    name = "outlet"

    def __init__(self, stage: PowerStage) -> None:
        self._stage = stage
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None
        self.closed = True
        self.delay = 5.0
        self.armed = False
        self.changes: list[Mapping[str, Json]] = []
        """Each change of the relay: host's monotonic time in ns, closed or not, and why."""
        self.model = ScpiModel(IDENTITY)
        add = self.model.command
        add("OUTPut[:STATe]", lambda given: self.switch(boolean(given), "command"))
        add("OUTPut[:STATe]?", lambda _: str(int(self.closed)))
        add("OUTPut:DEADman:DELay", self._set_delay)
        add("OUTPut:DEADman:DELay?", lambda _: real(self.delay))
        add("OUTPut:DEADman:BEAT", lambda _: self.beat())
        add("OUTPut:DEADman[:STATe]", self._arm)
        add("OUTPut:DEADman[:STATe]?", lambda _: str(int(self.armed)))
        self._door = RawSocketDoor(self.name, self.model)

    def start(self) -> Mapping[str, Json]:
        return {"address": self._door.open()}

    def stop(self) -> None:
        self.kill()
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()

    def kill(self) -> None:
        self._door.close()

    def seen(self) -> Json:
        return {
            "closed": self.closed,
            "armed": self.armed,
            "changes": list(self.changes),
            "commands": list(self.model.received),
        }

    def switch(self, closed: bool, why: str) -> None:
        """Open or close the relay; the supply behind it loses or gets its mains."""
        with self._lock:
            if closed == self.closed:
                return
            self.closed = closed
            self.changes.append({"wall": time.monotonic_ns(), "closed": closed, "why": why})
        self._stage.feed_mains(closed, f"mains, {why}")

    def beat(self) -> None:
        """Note a heartbeat: the dead-man falls `delay` seconds after the last one."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self.armed:
                self._timer = threading.Timer(self.delay, self.switch, (False, "dead-man"))
                self._timer.daemon = True
                self._timer.start()

    def _arm(self, given: Sequence[str]) -> None:
        self.armed = boolean(given)
        self.beat()

    def _set_delay(self, given: Sequence[str]) -> None:
        self.delay = number(given, 0.5, 3600, "S")
        self.beat()
