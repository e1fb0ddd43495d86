"""Driver `scpi-supply`: a laboratory power supply that feeds the device, with its communication watchdog."""

from __future__ import annotations

from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.off_command import OffCommand
from pytest_conformance.drivers.scpi import ScpiDriver, ScpiSession, ScpiSettings
from pytest_conformance.errors import BenchError, InstrumentError
from pytest_conformance.quantities import Amperes, Duration, Volts

REACH = 0.95
"""Part of the set voltage that the output must reach after it was switched on."""


class SupplySettings(ScpiSettings):
    """Settings of `scpi-supply`."""

    alternative: str = ""
    """Another VISA resource name of the same supply: the second path by which it is switched off."""
    watchdog: Duration | None = None
    """The supply switches its output off by itself when nobody speaks to it for so long. None: not armed."""
    over_voltage: Volts | None = None
    """Level of the over-voltage protection."""
    over_current: bool | None = None
    """Trip at the current limit (true) or hold the current (false). None: as the supply stands."""
    off_below: Volts = 0.5
    """An output counts as off when it reads off and less than this is measured on it."""
    settling: Duration = 2.0
    """How long the output may take to reach its voltage, or to fall below `off_below`."""
    max_volts: Volts = 60.0
    max_amperes: Amperes = 20.0


