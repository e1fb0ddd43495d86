"""The bench file: schema `conformance-bench/1`. Says what is on a bench; opens nothing (see `assembly`)."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from pytest_conformance.bench.golden import Golden
from pytest_conformance.errors import UsageError
from pytest_conformance.quantities import Celsius, Duration, Fraction, Lux, Millimetres
from pytest_conformance.resources import shipped
from pytest_conformance.yamlfile import Document, Fault, nearest, read
from pytest_conformance.yamlfile.lookup import find
from pytest_conformance.yamlfile.model import Count, Date, FileModel, Name, Part, Text

if TYPE_CHECKING:
    Settings = TypeVar("Settings", bound=BaseModel)

SCHEMA = "conformance-bench/1"
GROUP = "pytest_conformance.benches"
"""Entry points that bring benches: each gives the path of a bench file, or a function that returns it."""
SIM = "sim:"
RESERVED = frozenset({"driver", "id", "calibration", "hub"})
"""Keys of a role that are not its driver's settings."""


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError as error:
        raise PydanticCustomError("network", "{why}", {"why": str(error)}) from error


Network = Annotated[str, AfterValidator(_network)]
"""An address range such as 10.77.0.0/24."""


class Calibration(Part):
    """An instrument's calibration: certificate, the body that gave it, and the last day on which it is valid."""

    certificate: Text
    body: Text
    due: Date
    calibrated: Date | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Calibration:
        if self.calibrated is not None and self.calibrated > self.due:
            raise PydanticCustomError("calibration", "calibrated after it was due", {"at": ("calibrated",)})
        return self

    def days_left(self, today: datetime.date) -> int:
        """Return how many days it is valid after `today`: 0 on the last day, negative once it has expired."""
        return (self.due - today).days


class Entry(BaseModel):
    """A role or channel as it is written; what is not named here are the driver's own settings."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
    driver: Name
    address: Text | None = None
    id: Text | None = None
    calibration: Calibration | None = None
    hub: Text | None = None


@dataclass(frozen=True, eq=False)
class RoleEntry:
    """What a bench has in one role, or as one channel to the device."""

    name: str
    driver: str
    id: str
    """The laboratory's own number of the instrument; "" when none is given."""
    calibration: Calibration | None
    raw: Mapping[str, Any]
    """The driver's settings as they stand in the file, `address` among them."""
    document: Document = field(repr=False)
    path: tuple[str, str]
    hub: str = ""
    """The USB hub or network switch that it is plugged into; "" when none is named."""

    @property
    def address(self) -> str:
        """The address as written; "" when the driver needs none."""
        return str(self.raw.get("address", ""))

    @property
    def where(self) -> str:
        """`file:line:column` of this entry."""
        return self.document.place(self.path, on_key=True)

    def settings(self, model: type[Settings], extra: Mapping[str, Any] | None = None) -> Settings:
        """Return the driver's settings as `model`; `extra` replaces what the file says.

        Raises FileError that lists everything wrong with file, line and column.
        """
        return self.document.validate(model, at=self.path, data={**self.raw, **(extra or {})})


class Truth(Part):
    """What a simulated recogniser decides by, instead of by its pictures; see `simulation/truth.py`."""

    accepts: dict[Name, Fraction] = Field(default_factory=dict)
    impostors: Fraction = 0.0
    rejects: Fraction = 0.0
    silent: Fraction = 0.0
    correlation: Fraction = 0.0
    median: Duration = 0.5
    spread: float = Field(default=0.2, ge=0, le=2)
    people: Annotated[int, Field(strict=True, ge=0, le=4)] = 0
    artefacts: Annotated[int, Field(strict=True, ge=0, le=10)] = 0


class Simulation(Part):
    """How the simulated world of a mock bench is made."""

    seed: Count = 1
    door: Literal["auto", "namespace", "relay"] = "auto"
    truth: Truth | None = None


class SafeState(Part):
    """How the bench becomes safe: outputs that go off, in this order, what is parked then, and within which time."""

    switch_off: tuple[Name, ...] = ()
    park: tuple[Name, ...] = ()
    within: Duration = 1.0
    upstream: Name | None = None
    """The role that feeds the outputs: cut when one of them will not go off."""
    silence: Duration = 60.0
    """How long the run loop may show no sign of life before the supervisor switches off."""
    alarm: tuple[Text, ...] = ()
    """A command that is run, with what happened as its last argument, when the bench is not proven safe."""


