"""What every simulated device is: powered or not, booted or not, made of behaviours. Kinds add their own behaviours."""

from __future__ import annotations

import inspect
import random
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pytest_conformance.simulation.devices.flash import Flash
from pytest_conformance.simulation.devices.known_bad import choose
from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.timeline import Timer

if TYPE_CHECKING:
    from pytest_conformance.simulation.world import World

VOLTS = (4.5, 5.5)
"""The device runs while its terminals carry this much."""

B = TypeVar("B", bound="Behaviour")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Facts:
    """What a device says that it is."""

    manufacturer: str
    model: str
    serial: str
    firmware: str
    hardware: str = "A"


class VerbError(Exception):
    """A verb that the device refuses: `code` is a word, `text` is for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


def verb(name: str) -> Callable[[F], F]:
    """Mark a behaviour's method as what the test port calls for `name`; its keyword arguments are the message's."""

    def mark(method: F) -> F:
        method.__dict__["verb"] = name
        return method

    return mark


def _without_self(method: Callable[..., Any]) -> inspect.Signature:
    signature = inspect.signature(method)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


class Behaviour:
    """One thing that a device does. Made anew at each boot: its attributes are the device's working memory.

    Verbs and timers run under `device.lock`, one at a time; they must not wait for world time.
    """

    slot: ClassVar[str] = ""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.world = device.world

    def start(self) -> None:
        """Begin: called once, after all behaviours were made."""

    def stop(self) -> None:
        """Power is gone: close sockets and the like at once. Called from any thread."""

    def reset(self) -> None:
        """Factory reset: forget what is kept outside the flash, for example bonds of a radio."""

    def status(self) -> Mapping[str, Json]:
        """Return what this behaviour adds to the answer of the verb `status`."""
        return {}

    @classmethod
    @cache
    def verbs(cls) -> dict[str, tuple[str, inspect.Signature]]:
        """Return the methods that the test port may call, by verb: name and signature (without self)."""
        found: dict[str, tuple[str, inspect.Signature]] = {}
        for each in cls.__mro__:
            for attribute, value in vars(each).items():
                if (name := getattr(value, "verb", None)) is not None and name not in found:
                    found[name] = attribute, _without_self(getattr(cls, attribute))
        return found


class Boot(Behaviour):
    """Starting up: how many seconds from power to ready; None for never."""

    slot = "boot"
    seconds: ClassVar[float | None] = 2.0


class Device:
    """A simulated device. `slots` names the good behaviours; `known_bad` names the variants to swap in.

    It boots when `world.rail` comes within 4.5 to 5.5 V, forgets its working memory when it leaves that, and keeps
    `flash` and `key`, the secret of its secure element, which no chip reader sees.
    """

    def __init__(
        self,
        world: World,
        kind: str,
        facts: Facts,
        slots: Mapping[str, type[Behaviour]],
        known_bad: tuple[str, ...] = (),
    ) -> None:
        self.world = world
        self.kind = kind
        self.facts = facts
        self.random = random.Random(f"{world.options.seed}/{facts.serial}")
        self.flash = Flash()
        self.key = self.random.randbytes(32)
        self.lock = threading.RLock()
        self.boots = 0
        self.sensors: dict[str, bool] = {}
        self.emit: Callable[[bytes], None] = lambda data: None
        """Writes raw bytes to the test port; set by its far end."""
        self.front: Callable[[str], None] = lambda text: None
        """Shows text on the front panel for the watch camera; set by the builder."""
        self._slots: dict[str, type[Behaviour]] = {"boot": Boot, **slots, **choose(kind, known_bad)}
        self._behaviours: dict[str, Behaviour] = {}
        self._switch = threading.RLock()
        self._timers: set[Timer] = set()
        self._powered_at = 0
        self._state = "off"
        self._restart_due = False
        self.keylog = world.options.folder / f"keys-{kind}.log"
        """Where this device's TLS contexts write their secrets (`ssl.SSLContext.keylog_filename`)."""
        self.trusted: list[str] = []
        """Authorities beside the maker's that a test build was told to trust, PEM, until the next factory reset."""
        world.rail.listen(self._rail)
        self._rail(world.rail.value)

    # --- what behaviours use

    @property
    def state(self) -> str:
        """ "off", "booting" or "running"."""
        return self._state

    @property
    def uptime_ms(self) -> int:
        """Milliseconds since power came, or since the last restart."""
        return (self.world.timeline.now() - self._powered_at) // 1_000_000 if self._state != "off" else 0

    def get(self, kind: type[B]) -> B:
        """Return the running behaviour of class `kind` (or of a subclass). LookupError when there is none."""
        for behaviour in self._behaviours.values():
            if isinstance(behaviour, kind):
                return behaviour
        raise LookupError(f"this {self.kind} has no behaviour {kind.__name__}, or is not running")

    def behaviour(self, slot: str) -> Behaviour:
        """Return the running behaviour in `slot`; KeyError when there is none."""
        return self._behaviours[slot]

    def log(self, event: str, /, **data: Json) -> None:
        """Write an event line to the test port."""
        if self._state != "off":
            from pytest_conformance.simulation.devices.console import event_line

            self.emit(event_line(self.uptime_ms, event, data))

    def sense(self, name: str, on: bool) -> None:
        """Say that sensor `name` begins or ends sensing; logged when that changes."""
        if self.sensors.get(name) != on:
            self.sensors[name] = on
            self.log("sensor", name=name, on=on)

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run `action` in `seconds` of world time, unless the device lost power or restarted before."""
        boot = self.boots
        timer: Timer | None = None

        def run() -> None:
            if timer is not None:
                self._timers.discard(timer)
            self.guarded(action, boot)

        timer = self.world.timeline.call_later(seconds, run)
        self._timers.add(timer)
        return timer

    def every(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run `action` each `seconds` of world time until cancelled, power goes, or the device restarts."""
        boot = self.boots
        timer = self.world.timeline.call_every(seconds, lambda: self.guarded(action, boot))
        self._timers.add(timer)
        return timer

    def guarded(self, action: Callable[[], Any], boot: int | None = None) -> None:
        """Run `action` under the device's lock if it still is in boot number `boot`; a crash is logged as `fault`.

        For work that starts in threads of a behaviour's own: sockets, radio, app.
        """
        with self.lock:
            if self._state == "off" or (boot is not None and boot != self.boots):
                return
            try:
                action()
            except Exception:
                self.log("fault", text=traceback.format_exc(limit=-3))

    def restart(self) -> None:
        """Restart by itself: working memory is lost, the flash stays."""
        self._down()
        self._up()

    def restart_when_answered(self) -> None:
        """Restart as soon as the test port has sent the answer that is being made."""
        self._restart_due = True

    def answered(self) -> None:
        """Called by the test port after each answer."""
        if self._restart_due:
            self._restart_due = False
            self.restart()

    def call(self, name: str, arguments: Mapping[str, Any]) -> Json:
        """Carry out a verb of the test port. Raises VerbError: VERB unknown, ARGS wrong, FAULT crashed, or its own."""
        with self.lock:
            behaviours = list(self._behaviours.values())
            behaviour = next((each for each in reversed(behaviours) if name in each.verbs()), None)
            if behaviour is None:
                known = sorted({each for behaviour in behaviours for each in behaviour.verbs()})
                raise VerbError("VERB", f"unknown verb; there are {', '.join(known)}")
            method, signature = behaviour.verbs()[name]
            try:
                signature.bind(**arguments)
            except TypeError as error:
                raise VerbError("ARGS", str(error)) from None
            try:
                answer: Json = getattr(behaviour, method)(**arguments)
                return answer
            except VerbError:
                raise
            except Exception as error:
                self.log("fault", text=traceback.format_exc(limit=-3))
                raise VerbError("FAULT", f"{type(error).__name__}: {error}") from error

    def describe(self) -> dict[str, Json]:
        """Return status as all behaviours know it."""
        status: dict[str, Json] = {"uptime_ms": self.uptime_ms, "state": "factory", "sensors": dict(self.sensors)}
        for behaviour in self._behaviours.values():
            status.update(behaviour.status())
        return status

    def identity(self) -> dict[str, Json]:
        """Return the facts as a plain mapping."""
        return {key: str(value) for key, value in asdict(self.facts).items()}

    def forget(self) -> None:
        """Tell every behaviour that the device goes back to its factory state."""
        self.trusted.clear()
        for behaviour in self._behaviours.values():
            behaviour.reset()

    # --- power

    def _rail(self, volts: float) -> None:
        fed = VOLTS[0] <= volts <= VOLTS[1]
        with self._switch:
            if fed and self._state == "off":
                self._up()
            elif not fed and self._state != "off":
                self._down()

    def _up(self) -> None:
        with self._switch:
            self.boots += 1
            self._state = "booting"
            self._powered_at = self.world.timeline.now()
            boot, starting = self.boots, self._slots["boot"]
        seconds = starting.seconds if issubclass(starting, Boot) else Boot.seconds
        self.log("boot", number=boot)
        if seconds is not None:
            self.after(seconds, self._ready)

    def _down(self) -> None:
        with self._switch:
            self._state = "off"
            timers, self._timers = self._timers, set()
            behaviours, self._behaviours = self._behaviours, {}
            self.sensors = {}
        for timer in timers:
            timer.cancel()
        for behaviour in behaviours.values():
            behaviour.stop()
        self.front("")

    def _ready(self) -> None:
        behaviours = {slot: made(self) for slot, made in self._slots.items()}
        with self._switch:
            if self._state != "booting":
                return
            self._behaviours = behaviours
            self._state = "running"
        for behaviour in behaviours.values():
            behaviour.start()
        self.log("ready")
