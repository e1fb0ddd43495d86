"""Driver `scpi-thermometer`: the air beside the device, or a probe on its housing that the supervisor watches (A16)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pytest_conformance.drivers import readings
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.scpi import ScpiDriver, ScpiSession, ScpiSettings
from pytest_conformance.drivers.visa_link import NoAnswerError, VisaLink
from pytest_conformance.errors import BenchError
from pytest_conformance.quantities import Celsius, Duration

ASK = "MEAS:TEMP?"
COLDEST, HOTTEST = -100.0, 1000.0
"""Readings outside are none."""


class ThermometerSettings(ScpiSettings):
    """Settings of `scpi-thermometer`."""

    most: Celsius | None = None
    """Temperature of the housing above which the device is without power at once; None: it is measured only."""
    every: Duration = 0.5
    """How often the supervisor looks."""


@dataclass(frozen=True)
class Probe:
    """How another process looks at the device's temperature: address, how often (s), and the limit (deg C)."""

    address: str
    most: float
    every: float
    timeout: float = 1.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Probe:
        return cls(**data)


class ScpiThermometer(ScpiDriver):
    """Measures the temperature of the housing (role `skin`), or of the air and its humidity (role `thermometer`)."""

    Settings = ThermometerSettings

    def __init__(self, session: ScpiSession, settings: ThermometerSettings, context: DriverContext) -> None:
        super().__init__(session, context)
        self._settings = settings

    @classmethod
    def open(cls, settings: ThermometerSettings, context: DriverContext) -> ScpiThermometer:
        """Open the thermometer; raises LinkError or InstrumentError."""
        return cls(ScpiSession.begin(settings, context), settings, context)

    @property
    def probe(self) -> Probe | None:
        """What the supervisor needs to watch; None without a limit."""
        given = self._settings
        return Probe(given.address, given.most, given.every) if given.most is not None else None

    def celsius(self) -> float:
        """Measure the temperature, deg C."""
        return self._session.number(ASK, unit="degC", low=COLDEST, high=HOTTEST)

    def humidity(self) -> float:
        """Measure the relative humidity of the air, 0 to 1; InstrumentError where the instrument has no such sensor."""
        return self._session.number("MEAS:HUM?", unit="%", low=0.0, high=100.0) / 100

    def check(self) -> list[str]:
        """Return findings: errors in the queue, a reading that cannot be used."""
        found = super().check()
        try:
            self.celsius()
        except BenchError as error:
            found.append(str(error))
        return found


class ProbeLink:
    """Looks at a probe from outside of its driver, over a link of its own."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self._link = VisaLink(probe.address, probe.timeout, f"skin at {probe.address}")
        self._open = False

    def celsius(self) -> float | None:
        """Return the temperature, deg C; None when no reading comes."""
        try:
            if not self._open:
                self._link.open()
                self._open = True
            value = readings.number(self._link.query(ASK), what=ASK, where=self._link.where)
        except (BenchError, NoAnswerError):
            self.close()
            return None
        return value if COLDEST <= value <= HOTTEST else None

    def close(self) -> None:
        if self._open:
            self._open = False
            self._link.close()