class LuxRange(Part):
    """Illuminance from lower to upper, lux."""

    lower: Lux
    upper: Lux


class TemperatureRange(Part):
    """Temperature from lower to upper, degrees Celsius."""

    lower: Celsius
    upper: Celsius


class HumidityRange(Part):
    """Relative humidity from lower to upper, a share from 0 to 1."""

    lower: Fraction
    upper: Fraction


class Conditions(Part):
    """The surroundings in which this bench measures."""

    illuminance: LuxRange | None = None
    temperature: TemperatureRange | None = None
    humidity: HumidityRange | None = None


class DisplayCheck(Part):
    """How display and camera are checked before a run, by a pattern that is shown and read back."""

    holder: Annotated[int, Field(strict=True, ge=0)] = 0
    """The mover's holder that carries the display; 0 when it stands before the device anyway."""
    width: Millimetres = 300.0
    """Width of the pattern; its height is 5/8 of that."""
    settles: Duration = 0.5
    """How long a camera that adapts would take to do so."""


class Slot(Part):
    """A place for one sample, and the roles that belong to it."""

    name: Name
    roles: tuple[Name, ...]


May = Literal["take-over", "release"]
"""What a person may do on a bench: take it over from a run that holds it, release it from quarantine."""


class NetworkSection(Part):
    """The device's network: the interface that carries it, and which addresses count as local."""

    interface: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,15}$")] | None = None
    namespaces: tuple[Name, ...] = ()
    local_networks: tuple[Network, ...] = ()


