"""The simulated turntable: a serial instrument whose movements take the world's time."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.instruments.pty_line import PtyLine
from pytest_conformance.simulation.timeline import Timer
from pytest_conformance.simulation.world import World

IDENTITY = "Simulated Instruments,SIM-TURN24,ST5005,3.0.0"
HOLDERS = 24
"""Places that can carry something, numbered from 1; place 0 is left empty. A larger table has a magazine beside it."""
START = 0.4
"""Seconds to lift, lower and settle."""
STEP = 0.1
"""Seconds from one place to the next."""


class Mover:
    """Far end `mover`. Lines to it and its answers:

    `ID?` -> `ID text`; `HOLDERS?` -> `HOLDERS n`; `GOTO n` -> `OK` or `ERR RANGE|BUSY|STALL`; `HOME` and `STOP` ->
    `OK`; `POS?` -> `POS n READY`, `POS n MOVING` (n: where it goes), `POS n STALLED` or `POS n STOPPED` (n: where it
    stood last).
    """

    name = "mover"

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.RLock()
        self._state = "READY"
        self._place = 0
        self._goal = 0
        self._timer: Timer | None = None
        self._places = max(HOLDERS, *world.holders)
        self._lines: list[Json] = []
        self.line = PtyLine(self.name, self._answer)
        self.stalls = False
        """Fault: the next movements end half-way, on a blocked table. `HOME` after it is cleared sets it free."""

    def start(self) -> Mapping[str, Json]:
        return {"address": self.line.open()}

    def stop(self) -> None:
        self.kill()

    def kill(self) -> None:
        self.line.close()

    def seen(self) -> Json:
        holders: list[Json] = [{"at": at, "holder": holder} for at, holder in self._world.holder.history]
        return {"lines": list(self._lines), "state": self._state, "place": self._place, "holders": holders}

    def _answer(self, line: str) -> None:
        with self._lock:
            self._lines.append(line)
            self.line.send(self._carry_out(line).encode() + b"\r\n")

    def _carry_out(self, line: str) -> str:
        verb, _, rest = line.partition(" ")
        if line == "ID?":
            return f"ID {IDENTITY}"
        if line == "HOLDERS?":
            return f"HOLDERS {self._places}"
        if line == "POS?":
            return f"POS {self._goal if self._state == 'MOVING' else self._place} {self._state}"
        if verb == "GOTO" and rest.isdecimal() and len(rest) < 6:
            return self._begin(int(rest))
        if line == "HOME":
            self._state = "READY"
            return self._begin(0)
        if line == "STOP":
            self._halt()
            return "OK"
        return "ERR SYNTAX"

    def _begin(self, goal: int) -> str:
        if not 0 <= goal <= self._places:
            return "ERR RANGE"
        if self._state in ("MOVING", "STALLED"):
            return "ERR BUSY" if self._state == "MOVING" else "ERR STALL"
        self._state, self._goal = "MOVING", goal
        self._world.holder.set(0)
        around = abs(goal - self._place)
        busy = START + STEP * min(around, self._places + 1 - around)
        self._timer = self._world.timeline.call_later(busy, self._arrive)
        return "OK"

    def _arrive(self) -> None:
        with self._lock:
            if self._state != "MOVING":
                return
            if self.stalls:
                self._state = "STALLED"
                return
            self._state, self._place = "READY", self._goal
            self._world.holder.set(self._place)

    def _halt(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._state == "MOVING":
            self._state = "STOPPED"
