"""The simulated rangefinder: how far what stands before the device is, on a serial line."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.instruments.pty_line import PtyLine
from pytest_conformance.simulation.world import World

IDENTITY = "Simulated Instruments,SIM-RANGE1,SR8001,1.0"


class Rangefinder:
    """Far end `rangefinder`: `ID?` -> `ID text`; `RANGE?` -> `RANGE mm checksum`, or `RANGE NONE`."""

    name = "rangefinder"

    def __init__(self, world: World) -> None:
        self._world = world
        self.line = PtyLine(self.name, self._answer)

    def start(self) -> Mapping[str, Json]:
        return {"address": self.line.open()}

    def stop(self) -> None:
        self.kill()

    def kill(self) -> None:
        self.line.close()

    def seen(self) -> Json:
        return {}

    def _answer(self, line: str) -> None:
        if line == "ID?":
            self.line.send(f"ID {IDENTITY}\r\n".encode())
        elif line == "RANGE?":
            distance = self._world.distance.value
            said = "RANGE NONE" if distance is None else f"RANGE {distance:.1f}"
            check = "" if distance is None else f" {sum(said.encode('ascii')) % 256:02X}"
            self.line.send(f"{said}{check}\r\n".encode())
        else:
            self.line.send(b"ERR SYNTAX\r\n")
