"""Put a bench together from its file: instruments by role, channels to the device, clock, safe state."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.bench import links
from pytest_conformance.bench.clock_watch import ClockWatch
from pytest_conformance.bench.safe_state import Outcome, Step, reach
from pytest_conformance.bench.simulated import SimulatedWorld
from pytest_conformance.bench.supervised import Supervised
from pytest_conformance.clock import Clock, DrivenClock, RealClock
from pytest_conformance.drivers import registry
from pytest_conformance.drivers.context import DriverContext, always
from pytest_conformance.errors import (
    AbortedError,
    BenchError,
    ConformanceError,
    DeviceError,
    InstrumentError,
    LinkError,
    MethodError,
    SimulationError,
    UsageError,
)

if TYPE_CHECKING:
    from pytest_conformance.bench.file import BenchFile, RoleEntry
    from pytest_conformance.bench.leases import Lease
    from pytest_conformance.drivers.roles import Capture, Cloud, Supply, Uplink

SIM = "sim:"
OFF_WITHIN = 20.0
"""Wall seconds that switching one output off may take, the second path included."""
PARK_WITHIN = 10.0
"""Wall seconds that a mover may take to its empty place."""
CUT_WITHIN = 5.0
"""Wall seconds that cutting the upstream switch may take."""
AFTER_WATCHDOG = 2.0
"""Seconds after which a supply's watchdog has acted for certain, beyond its own time."""


