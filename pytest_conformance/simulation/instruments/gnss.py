"""The simulated satellite simulator: SCPI over a raw socket; while its radio is on, the world is where it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.instruments.raw_socket import RawSocketDoor
from pytest_conformance.simulation.instruments.scpi import ScpiError, ScpiModel, boolean, number, real
from pytest_conformance.simulation.world import World

IDENTITY = "Simulated Instruments,SIM-GNSS,SG3003,5.1"


class Gnss:
    """Far end `gnss`: sets `world.place`. Positions are latitude and longitude in degrees WGS-84."""

    name = "gnss"

    def __init__(self, world: World) -> None:
        self._world = world
        self._position = world.place.value
        self._radio = False
        self.model = ScpiModel(IDENTITY)
        self.raw_socket = RawSocketDoor(self.name, self.model)
        self.model.command("SOURce:SCENario:POSition", self._move)
        self.model.command("SOURce:SCENario:POSition?", lambda _: ",".join(real(each) for each in self._position))
        self.model.command("OUTPut[:STATe]", self._switch)
        self.model.command("OUTPut[:STATe]?", lambda _: str(int(self._radio)))
        self.model.on_reset = self._reset

    def start(self) -> Mapping[str, Json]:
        return {"address": self.raw_socket.open()}

    def stop(self) -> None:
        self.kill()

    def kill(self) -> None:
        self.raw_socket.close()

    def seen(self) -> Json:
        places: list[Json] = [{"at": at, "place": list(place)} for at, place in self._world.place.history]
        return {"radio": self._radio, "places": places, "commands": list(self.model.received)}

    def _move(self, given: Sequence[str]) -> None:
        if len(given) != 2:
            raise ScpiError(-109)
        self._position = (number(given[:1], -90, 90), number(given[1:], -180, 180))
        self._radiate()

    def _switch(self, given: Sequence[str]) -> None:
        self._radio = boolean(given)
        self._radiate()

    def _reset(self) -> None:
        self._radio = False

    def _radiate(self) -> None:
        if self._radio:
            self._world.place.set(self._position)
