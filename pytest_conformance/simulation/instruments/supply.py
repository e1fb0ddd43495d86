"""The simulated supply: SCPI over HiSLIP and over a raw socket, in front of a power stage that feeds the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.instruments.hislip import HislipDoor
from pytest_conformance.simulation.instruments.power import MAX_AMPERES, MAX_VOLTS, PowerStage
from pytest_conformance.simulation.instruments.raw_socket import RawSocketDoor
from pytest_conformance.simulation.instruments.scpi import ScpiError, ScpiModel, boolean, number, real
from pytest_conformance.simulation.world import World

IDENTITY = "Simulated Instruments,SIM-PSU32,SP1001,2.4.1"


class SupplyFront:
    """The front end: what the SCPI commands do to the power stage."""

    def __init__(self, stage: PowerStage) -> None:
        self._stage = stage
        self.model = ScpiModel(IDENTITY)
        self.model.on_message = stage.feed
        self.model.on_reset = stage.reset
        self._add_levels()
        self._add_output()
        self._add_protection()

    def _add_levels(self) -> None:
        stage, add = self._stage, self.model.command
        add("[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]", lambda given: self._set("volts", given, MAX_VOLTS, "V"))
        add("[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]?", lambda _: real(stage.volts))
        add(
            "[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]",
            lambda given: self._set("amperes", given, MAX_AMPERES, "A"),
        )
        add("[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]?", lambda _: real(stage.amperes))
        add("MEASure[:SCALar]:VOLTage[:DC]?", lambda _: self._measured("rail"))
        add("MEASure[:SCALar]:CURRent[:DC]?", lambda _: self._measured("current"))

    def _add_output(self) -> None:
        stage, add = self._stage, self.model.command
        add("OUTPut[:STATe]", self._switch)
        add("OUTPut[:STATe]?", lambda _: str(int(stage.on)))
        add("OUTPut:PROTection:CLEar", lambda _: stage.trips.clear())
        add("OUTPut:PROTection:WDOG[:STATe]", lambda given: stage.arm(boolean(given)))
        add("OUTPut:PROTection:WDOG[:STATe]?", lambda _: str(int(stage.watchdog)))
        add("OUTPut:PROTection:WDOG:DELay", lambda given: stage.set_watchdog_delay(number(given, 1, 3600, "S")))
        add("OUTPut:PROTection:WDOG:DELay?", lambda _: real(stage.watchdog_delay))

    def _add_protection(self) -> None:
        stage, add = self._stage, self.model.command
        add("[SOURce:]VOLTage:PROTection[:LEVel]", lambda given: self._set("over_voltage", given, MAX_VOLTS * 1.1, "V"))
        add("[SOURce:]VOLTage:PROTection[:LEVel]?", lambda _: real(stage.over_voltage))
        add("[SOURce:]CURRent:PROTection:STATe", self._protect_current)
        add("[SOURce:]CURRent:PROTection:STATe?", lambda _: str(int(stage.over_current)))
        add("STATus:QUEStionable:CONDition?", lambda _: str(self._questionable()))

    def _set(self, name: str, given: Sequence[str], high: float, unit: str) -> None:
        setattr(self._stage, name, number(given, 0, high, unit))
        self._stage.settle()

    def _switch(self, given: Sequence[str]) -> None:
        on = boolean(given)
        if on and self._stage.trips:
            raise ScpiError(-221, "protection tripped")
        self._stage.switch(on, "command")

    def _protect_current(self, given: Sequence[str]) -> None:
        self._stage.over_current = boolean(given)
        self._stage.settle()

    def _measured(self, what: str) -> str:
        return real(self._stage.current() if what == "current" else self._stage.rail)

    def _questionable(self) -> int:
        """Bits of the questionable register: OV 1, OC 2, constant current 1024, watchdog 2048."""
        bits = {"OV": 1, "OC": 2, "WDOG": 2048}
        return sum(bits[each] for each in self._stage.trips) + (1024 if self._stage.limiting() else 0)


class Supply:
    """Far end `supply`. Killing it kills the front end only: the power stage and its watchdog live on in the world."""

    name = "supply"

    def __init__(self, world: World) -> None:
        self.stage = PowerStage(world)
        self.front = SupplyFront(self.stage)
        self.hislip = HislipDoor(self.name, self.front.model)
        self.raw_socket = RawSocketDoor(self.name, self.front.model)

    def start(self) -> Mapping[str, Json]:
        return {"address": self.hislip.open(), "alternative": self.raw_socket.open()}

    def stop(self) -> None:
        self.kill()

    def kill(self) -> None:
        self.hislip.close()
        self.raw_socket.close()

    def seen(self) -> Json:
        """Return the output's changes, its state, the trips, and the program messages in order."""
        return {
            "on": self.stage.on,
            "output": list(self.stage.output),
            "trips": sorted(self.stage.trips),
            "commands": list(self.front.model.received),
            "device_clears": self.hislip.clears,
        }
