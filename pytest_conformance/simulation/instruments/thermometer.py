"""The simulated thermometer: SCPI over a raw socket, its probe on the housing of the device."""

from __future__ import annotations

import random
from collections.abc import Mapping

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.instruments.raw_socket import RawSocketDoor
from pytest_conformance.simulation.instruments.scpi import ScpiModel, real
from pytest_conformance.simulation.world import World

IDENTITY = "Simulated Instruments,SIM-TEMP2,ST9009,2.1.0"


class Thermometer:
    """Far end `skin`: reads `world.skin` with a little noise of its own."""

    name = "skin"

    def __init__(self, world: World) -> None:
        self._world = world
        self._noise = random.Random(f"{world.options.seed} skin")
        self.model = ScpiModel(IDENTITY)
        self.raw_socket = RawSocketDoor(self.name, self.model)
        self.model.command("MEASure[:SCALar]:TEMPerature?", lambda given: self._read())

    def start(self) -> Mapping[str, Json]:
        return {"address": self.raw_socket.open()}

    def stop(self) -> None:
        self.kill()

    def kill(self) -> None:
        self.raw_socket.close()

    def seen(self) -> Json:
        return {"commands": list(self.model.received)}

    def _read(self) -> str:
        return real(self._world.skin.value + self._noise.gauss(0.0, 0.05))