class ScpiSupply(ScpiDriver):
    """A one-output supply. Its output is off after `open` and after `off`."""

    Settings = SupplySettings

    def __init__(self, session: ScpiSession, settings: SupplySettings, context: DriverContext) -> None:
        super().__init__(session, context)
        self._settings = settings
        self._context = context
        self._volts = 0.0
        self._set: dict[str, float] = {}
        """What was set, by command."""
        addresses = (settings.address, settings.alternative) if settings.alternative else (settings.address,)
        self.off_command = OffCommand(
            addresses, measure="MEAS:VOLT?", below=settings.off_below, settling=settings.settling
        )
        """How the bench's supervisor switches the output off when the run cannot."""
        self.wanted_on = False
        """Whether the bench wants the device powered: True between `on` and `off`."""
        self.watchdog = settings.watchdog
        """Seconds of silence after which the supply switches its output off by itself; None when it does not."""

    @classmethod
    def open(cls, settings: SupplySettings, context: DriverContext) -> ScpiSupply:
        """Open the supply, switch its output off, set the protections and arm the watchdog.

        Raises LinkError or InstrumentError; the link is then closed again.
        """
        session = ScpiSession.begin(settings, context)
        supply = cls(session, settings, context)
        try:
            supply._prepare()
        except BaseException:
            supply.close()
            raise
        return supply

    def set_output(self, volts: float, amperes: float) -> None:
        """Set the output's voltage (V) and current limit (A) and read both back."""
        for command, value in (("VOLT", volts), ("CURR", amperes)):
            self._session.tell(f"{command} {value:.6g}")
            taken = self._session.number(f"{command}?")
            if abs(taken - value) > 0.01 * abs(value) + 0.001:
                raise InstrumentError(
                    "BEN-INS-111",
                    f"{command} was set to {value:g} and reads {taken:g}",
                    where=self._session.where,
                    expected="the value that was set",
                    todo="check the range and the limits of the output",
                )
        self._volts = volts
        self._set = {"VOLT": volts, "CURR": amperes}

    def on(self) -> None:
        """Switch the output on and wait until it has its voltage; InstrumentError BEN-INS-112 when it has not."""
        self.wanted_on = True
        self._session.tell("OUTP ON")
        with self._clock.realtime():
            reached = self._clock.wait_for(lambda: self.volts() >= REACH * self._volts, self._settings.settling)
        if not reached or not self.is_on():
            raise InstrumentError(
                "BEN-INS-112",
                f"the output has {self.volts():.3g} V{self._tripped()}",
                where=self._session.where,
                expected=f"{self._volts:g} V within {self._settings.settling:g} s",
                todo="look for a short circuit, a low current limit or a tripped protection",
            )

    def off(self) -> None:
        """Switch the output off and read it back, by the second path when the first fails.

        Raises InstrumentError BEN-INS-110 when the output cannot be proven off.
        """
        self.wanted_on = False
        failures: list[str] = []
        try:
            self._switch_off(self._session)
            return
        except BenchError as error:
            failures.append(str(error))
        if self._settings.alternative:
            try:
                self._off_by_second_path()
                return
            except BenchError as error:
                failures.append(f"second path: {error}")
        raise InstrumentError(
            "BEN-INS-110",
            f"the output is not proven off ({' | '.join(failures)})",
            where=self._session.where,
            expected=f"output off and below {self._settings.off_below:g} V",
            todo="cut the mains of the supply; quarantine the bench until the output is seen to be off",
        )

    def require_unchanged(self) -> None:
        """Read the settings back; InstrumentError BEN-INS-113 when somebody changed them, by hand or else."""
        for command, wanted in self._set.items():
            found = self._session.number(f"{command}?")
            if abs(found - wanted) > 0.01 * abs(wanted) + 0.001:
                raise InstrumentError(
                    "BEN-INS-113",
                    f"{command} reads {found:g} and was set to {wanted:g}",
                    where=self._session.where,
                    expected="settings as the bench left them",
                    todo="lock the front panel; repeat what was measured since the last check",
                )

    def is_on(self) -> bool:
        """Ask whether the output is switched on."""
        return self._session.boolean("OUTP?")

    def volts(self) -> float:
        """Measure the output's voltage, V."""
        return self._volts_of(self._session)

    def amperes(self) -> float:
        """Measure the output's current, A."""
        limit = self._settings.max_amperes
        return self._session.number("MEAS:CURR?", unit="A", low=-limit, high=limit)

    def keepalive(self) -> None:
        """Feed the watchdog when nothing was said for a quarter of its time; free when there was talk.

        Called by the bench's run loop, so that a loop that hangs stops feeding. Raises LinkError when the link died.
        """
        if self._settings.watchdog is not None and self._silent_for() >= self._settings.watchdog / 4:
            self._session.ask("*OPC?")

    def check(self) -> list[str]:
        """Return findings: errors in the queue, a missing watchdog, a tripped protection, an output that is on."""
        found = super().check()
        if self._settings.watchdog is None:
            found.append("no communication watchdog: a bench that dies leaves the device powered; set `watchdog`")
        try:
            if self.is_on() and not self.wanted_on:
                found.append("the output is on though nobody asked for it")
            if tripped := self._tripped():
                found.append("protection" + tripped)
        except BenchError as error:
            found.append(str(error))
        return found

    def _prepare(self) -> None:
        tell, settings = self._session.tell, self._settings
        self._switch_off(self._session)
        tell("OUTP:PROT:CLE")
        if settings.over_voltage is not None:
            tell(f"VOLT:PROT {settings.over_voltage:.6g}")
        if settings.over_current is not None:
            tell(f"CURR:PROT:STAT {'ON' if settings.over_current else 'OFF'}")
        if settings.watchdog is not None:
            tell(f"OUTP:PROT:WDOG:DEL {settings.watchdog:.6g}")
            tell("OUTP:PROT:WDOG ON")
            if not self._session.boolean("OUTP:PROT:WDOG?"):
                raise InstrumentError(
                    "BEN-INS-111",
                    "the communication watchdog does not arm",
                    where=self._session.where,
                    expected="OUTP:PROT:WDOG? answers 1",
                    todo="remove `watchdog` only if another dead-man switch cuts the device's power",
                )

    def _switch_off(self, session: ScpiSession) -> None:
        session.tell("OUTP OFF")
        if session.boolean("OUTP?"):
            raise InstrumentError(
                "BEN-INS-110", "the output reads on after OUTP OFF", where=session.where, expected="OUTP? answers 0"
            )
        limit = self._settings.off_below
        with self._clock.realtime():
            fell = self._clock.wait_for(lambda: abs(self._volts_of(session)) < limit, self._settings.settling)
        if not fell:
            raise InstrumentError(
                "BEN-INS-110",
                f"{self._volts_of(session):.3g} V remain on the output that was switched off",
                where=session.where,
                expected=f"less than {limit:g} V",
                todo="look for a second source, a welded relay or a large capacitor",
            )

    def _off_by_second_path(self) -> None:
        session = ScpiSession.begin(self._settings, self._context, self._settings.alternative)
        try:
            self._switch_off(session)
        finally:
            session.close()

    def _volts_of(self, session: ScpiSession) -> float:
        limit = self._settings.max_volts
        return session.number("MEAS:VOLT?", unit="V", low=-limit, high=limit)

    def _tripped(self) -> str:
        """Return which protections tripped (" tripped: ..."), from the questionable condition register; else ""."""
        bits = int(self._session.number("STAT:QUES:COND?", low=0, high=65535))
        names = [name for bit, name in ((1, "over-voltage"), (2, "over-current"), (2048, "watchdog")) if bits & bit]
        return f" tripped: {', '.join(names)}" if names else ""
