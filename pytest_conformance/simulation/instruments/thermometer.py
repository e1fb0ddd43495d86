"""The simulated thermometers, SCPI over raw sockets: a probe on the device's housing, and the air beside it."""

from __future__ import annotations

import random
from collections.abc import Mapping

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.instruments.raw_socket import RawSocketDoor
from pytest_conformance.simulation.instruments.scpi import ScpiModel, real
from pytest_conformance.simulation.world import World


class Thermometer:
    """Far end `skin`: reads `world.skin` with a little noise of its own."""

    name = "skin"
    identity = "Simulated Instruments,SIM-TEMP2,ST9009,2.1.0"

    def __init__(self, world: World) -> None:
        self._world = world
        self._noise = random.Random(f"{world.options.seed} {self.name}")
        self.model = ScpiModel(self.identity)
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

    def true(self) -> float:
        """The temperature that it is exposed to."""
        return self._world.skin.value

    def _read(self) -> str:
        return real(self.true() + self._noise.gauss(0.0, 0.05))


class Climate(Thermometer):
    """Far end `climate`: air temperature and relative humidity of the world."""

    name = "climate"
    identity = "Simulated Instruments,SIM-CLIM2,ST9010,2.1.0"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.model.command("MEASure[:SCALar]:HUMidity?", lambda given: real(100 * world.humidity.value))

    def true(self) -> float:
        return self._world.celsius.value
