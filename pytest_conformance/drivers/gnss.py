"""Driver `scpi-gnss`: a satellite simulator that makes the device believe to be elsewhere."""

from __future__ import annotations

from pytest_conformance.drivers import readings
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.off_command import OffCommand
from pytest_conformance.drivers.scpi import ScpiDriver, ScpiSession, ScpiSettings
from pytest_conformance.errors import BenchError, InstrumentError, UsageError

TOLERANCE = 1e-6
"""Degrees by which a position that was read back may differ: about 0.1 m."""


class GnssSettings(ScpiSettings):
    """Settings of `scpi-gnss`."""


class ScpiGnss(ScpiDriver):
    """Sets the simulated position and keeps the radio on until it is closed."""

    Settings = GnssSettings

    def __init__(self, session: ScpiSession, context: DriverContext) -> None:
        super().__init__(session, context)
        self.off_command = OffCommand((session.address,))
        """How the bench's supervisor switches the radio off when the run cannot."""

    @classmethod
    def open(cls, settings: GnssSettings, context: DriverContext) -> ScpiGnss:
        """Open the simulator with its radio off; raises LinkError or InstrumentError."""
        session = ScpiSession.begin(settings, context)
        return cls(session, context)

    def place(self, latitude: float, longitude: float) -> None:
        """Set the simulated position in degrees WGS-84, switch the radio on and read both back.

        Raises UsageError USE-GNS-001 for a place that is not on Earth, InstrumentError BEN-INS-111 when the
        simulator did not take it.
        """
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            raise UsageError(
                "USE-GNS-001",
                f"{latitude}, {longitude} is no place on Earth",
                expected="latitude -90 to 90, longitude -180 to 180, degrees",
            )
        self._session.tell(f"SOUR:SCEN:POS {latitude:.8f},{longitude:.8f}")
        self._session.tell("OUTP ON")
        there = self._position()
        if max(abs(there[0] - latitude), abs(there[1] - longitude)) > TOLERANCE or not self._session.boolean("OUTP?"):
            raise InstrumentError(
                "BEN-INS-111",
                f"the simulator is at {there[0]:.6f}, {there[1]:.6f} or its radio is off",
                where=self._session.where,
                expected=f"{latitude:.6f}, {longitude:.6f}, radio on",
            )

    def off(self) -> None:
        """Switch the radio off and read it back; InstrumentError BEN-INS-110 when it stays on."""
        self._session.tell("OUTP OFF")
        if self._session.boolean("OUTP?"):
            raise InstrumentError(
                "BEN-INS-110",
                "the radio reads on after OUTP OFF",
                where=self._session.where,
                expected="OUTP? answers 0",
            )

    def check(self) -> list[str]:
        """Return findings: errors in the queue, a position that cannot be read."""
        found = super().check()
        try:
            self._position()
        except BenchError as error:
            found.append(str(error))
        return found

    def _position(self) -> tuple[float, float]:
        query = "SOUR:SCEN:POS?"
        answer = self._session.ask(query)
        parts = answer.split(",")
        if len(parts) != 2:
            raise InstrumentError(
                "BEN-INS-104",
                f"{query}: the answer {readings.shown(answer)} is no position",
                where=self._session.where,
                expected="latitude,longitude",
            )
        latitude, longitude = (readings.number(each, what=query, where=self._session.where) for each in parts)
        return latitude, longitude