class Bench:
    """The instruments of one bench, by role. Open it with `Bench.open`, leave it with `close`.

    `role(name)` gives a driver, `channel(name)` a link to the device itself; both are opened on first use and
    kept. Roles that the bench lacks raise MethodError MET-ROL-001: the clause cannot be judged here.
    """

    def __init__(
        self,
        file: BenchFile,
        world: SimulatedWorld | None,
        folder: Path,
        supervised: Supervised | None = None,
        lease: Lease | None = None,
    ) -> None:
        self.file = file
        self.folder = folder
        self.world = world
        self.lease = lease
        """What says that this run may use the bench; None where nobody else can reach it."""
        self.supervised = supervised
        """The process that switches off when this one cannot; None for a bench on which nothing is switched on."""
        clock = DrivenClock(world.advance) if world is not None else RealClock()
        clock.beat = self.beat
        self.watch_of_clocks = ClockWatch()
        self.clock: Clock = clock
        self._stop_beating = functools.partial(setattr, clock, "beat", None)
        self._open: dict[str, Any] = {}
        self._order: list[str] = []
        self.gone: set[str] = set()
        """Roles whose link went away and did not come back in time: they are not waited for again."""
        self._closed = False
        self._leaving = False

    @classmethod
    def open(
        cls,
        file: BenchFile,
        folder: Path,
        *,
        dut: str,
        known_bad: Sequence[str] = (),
        journal: Path | None = None,
        lease: Lease | None = None,
        presented: int = 0,
    ) -> Bench:
        """Assemble the bench that `file` describes; a mock bench starts its simulated world.

        `presented` is how often the device decided in the earlier part of a run that goes on: a simulated device whose
        truth is stated draws on from there. With a `journal` a supervisor watches over the bench and writes into it
        what it had to do. Raises SimulationError or UsageError when the simulation does not start.
        """
        folder.mkdir(parents=True, exist_ok=True)
        supervised = _supervised(file, folder, journal, lease) if journal is not None else None
        world = None
        try:
            if supervised is not None and lease is not None:
                supervised.keep(lease.fd, "lease")
            if file.mode == "mock":
                simulation = file.simulation
                world = SimulatedWorld(
                    dut,
                    known_bad=known_bad,
                    seed=simulation.seed,
                    door=simulation.door,
                    folder=folder / "simulation",
                    truth=simulation.truth.model_dump_json() if simulation.truth is not None else "",
                    drawn=presented,
                )
                if supervised is not None:
                    supervised.keep(world.life_line())
        except BaseException:
            if supervised is not None:
                supervised.leave()
            raise
        return cls(file, world, folder, supervised, lease)

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def mode(self) -> str:
        """ "mock" or "lab"."""
        return self.file.mode

    @property
    def closed(self) -> bool:
        """Whether the bench was left: nothing can be opened any more."""
        return self._closed

    @property
    def doors(self) -> dict[str, str]:
        """The way in which each opened role or channel is reached."""
        return {name: str(getattr(driver, "door", "?")) for name, driver in self._open.items()}

    def opened(self) -> Iterator[tuple[str, Any]]:
        """Yield name and driver of everything that was opened, in order."""
        yield from ((name, self._open[name]) for name in self._order)

    def has(self, role: str) -> bool:
        """Tell whether the bench file lists `role`."""
        return role in self.file.roles

    def role(self, name: str) -> Any:
        """Return the driver in role `name`, opening it on first use."""
        return self._get(name, self.file.roles, "role")

    def channel(self, name: str) -> Any:
        """Return the channel `name` to the device ("console", "companion", "ble"), opening it on first use."""
        return self._get(name, self.file.channels, "channel")

    @property
    def supply(self) -> Supply:
        driver: Supply = self.role("supply")
        return driver

    @property
    def capture(self) -> Capture:
        driver: Capture = self.role("capture")
        return driver

    @property
    def uplink(self) -> Uplink:
        driver: Uplink = self.role("uplink")
        return driver

    @property
    def cloud(self) -> Cloud:
        driver: Cloud = self.role("cloud")
        return driver

    def beat(self) -> None:
        """Feed what must hear from a living run loop: the supervisor, and the supply's communication watchdog.

        Raises BenchError when the supervisor has switched off or is gone; see `permit`.
        """
        self.permit()
        for _, driver in self.opened():
            keepalive = getattr(driver, "keepalive", None)
            if keepalive is not None:
                keepalive()

    def permit(self) -> None:
        """Show a sign of life; raise when this run may no longer touch the bench.

        Raises AbortedError ABO-LSE-001 when the bench was taken over: then not even an off is sent. Raises BenchError
        BEN-SAF-002 when the supervisor has switched off. When the supervisor itself is gone, the
        safe state is reached at once and BEN-SAF-003 is raised. On the way to the safe state everything is permitted.
        """
        if self.lease is not None:
            self.lease.check()
        if self.supervised is None or self._leaving:
            return
        try:
            self.supervised.beat()
        except BenchError as error:
            if error.code == "BEN-SAF-003" and not self._closed:
                self._closed = True
                self.safe()
                self._leaving = False
            raise

    def tell_clauses(self, ids: tuple[str, ...]) -> None:
        """Tell whoever must be authorised for them, the operators' page, which clauses are judged next."""
        for _, driver in self.opened():
            if hasattr(driver, "clauses"):
                driver.clauses = ids

    def check_health(self) -> None:
        """Ask every opened instrument who it is; raise its BenchError when one is gone, or its settings were changed.

        The device's own channels are not asked: their silence may be the device's.
        """
        if self.world is not None and not self.world.alive:
            raise SimulationError("BEN-SIM-002", "the simulated bench went away", todo="read simulation.log")
        self.watch_of_clocks.require_awake()
        for name in self._order:
            if name in self.file.roles:
                self._open[name].identity()
                getattr(self._open[name], "require_unchanged", always)()

    def blame(self, error: BaseException) -> ConformanceError | None:
        """Return the bench error behind `error` when an instrument turns out to be at fault, else None.

        For errors that look like the device's: before the device is blamed, the bench must answer (case C01). A link
        that broke is looked into as well: a hub that dropped stands behind all of its children (case B07).
        """
        if isinstance(error, InstrumentError | LinkError):
            return links.dropped_hub(self)
        if isinstance(error, ConformanceError) and not isinstance(error, DeviceError):
            return None
        if isinstance(error, DeviceError) and error.code == "DUT-HOT-001":
            return None  # it is off because the device was too hot, not because the bench failed
        try:
            self.check_health()
            self._check_power()
        except (InstrumentError, LinkError) as found:
            return links.dropped_hub(self) or found
        except ConformanceError as found:
            return found
        return None

    def relink(self) -> list[str]:
        """Open the links again that went away by themselves and are back; return what the record should say of it."""
        return links.relink(self)

    def safe(self) -> tuple[Outcome, ...]:
        """Reach the safe state: every supply off and read back, movers at their empty place, in the file's order.

        Nothing stops the next step. Where an output cannot be proven off, the upstream switch is cut; on a bench
        without one, this waits until the supply's own watchdog must have acted, and tries once more.
        """
        self._stop_beating()
        self._leaving = True
        wanted = self.file.safe_state
        outputs = [name for name, driver in self.opened() if hasattr(driver, "off")]
        outputs.sort(key=lambda name: (*wanted.switch_off, name).index(name))
        upstream = self._open.get(wanted.upstream or "")
        outcomes = [self._switched_off(name, patient=upstream is None) for name in outputs]
        if upstream is not None and not all(each.done for each in outcomes):
            outcomes += reach([Step(f"{wanted.upstream} cut", upstream.cut, CUT_WITHIN)])
        if self.supervised is not None:
            self.supervised.off(all(each.done for each in outcomes))
        parked = [name for name in wanted.park if hasattr(self._open.get(name), "home")]
        outcomes += reach([Step(f"{name} parked", self._open[name].home, PARK_WITHIN) for name in parked])
        return tuple(outcomes)

    def outputs_off(self) -> tuple[Outcome, ...]:
        """Switch every output off and read it back; the bench can be used afterwards."""
        return reach(
            [Step(f"{name} off", each.off, OFF_WITHIN) for name, each in self.opened() if hasattr(each, "off")]
        )

    def rest(self) -> tuple[Outcome, ...]:
        """Switch off whatever was switched on, between two tests; the bench can be used again afterwards."""
        live = [(name, each) for name, each in self.opened() if getattr(each, "wanted_on", False)]
        return reach([Step(f"{name} off", each.off, OFF_WITHIN) for name, each in live])

    def close(self) -> tuple[Outcome, ...]:
        """Reach the safe state, close every link in reverse order, and end the simulated world.

        Nothing can be opened any more afterwards: what still runs then must not switch anything on.
        """
        self._closed = True
        outcomes = self.safe()
        closing = [Step(f"close {name}", self._open[name].close, 5.0) for name in reversed(self._order)]
        outcomes += reach(closing)
        self._open.clear()
        self._order.clear()
        if self.supervised is not None:
            self.supervised.leave()
        if self.world is not None:
            outcomes += reach([Step("end simulation", self.world.close, 20.0)])
        if self.lease is not None:
            self.lease.release()
        return outcomes

    def _switched_off(self, name: str, *, patient: bool) -> Outcome:
        driver = self._open[name]
        step = Step(f"{name} off", driver.off, OFF_WITHIN)
        (first,) = reach([step])
        seconds = getattr(driver, "watchdog", None)
        if first.done or not seconds or not patient:
            return first
        try:
            self.clock.sleep(seconds + AFTER_WATCHDOG)
        except ConformanceError as error:
            return Outcome(step.name, False, f"{first.reason}; and its watchdog cannot be waited for: {error}")
        (second,) = reach([step])
        if second.done:
            return Outcome(step.name, True, f"at the second try only; before: {first.reason}")
        waited = f"nobody spoke to it for {seconds:g} s: its own watchdog must have switched it off"
        return Outcome(step.name, False, f"{first.reason}; {waited}")

    def _check_power(self) -> None:
        supply = self._open.get("supply")
        wanted = getattr(supply, "wanted_on", None)
        if supply is not None and wanted and not supply.is_on():
            raise InstrumentError(
                "BEN-INS-001",
                "the supply's output is off though it was switched on",
                where="supply",
                expected="the device powered",
                todo="look for a trip or a lost link",
            )

    def _get(self, name: str, entries: Mapping[str, RoleEntry], what: str) -> Any:
        if self._closed:
            raise AbortedError(
                "ABO-BEN-001", f"{what} {name!r} was asked for after the bench reached its safe state", where=self.name
            )
        if name in self._open:
            return self._open[name]
        if name not in entries:
            raise MethodError(
                "MET-ROL-001",
                f"bench {self.name!r} has no {what} {name!r}",
                where=str(self.file.path),
                expected=f"one of {', '.join(entries) or 'none'}",
                todo=f"add the {what} to the bench file, or run on a bench that has it",
            )
        driver = open_entry(entries[name], name, self.clock, self.folder, self._manifest_entry, self.permit)
        self._open[name] = driver
        self._order.append(name)
        self._entrust(name, driver)
        return driver

    def _entrust(self, name: str, driver: Any) -> None:
        """Give the supervisor what it needs to switch `driver` off, before anybody can switch it on."""
        off, feed = getattr(driver, "off_command", None), getattr(driver, "feed", None)
        if self.supervised is not None and (off or feed):
            upstream = name == self.file.safe_state.upstream
            self.supervised.hold(name, off if upstream or hasattr(driver, "off") else None, feed, upstream=upstream)
        probe = getattr(driver, "probe", None)
        if self.supervised is not None and probe is not None:
            self.supervised.watch(name, probe)

    def _manifest_entry(self, name: str) -> Mapping[str, Any]:
        if self.world is None:
            raise SimulationError(
                "BEN-SIM-005", f"address sim:{name} on a bench that is not a mock", todo="set mode: mock"
            )
        return self.world.entry(name)


