"""The simulated multimeter: SCPI over a raw socket, clipped to the device's supply lines."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.instruments.raw_socket import RawSocketDoor
from pytest_conformance.simulation.instruments.scpi import ScpiModel, number, real
from pytest_conformance.simulation.world import World

IDENTITY = "Simulated Instruments,SIM-DMM6,SM2002,1.0.7"
OVERLOAD = 9.9e37
RANGES = {"VOLT": (0.1, 1.0, 10.0, 100.0, 1000.0), "CURR": (0.01, 0.1, 1.0, 3.0)}


class Meter:
    """Far end `meter`: reads `world.rail` and the current into `world.load`, with a little noise of its own."""

    name = "meter"

    def __init__(self, world: World) -> None:
        self._world = world
        self._noise = random.Random(f"{world.options.seed} meter")
        self.open_leads = False
        """Fault: the leads are off, every reading is an overload."""
        self.gain = 1.0
        """Fault: what each reading is multiplied with, as by a shunt that drifted; nothing else shows it."""
        self.model = ScpiModel(IDENTITY)
        self.raw_socket = RawSocketDoor(self.name, self.model)
        self.model.command("MEASure[:SCALar]:VOLTage[:DC]?", lambda given: self._read("VOLT", given))
        self.model.command("MEASure[:SCALar]:CURRent[:DC]?", lambda given: self._read("CURR", given))

    def start(self) -> Mapping[str, Json]:
        return {"address": self.raw_socket.open()}

    def stop(self) -> None:
        self.kill()

    def kill(self) -> None:
        self.raw_socket.close()

    def seen(self) -> Json:
        return {"commands": list(self.model.received)}

    def _read(self, what: str, given: Sequence[str]) -> str:
        """Return a reading; above 120 % of the range (first parameter, else automatic) the overload marker."""
        rail = self._world.rail.value
        true = rail if what == "VOLT" else rail / self._world.load.value
        ranges = RANGES[what]
        asked = ranges[-1] if not given or given[0].upper() in ("AUTO", "DEF") else number(given, 0, ranges[-1])
        chosen = next(each for each in ranges if each >= asked)
        if self.open_leads or abs(true) > 1.2 * chosen:
            return real(OVERLOAD)
        return real(self.gain * true + self._noise.gauss(0.0, 2e-5 * max(abs(true), 0.1)))
