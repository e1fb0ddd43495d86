"""The simulated label reader: a barcode reader on a serial line, before which the device's printed labels lie."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.instruments.pty_line import PtyLine
from pytest_conformance.simulation.world import World

IDENTITY = "Simulated Instruments,SIM-SCAN2,SL6006,1.1"


class LabelReader:
    """Far end `label_reader`. Lines to it and its answers:

    `ID?` -> `ID text`; `TRIG n` -> `NOREAD n`, or `LABEL n length` and, after the line end, exactly `length` bytes
    and another line end: a label may hold any byte.
    """

    name = "label_reader"

    def __init__(self, world: World) -> None:
        self._world = world
        self._lines: list[Json] = []
        self.line = PtyLine(self.name, self._answer)

    def start(self) -> Mapping[str, Json]:
        return {"address": self.line.open()}

    def stop(self) -> None:
        self.kill()

    def kill(self) -> None:
        self.line.close()

    def seen(self) -> Json:
        return {"lines": list(self._lines)}

    def _answer(self, line: str) -> None:
        self._lines.append(line)
        verb, _, rest = line.partition(" ")
        if line == "ID?":
            self.line.send(f"ID {IDENTITY}\r\n".encode())
        elif verb == "TRIG" and rest.isdecimal() and len(rest) < 6:
            self._trigger(int(rest))
        else:
            self.line.send(b"ERR SYNTAX\r\n")

    def _trigger(self, sample: int) -> None:
        if not 1 <= sample <= len(self._world.labels):
            self.line.send(f"NOREAD {sample}\r\n".encode())
            return
        label = self._world.labels[sample - 1].encode("utf-8", "surrogatepass")
        self.line.send(f"LABEL {sample} {len(label)}\r\n".encode() + label + b"\r\n")
