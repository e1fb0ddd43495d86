"""Driver `scpi-meter`: a multimeter on the device's supply lines."""

from __future__ import annotations

from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.scpi import ScpiDriver, ScpiSession, ScpiSettings
from pytest_conformance.errors import BenchError
from pytest_conformance.quantities import Amperes, Volts


class MeterSettings(ScpiSettings):
    """Settings of `scpi-meter`."""

    max_volts: Volts = 1000.0
    max_amperes: Amperes = 10.0


class ScpiMeter(ScpiDriver):
    """Measures direct voltage and current. An overload or a reading that is no number is an InstrumentError."""

    Settings = MeterSettings

    def __init__(self, session: ScpiSession, settings: MeterSettings, context: DriverContext) -> None:
        super().__init__(session, context)
        self._settings = settings

    @classmethod
    def open(cls, settings: MeterSettings, context: DriverContext) -> ScpiMeter:
        """Open the meter; raises LinkError or InstrumentError."""
        return cls(ScpiSession.begin(settings, context), settings, context)

    def volts(self) -> float:
        """Measure direct voltage, V."""
        limit = self._settings.max_volts
        return self._session.number("MEAS:VOLT:DC?", unit="V", low=-limit, high=limit)

    def amperes(self) -> float:
        """Measure direct current, A."""
        limit = self._settings.max_amperes
        return self._session.number("MEAS:CURR:DC?", unit="A", low=-limit, high=limit)

    def check(self) -> list[str]:
        """Return findings: errors in the queue, a reading that cannot be used."""
        found = super().check()
        try:
            self.volts()
        except BenchError as error:
            found.append(str(error))
        return found
