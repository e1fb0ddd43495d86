"""Driver `scpi-outlet`: a switched mains outlet before the supply, with a dead-man that falls without a heartbeat."""

from __future__ import annotations

from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.off_command import Feed, OffCommand
from pytest_conformance.drivers.scpi import ScpiDriver, ScpiSession, ScpiSettings
from pytest_conformance.errors import InstrumentError
from pytest_conformance.quantities import Duration


class OutletSettings(ScpiSettings):
    """Settings of `scpi-outlet`."""

    deadman: Duration | None = None
    """The outlet opens by itself when it gets no heartbeat for so long. None: not armed."""


class ScpiOutlet(ScpiDriver):
    """A mains outlet that feeds the supply. Closed while the bench is used; `cut` is the path of last resort.

    Its heartbeat does not come from here: the bench's supervisor sends `feed` as long as the run loop lives.
    """

    Settings = OutletSettings

    def __init__(self, session: ScpiSession, settings: OutletSettings, context: DriverContext) -> None:
        super().__init__(session, context)
        self._settings = settings
        self.off_command = OffCommand((settings.address,))
        self.feed: Feed | None = None

    @classmethod
    def open(cls, settings: OutletSettings, context: DriverContext) -> ScpiOutlet:
        """Open the outlet, see that it feeds the bench, and arm its dead-man.

        Raises InstrumentError BEN-INS-150 when it is open: whatever opened it, a person closes it again.
        """
        session = ScpiSession.begin(settings, context)
        outlet = cls(session, settings, context)
        try:
            outlet._prepare()
        except BaseException:
            session.close()
            raise
        return outlet

    def cut(self) -> None:
        """Open the outlet and read it back; InstrumentError BEN-INS-151 when it stays closed."""
        self._session.tell("OUTP OFF")
        if self.closed():
            raise InstrumentError(
                "BEN-INS-151",
                "the outlet reads closed after it was told to open",
                where=self._session.where,
                expected="OUTP? answers 0",
                todo="pull the mains plug; its relay may be welded",
            )

    def closed(self) -> bool:
        """Ask whether the outlet feeds the bench."""
        return self._session.boolean("OUTP?")

    def check(self) -> list[str]:
        """Return findings: errors in the queue, no dead-man."""
        found = super().check()
        if self._settings.deadman is None:
            found.append("no dead-man: a computer that freezes leaves the device powered; set `deadman`")
        return found

    def _prepare(self) -> None:
        if not self.closed():
            raise InstrumentError(
                "BEN-INS-150",
                "the outlet is open: it was cut, or its dead-man fell",
                where=self._session.where,
                expected="a closed outlet",
                todo="find out why, look at the bench, then close it by hand; the bench never does",
            )
        seconds = self._settings.deadman
        if seconds is None:
            return
        self._session.tell(f"OUTP:DEAD:DEL {seconds:.6g}")
        self._session.tell("OUTP:DEAD ON")
        if not self._session.boolean("OUTP:DEAD?"):
            raise InstrumentError(
                "BEN-INS-152",
                "the outlet's dead-man does not arm",
                where=self._session.where,
                expected="OUTP:DEAD? answers 1",
                todo="remove `deadman` only if another dead-man cuts the device's power",
            )
        self.feed = Feed(self._settings.address, "OUTP:DEAD:BEAT", seconds / 5, "OUTP:DEAD OFF", min(1.0, seconds / 5))