class BenchFile(FileModel):
    """A bench as its file describes it. Frozen; `digest` is the SHA-256 of the file that was read."""

    format: Literal["conformance-bench/1"] = Field(alias="schema")
    name: Name
    mode: Literal["mock", "lab"]
    description: Text | None = None
    dut: Text | None = None
    given_simulation: Simulation | None = Field(default=None, alias="simulation")
    given_roles: Mapping[Name, Entry] = Field(alias="roles")
    given_channels: Mapping[Name, Entry] = Field(default_factory=dict, alias="channels")
    safe_state: SafeState = SafeState()
    limits: Conditions = Conditions()
    slots: tuple[Slot, ...] = ()
    display_check: DisplayCheck | None = None
    network: NetworkSection = NetworkSection()
    validated: Text | None = None
    """The version of pytest-conformance that was validated on this bench: accredited runs refuse any other."""
    people: Mapping[Text, tuple[May, ...]] = Field(default_factory=dict)
    """Who may do what on this bench, by name or staff number."""
    golden: Golden | None = None
    """Samples whose verdicts are known: an accredited run needs a good check of them."""

    def may(self, person: str, what: May) -> bool:
        """Tell whether the file lets `person` do `what`."""
        return what in self.people.get(person, ())

    @property
    def path(self) -> str:
        """The file's path, as messages show it."""
        return self.document.name

    @property
    def simulation(self) -> Simulation:
        """Settings of the simulated world; defaults when the file gives none."""
        return self.given_simulation or Simulation()

    @cached_property
    def roles(self) -> Mapping[str, RoleEntry]:
        """The instruments by role."""
        return {name: self._entry("roles", name, entry) for name, entry in self.given_roles.items()}

    @cached_property
    def channels(self) -> Mapping[str, RoleEntry]:
        """The links to the device by name."""
        return {name: self._entry("channels", name, entry) for name, entry in self.given_channels.items()}

    def contradictions(self) -> Iterable[Fault]:
        """Return what the parts of the file say against each other."""
        golden = self.golden.faults(self.mode) if self.golden is not None else ()
        return [*self._addresses(), *self._references(), *self._mode(), *self._ranges(), *golden]

    def _entry(self, section: str, name: str, entry: Entry) -> RoleEntry:
        data = self.document.at((section, name))
        raw = {key: value for key, value in data.items() if key not in RESERVED}
        place, hub = (section, name), entry.hub or ""
        return RoleEntry(name, entry.driver, entry.id or "", entry.calibration, raw, self.document, place, hub)

    def _entries(self) -> Iterator[RoleEntry]:
        yield from self.roles.values()
        yield from self.channels.values()

    def _addresses(self) -> Iterator[Fault]:
        seen: dict[str, RoleEntry] = {}
        for entry in self._entries():
            if not entry.address:
                continue
            first = seen.setdefault(entry.address.casefold().strip(), entry)
            if first is not entry:
                there = self.place((*first.path, "address"))
                message = f"{entry.name} uses address {entry.address!r}, which {first.name} uses already, at {there}"
                yield Fault((*entry.path, "address"), message, "USE-BEN-010")

    def _references(self) -> Iterator[Fault]:
        lists = [
            (("safe_state", "switch_off"), self.safe_state.switch_off),
            (("safe_state", "park"), self.safe_state.park),
        ]
        if self.safe_state.upstream is not None and self.safe_state.upstream not in self.given_roles:
            message = f"no role {self.safe_state.upstream!r} on this bench"
            yield Fault(("safe_state", "upstream"), message, "USE-BEN-011")
        if self.display_check is not None:
            needed = ("display", "watch", *(["mover"] if self.display_check.holder else []))
            for name in (each for each in needed if each not in self.given_roles):
                message = f"the check of the display needs a role {name!r}, which this bench lacks"
                yield Fault(("display_check",), message, "USE-BEN-011", on_key=True)
        lists += [(("slots", index, "roles"), slot.roles) for index, slot in enumerate(self.slots)]  # type: ignore[misc]
        for path, names in lists:
            for index, name in enumerate(names):
                if name not in self.given_roles:
                    message = f"no role {name!r} on this bench (its roles start at {self.place(('roles',))})"
                    yield Fault((*path, index), message, "USE-BEN-011", nearest(name, self.given_roles))
        yield from self._twice([slot.name for slot in self.slots])

    def _twice(self, slots: list[str]) -> Iterator[Fault]:
        for index, name in enumerate(slots):
            if name in slots[:index]:
                there = self.place(("slots", slots.index(name), "name"))
                yield Fault(("slots", index, "name"), f"slot {name!r} is there already, at {there}", "USE-BEN-010")

    def _mode(self) -> Iterator[Fault]:
        if self.mode == "mock":
            return
        if self.given_simulation is not None:
            yield Fault(("simulation",), "a bench in mode lab has no simulation", "USE-BEN-012", on_key=True)
        for entry in self._entries():
            if entry.address.startswith(SIM):
                message = f"{entry.address} is an address of a mock bench, but the mode is lab"
                yield Fault((*entry.path, "address"), message, "USE-BEN-012")

    def _ranges(self) -> Iterator[Fault]:
        for name in Conditions.model_fields:
            limits = getattr(self.limits, name)
            if limits is not None and limits.lower > limits.upper:
                message = f"the lower limit of {name} is above the upper limit"
                yield Fault(("limits", name, "lower"), message, "USE-BEN-013")


def load_bench(path: Path) -> BenchFile:
    """Read and check the bench file at `path`; FileError lists everything wrong with file, line and column."""
    return read(path).validate(BenchFile)


def find_bench(name: str, here: Path) -> Path:
    """Return the bench file that `name` means: a path, or NAME.yaml in `here`/benches, shipped, or from a package.

    Raises UsageError USE-BEN-001 naming the nearest names, USE-BEN-002 when a package's entry point fails.
    """
    installed: dict[str, Callable[[], Path]] = {
        point.name: lambda point=point: _brought(point)  # type: ignore[misc]
        for point in entry_points(group=GROUP)
    }
    return find(name, [here / "benches", shipped("benches")], "bench", "USE-BEN-001", installed)


def _brought(point: EntryPoint) -> Path:
    try:
        found = point.load()
        path = Path(found() if callable(found) else found)
    except Exception as error:  # whatever a foreign package does on import: named, and the run is refused
        raise UsageError(
            "USE-BEN-002",
            f"the package that brings bench {point.name!r} fails: {type(error).__name__}: {error}",
            where=f"entry point {point.value} in {GROUP}",
            todo="mend or remove the package",
        ) from error
    return path
