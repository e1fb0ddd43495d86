"""The simulated bolt sensor: a box on a serial line that stamps each edge of the bolt's contact with its own clock."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.instruments.rfc2217 import Format, Rfc2217Line
from pytest_conformance.simulation.signals import Signal
from pytest_conformance.simulation.world import World

IDENTITY = "Simulated Instruments,SIM-EDGE1,SC4004,0.9.2"
FORM = Format(115200, 8, "E", 1)
BOOTED = 3_600_000_000
"""Microseconds that the box's clock shows when the world begins."""


class Contact:
    """Far end `contact`. Lines to it: `ID?`, `PING n`, `STATE?`. Lines from it:

    `ID text`, `PONG n us`, `STATE CLOSED|OPEN us`, unasked `EDGE CLOSED|OPEN us count`, `ERR what`. Its time is
    microseconds since it was switched on; `count` numbers the edges from 1. CTS carries the raw contact.
    """

    name = "contact"
    identity = IDENTITY

    def __init__(self, world: World, sensed: Signal[bool] | None = None) -> None:
        self._world = world
        self._sensed = world.bolt if sensed is None else sensed
        self._lock = threading.RLock()
        self._began = world.timeline.now() - BOOTED * 1000
        self._count = 0
        self._lines: list[str] = []
        self._edges: list[Json] = []
        self.line = Rfc2217Line(self.name, FORM, self._answer)
        self.line.set_cts(self._sensed.value)
        self.lose = 0
        """Fault: so many of the coming edges are stamped and counted but not sent."""
        self._sensed.listen(self._edge)

    def start(self) -> Mapping[str, Json]:
        return {"address": self.line.open(), "baudrate": FORM.baudrate, "parity": FORM.parity}

    def stop(self) -> None:
        self.kill()

    def kill(self) -> None:
        self.line.close()

    def restart(self) -> None:
        """Fault: the box loses power for a moment; its clock and count begin anew."""
        with self._lock:
            self._began = self._world.timeline.now()
            self._count = 0

    def seen(self) -> Json:
        """Return the client's settings and modem lines, the lines that it sent, and the edges."""
        changes: list[Json] = [[name, value] for name, value in self.line.changes]
        return {"port": changes, "lines": list(self._lines), "edges": list(self._edges)}

    def _now(self) -> int:
        return (self._world.timeline.now() - self._began) // 1000

    def _edge(self, closed: bool) -> None:
        with self._lock:
            at = self._now()
            self._count += 1
            self._edges.append({"us": at, "closed": closed})
            if self.lose:
                self.lose -= 1
            else:
                self._say(f"EDGE {_word(closed)} {at} {self._count}")
        self.line.set_cts(closed)

    def _answer(self, line: str) -> None:
        with self._lock:
            self._lines.append(line)
            verb, _, rest = line.partition(" ")
            if verb == "PING" and rest.isdecimal() and len(rest) <= 10:
                self._say(f"PONG {rest} {self._now()}")
            elif line == "STATE?":
                self._say(f"STATE {_word(self._sensed.value)} {self._now()} {self._count}")
            elif line == "ID?":
                self._say(f"ID {self.identity}")
            else:
                self._say(self._extra(line))

    def _extra(self, line: str) -> str:
        """Return the answer to a line that a box of another make may know."""
        return "ERR unknown"

    def _say(self, line: str) -> None:
        self.line.send(line.encode() + b"\r\n")


def _word(closed: bool) -> str:
    return "CLOSED" if closed else "OPEN"