def _supervised(file: BenchFile, folder: Path, journal: Path, lease: Lease | None) -> Supervised:
    wanted = file.safe_state
    return Supervised(
        journal,
        folder / "supervisor.log",
        silence=wanted.silence,
        grace=wanted.within / 2,
        alarm=wanted.alarm,
        bench=file.name,
        state=lease.path.parent.parent if lease is not None else None,
    )


def open_entry(
    entry: RoleEntry,
    role: str,
    clock: Clock,
    folder: Path,
    manifest: Callable[[str], Mapping[str, Any]],
    permit: Callable[[], None] = always,
) -> Any:
    """Open the driver that `entry` names; `address: sim:NAME` is resolved through `manifest`."""
    driver = registry.load(entry.driver, where=entry.where)
    if not hasattr(driver, "open") or not hasattr(driver, "Settings"):
        raise UsageError(
            "USE-DRV-003",
            f"{entry.driver!r} is no driver",
            where=entry.where,
            expected="a class with `Settings` and `open(settings, context)`",
            todo="mend the package that provides it",
        )
    extra: dict[str, Any] = {}
    address = entry.raw.get("address")
    if isinstance(address, str) and address.startswith(SIM):
        found = dict(manifest(address.removeprefix(SIM)))
        extra = {key: value for key, value in found.items() if key in driver.Settings.model_fields}
    settings = entry.settings(driver.Settings, extra)
    own = folder / role
    own.mkdir(parents=True, exist_ok=True)
    try:
        return driver.open(settings, DriverContext(role, clock, own, permit))
    except ConformanceError:
        raise
    except Exception as error:  # whatever a foreign driver lets through: named, so that the bench can be mended
        raise InstrumentError(
            "BEN-INS-002",
            f"driver {entry.driver!r} failed to open: {type(error).__name__}: {error}",
            where=f"{role} ({entry.where})",
            expected="an open instrument, or an error of the bench's own",
            todo="check the instrument, then the driver",
        ) from error
