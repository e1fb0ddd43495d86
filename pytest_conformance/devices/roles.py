"""What a procedure may ask of a device: the role of each kind, whatever channels and vendor driver stand behind it.

A vendor's device joins by an entry point in `pytest_conformance.devices`. Times are bench-clock nanoseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from pytest_conformance.clock import Clock
from pytest_conformance.drivers.roles import Identity


class Access(Protocol):
    """What a device driver is given of the bench: its roles, its channels to the device, its clock."""

    clock: Clock

    def role(self, name: str) -> Any: ...
    def channel(self, name: str) -> Any: ...
    def has(self, role: str) -> bool: ...


class Witness(Protocol):
    """Keeps what a person at the bench would have seen; see `procedures.witness`."""

    def shown(self, what: str) -> None: ...
    def identity(self, said: Identity) -> Identity:
        """Keep who the device says it is, and return who it was when the run began."""
        ...

    def screen(self, companion: Any, title: str) -> None: ...


@dataclass(frozen=True)
class Shown:
    """Something that the device itself showed or said, and when."""

    id: str
    title: str
    text: str
    at: int


@dataclass(frozen=True)
class Logged:
    """A line of the device's own log."""

    name: str
    data: Mapping[str, Any]
    at: int


@dataclass(frozen=True)
class Rules:
    """Processing rules as a person meets them: where ("device" or "app"), their text, when they were first shown."""

    where: str
    text: str
    at: int
    url: str = ""


@dataclass(frozen=True)
class Asked:
    """A consent that was asked for: what was said, whether a box was ticked before, whether no was possible."""

    scope: str
    title: str
    text: str
    boxes: tuple[str, ...]
    preticked: bool
    can_decline: bool
    accepted: bool
    at: int


@dataclass(frozen=True)
class SetUp:
    """How the first use went: the rules met, the consents asked for, and the steps a person needed."""

    rules: tuple[Rules, ...]
    asked: tuple[Asked, ...]
    steps: int


@dataclass(frozen=True)
class SensorControl:
    """A permission: is there a control for it, and what does it say?"""

    sensor: str
    present: bool
    on: bool | None


@dataclass(frozen=True)
class Done:
    """A thing that was tried: whether it worked, what was said, and how many steps and seconds it took."""

    ok: bool
    said: str = ""
    steps: int = 0
    seconds: float = 0.0


