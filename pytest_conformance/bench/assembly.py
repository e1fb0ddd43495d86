"""Put a bench together from its file: instruments by role, channels to the device, clock, safe state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.bench.safe_state import Outcome, Step, reach
from pytest_conformance.bench.simulated import SimulatedWorld
from pytest_conformance.clock import Clock, DrivenClock, RealClock
from pytest_conformance.drivers import registry
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.errors import (
    ConformanceError,
    DeviceError,
    InstrumentError,
    MethodError,
    SimulationError,
)

if TYPE_CHECKING:
    from pytest_conformance.bench.file import BenchFile, RoleEntry
    from pytest_conformance.drivers.roles import Capture, Cloud, Supply, Uplink

SIM = "sim:"


class Bench:
    """The instruments of one bench, by role. Open it with `Bench.open`, leave it with `close`.

    `role(name)` gives a driver, `channel(name)` a link to the device itself; both are opened on first use and
    kept. Roles that the bench lacks raise MethodError MET-ROL-001: the clause cannot be judged here.
    """

    def __init__(self, file: BenchFile, world: SimulatedWorld | None, folder: Path) -> None:
        self.file = file
        self.folder = folder
        self.world = world
        self.clock: Clock = DrivenClock(world.advance) if world is not None else RealClock()
        self._open: dict[str, Any] = {}
        self._order: list[str] = []

    @classmethod
    def open(cls, file: BenchFile, folder: Path, *, dut: str, known_bad: Sequence[str] = ()) -> Bench:
        """Assemble the bench that `file` describes; a mock bench starts its simulated world.

        Raises SimulationError or UsageError when the simulation does not start.
        """
        folder.mkdir(parents=True, exist_ok=True)
        world = None
        if file.mode == "mock":
            simulation = file.simulation
            world = SimulatedWorld(
                dut, known_bad=known_bad, seed=simulation.seed, door=simulation.door, folder=folder / "simulation"
            )
        return cls(file, world, folder)

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def mode(self) -> str:
        """ "mock" or "lab"."""
        return self.file.mode

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
        """Feed what must hear from a living run loop: the supply's communication watchdog."""
        for _, driver in self.opened():
            keepalive = getattr(driver, "keepalive", None)
            if keepalive is not None:
                keepalive()

    def check_health(self) -> None:
        """Ask every opened instrument who it is; raise its BenchError when one is gone or changed.

        The device's own channels are not asked: their silence may be the device's.
        """
        if self.world is not None and not self.world.alive:
            raise SimulationError("BEN-SIM-002", "the simulated bench went away", todo="read simulation.log")
        for name in self._order:
            if name in self.file.roles:
                self._open[name].identity()

    def blame(self, error: BaseException) -> ConformanceError | None:
        """Return the bench error behind `error` when an instrument turns out to be at fault, else None.

        For errors that look like the device's: before the device is blamed, the bench must answer (case C01).
        """
        if isinstance(error, ConformanceError) and not isinstance(error, DeviceError):
            return None
        try:
            self.check_health()
            self._check_power()
        except ConformanceError as found:
            return found
        return None

    def safe(self) -> tuple[Outcome, ...]:
        """Reach the safe state: every supply off and read back, movers parked; nothing stops the next step."""
        steps = [
            Step(f"{name} off", driver.off, deadline=5.0) for name, driver in self.opened() if hasattr(driver, "off")
        ]
        return reach(steps)

    def close(self) -> tuple[Outcome, ...]:
        """Reach the safe state, close every link in reverse order, and end the simulated world."""
        outcomes = self.safe()
        closing = [Step(f"close {name}", self._open[name].close, 5.0) for name in reversed(self._order)]
        outcomes += reach(closing)
        self._open.clear()
        self._order.clear()
        if self.world is not None:
            outcomes += reach([Step("end simulation", self.world.close, 20.0)])
        return outcomes

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
        driver = open_entry(entries[name], name, self.clock, self.folder, self._manifest_entry)
        self._open[name] = driver
        self._order.append(name)
        return driver

    def _manifest_entry(self, name: str) -> Mapping[str, Any]:
        if self.world is None:
            raise SimulationError(
                "BEN-SIM-005", f"address sim:{name} on a bench that is not a mock", todo="set mode: mock"
            )
        return self.world.entry(name)


def open_entry(
    entry: RoleEntry, role: str, clock: Clock, folder: Path, manifest: Callable[[str], Mapping[str, Any]]
) -> Any:
    """Open the driver that `entry` names; `address: sim:NAME` is resolved through `manifest`."""
    driver = registry.load(entry.driver, where=entry.where)
    extra: dict[str, Any] = {}
    address = entry.raw.get("address")
    if isinstance(address, str) and address.startswith(SIM):
        found = dict(manifest(address.removeprefix(SIM)))
        extra = {key: value for key, value in found.items() if key in driver.Settings.model_fields}
    settings = entry.settings(driver.Settings, extra)
    own = folder / role
    own.mkdir(parents=True, exist_ok=True)
    return driver.open(settings, DriverContext(role, clock, own))