@runtime_checkable
class Device(Protocol):
    """What every kind of device can be asked."""

    kind: str

    # --- power and identity
    def power_on(self) -> None:
        """Switch the supply on and wait until the device is ready; DeviceError DUT-BOOT-001 when it never is."""
        ...

    def power_off(self) -> None: ...
    def power_cycle(self) -> None: ...
    def identity(self) -> Identity: ...
    def factory_reset(self) -> None:
        """Bring the device to its factory state, powered and ready, with a new companion app beside it."""
        ...

    # --- what it shows, keeps and says
    def shown_screens(self) -> Sequence[Shown]: ...
    def log(self, since: int = 0) -> Sequence[Logged]: ...
    def storage(self) -> bytes:
        """Return an image of the device's whole storage."""
        ...

    def keys(self) -> str:
        """Return the TLS key log that the supplier lends ("" when none)."""
        ...

    def trust(self, authority: str) -> Done:
        """Have the test build trust one more authority (PEM) until the next factory reset; not ok when it cannot."""
        ...

    # --- rules, consents, permissions
    def first_use(self, consents: Mapping[str, bool], *, agree: bool = True) -> SetUp:
        """From factory state, set the device up as a person would; `consents` answers each scope asked for."""
        ...

    def rules(self) -> Sequence[Rules]:
        """Find the processing rules as a person would, on the device and in the app; empty when there are none."""
        ...

    def grant(self, scope: str) -> tuple[Done, Sequence[Asked]]:
        """Give the consent `scope` later, by its declared way; return what was asked for on the way."""
        ...

    def withdraw(self, scope: str) -> Done: ...
    def sensor(self, name: str) -> SensorControl: ...
    def switch_sensor(self, name: str, on: bool) -> Done: ...

    # --- use
    def functions(self) -> Sequence[str]:
        """Names of the functions that `use` can exercise; basic ones first, as the declaration lists them."""
        ...

    def use(self, function: str) -> Done:
        """Use one function as its owner would, with the stimulus that it needs."""
        ...

    def stimulate(self, sensor: str) -> None:
        """Give `sensor` something to sense: a known face, a known sound, a place."""
        ...

    def prepare(self, sensor: str) -> None:
        """Do what a person must do before `sensor` has a use, for example enrol a face."""
        ...

    def sensed_since(self, sensor: str, since: int) -> bool: ...
    def stored_since(self, since: int) -> Sequence[str]:
        """Return the kinds of records about persons that the device's own log says were stored since `since`."""
        ...

    def senses(self, sensor: str) -> bool:
        """Tell whether the device's own status says that `sensor` is sensing at this moment."""
        ...

    # --- marks and erasure
    def ways_to_erase(self) -> Sequence[str]:
        """The declared ways to erase: "delete-user", "delete-account", "factory-reset", ..."""
        ...

    def plant(self, way: str) -> Mapping[str, str | bytes]:
        """By normal use leave personal data on the device that `way` should erase.

        Returns what was planted by name: text, or the reference picture (PNG or JPEG) of a face.
        """
        ...

    def still_there(self, planted: str) -> bool:
        """Tell whether a planted thing still has an effect: the face opens, the PIN works, the name is listed."""
        ...

    def erase(self, way: str) -> Done: ...
    def seen_by_new_owner(self, planted: Mapping[str, str | bytes]) -> Sequence[str]:
        """Set the device up as somebody else and return which planted things that person gets to see."""
        ...

    # --- authentication
    def log_in(self, mechanism: str, secret: str) -> Done:
        """Try `secret` with the declared credential `mechanism` (its name)."""
        ...

    def change_secret(self, mechanism: str, old: str, new: str) -> Done: ...
    def secret_of(self, mechanism: str) -> str:
        """Return the value that is right at present for `mechanism`."""
        ...

    def guess(self, mechanism: str, secret: str) -> bool:
        """Try a wrong `secret` as an attacker would; True when the device looked at it, False when it refused to."""
        ...

    # --- state
    readiness_uncertainty: float
    """Expanded uncertainty (k = 2, seconds) of the moment at which `power_on` returns."""

    def condition(self) -> Mapping[str, Any]:
        """Return the state that must survive a power cut: set up or not, sensors, bolt, ..."""
        ...

    def no_less_safe(self, before: Mapping[str, Any]) -> bool:
        """Tell whether the device is now in the state `before` or a safer one."""
        ...


@dataclass(frozen=True)
class Answer:
    """A decision that the device gave: "accepted", "rejected" or "none" (it gave up), when, and why as it said."""

    outcome: str
    at: int
    reason: str = ""


@dataclass(frozen=True)
class Recognised:
    """One presentation and everything that came of it; nothing is interpreted yet.

    `stimulus` is the bench time at which what is shown stood there and the device was asked. `answers` are all
    decisions since `began`, also those before the stimulus; `acted` when the device did what it does for whom it
    knows (the bolt's contact opened; None for a device that only says so). `locked_out`: it refused to look.
    `restarted`: it started anew in between. `appeared`: whether the watch camera saw something (None: no camera).
    `battery`: its charge as it tells it, from 0 to 1 (None: it does not say).
    """

    began: int
    stimulus: int
    ended: int
    answers: tuple[Answer, ...]
    acted: tuple[int, ...] | None
    locked_out: bool = False
    restarted: bool = False
    appeared: bool | None = None
    lux: float | None = None
    score: float | None = None
    battery: float | None = None


@runtime_checkable
class Recogniser(Protocol):
    """What a campaign may ask of a device that recognises faces, whatever kind of device it is."""

    @property
    def rejection_pause(self) -> float:
        """Seconds after a rejected presentation after which the next one cannot lead to a lock-out."""
        ...

    def enrol_subjects(self, subjects: Sequence[str]) -> Sequence[str]:
        """From factory state: set the device up and enrol `subjects`; return those whom it says that it knows."""
        ...

    def known(self) -> Sequence[str]:
        """Ask the device whom of those that `enrol_subjects` enrolled it still knows; nobody where it cannot tell."""
        ...

    def recognise(self, what: str) -> Recognised:
        """Show `what` by its id in the registers, have the device look, and wait for what comes of it."""
        ...

    def locked_out(self) -> int | None:
        """Return since when (bench ns) the device refuses to look after wrong tries; None when it would look."""
        ...
