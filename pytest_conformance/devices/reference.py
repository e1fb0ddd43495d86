"""The device driver for test builds that speak the test port and the reference app (docs/test-port.md).

What all kinds share: power, identity, storage, rules, consents, sensors, erasure. What differs lives in `lock.py`,
`camera.py` and `wearable.py`.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_conformance.clock import SECOND
from pytest_conformance.devices.roles import Access, Asked, Done, Logged, Rules, SensorControl, SetUp, Shown, Witness
from pytest_conformance.devices.walk import CONSENT, Walk
from pytest_conformance.drivers.readings import shown
from pytest_conformance.drivers.roles import Identity
from pytest_conformance.errors import DeviceError, MethodError

if TYPE_CHECKING:
    from pytest_conformance.declaration import Consent, Declaration
    from pytest_conformance.devices.channels.companion import Companion, Screen
    from pytest_conformance.devices.channels.console import Console

FLASH_CHUNK = 24_576
"""Bytes of storage that one message of the test port carries."""
HOUSEKEEPING = frozenset({"consents", "permissions", "settings", "lockout", "lan-lockout", "clock", "bond", "owner"})
"""Kinds of records that are about no person, or only about what the owner set."""
BOOT_PATIENCE = 3.0
"""How many declared boot times the bench waits before it says that the device does not boot."""


class ReferenceDevice:
    """A device with a test port and a reference app; one for each run.

    `owner` is the person who sets the device up, named with a token of this run so that the name is recognisable
    wherever it turns up.
    """

    kind: ClassVar[str] = "device"
    volts = 5.0
    amperes = 2.0

    def __init__(self, access: Access, declaration: Declaration) -> None:
        self.access = access
        self.declaration = declaration
        self.clock = access.clock
        self.witness: Witness | None = None
        self._began_with: Identity | None = None
        self.token = secrets.token_hex(6)
        self.owner = f"Owner-{self.token}"
        self.secret = "".join(str(secrets.randbelow(10)) for _ in range(6))

    # --- channels -------------------------------------------------------------------------------------------

    @property
    def console(self) -> Console:
        channel: Console = self.access.channel("console")
        return channel

    @property
    def companion(self) -> Companion:
        channel: Companion = self.access.channel("companion")
        return channel

    @property
    def walk(self) -> Walk:
        return Walk(self.companion, self.clock, self.witness)

    # --- power and identity ---------------------------------------------------------------------------------

    def power_on(self) -> None:
        """Switch the supply on and wait until the test port answers; DeviceError DUT-BOOT-001 when it never does."""
        supply = self.access.role("supply")
        booted = self._times_ready()
        supply.set_output(self.volts, self.amperes)
        supply.on()
        self._await_ready("power", booted)

    def is_powered(self) -> bool:
        powered: bool = self.access.role("supply").is_on()
        return powered

    def power_off(self) -> None:
        self.access.role("supply").off()

    def power_cycle(self) -> None:
        self.power_off()
        self.clock.sleep(2.0)
        self.power_on()

    def identity(self) -> Identity:
        said = self.console.call("identify")
        return Identity(
            str(said.get("manufacturer", "")),
            str(said.get("model", "")),
            str(said.get("serial", "")),
            str(said.get("firmware", "")),
        )

    def confirm_identity(self) -> None:
        """Ask the device who it is; DeviceError DUT-IDN-001 when a run did not begin with it (fault case C03).

        DUT-IDN-002 when it is of another model than the declared one (C04).
        """
        said = self.identity()
        declared = self.declaration.identifies_as or self.declaration.model
        if self._began_with is None and said.model and said.model != declared:
            raise DeviceError(
                "DUT-IDN-002",
                f"the device calls itself {shown(said.model)}, and the declaration calls it {declared}",
                where="test port",
                expected="the model that was declared and ordered",
                todo="put the right sample on the bench, or explain the name with `identifies_as` in the declaration",
            )
        if self._began_with is None:
            self._began_with = self.witness.identity(said) if self.witness is not None else said
        if said != self._began_with:
            before, now = (f"{each.model} {each.serial}, firmware {each.firmware}" for each in (self._began_with, said))
            raise DeviceError(
                "DUT-IDN-001",
                f"the device is another one than the run began with: {before} before, {now} now",
                where="test port",
                expected="one sample with one firmware in the whole run",
                todo="put the sample back and resume, or begin a new run with this one; block updates during a run",
            )

    def factory_reset(self) -> None:
        """Reset the device (powering it first when it is off) and begin with a fresh companion app."""
        if not self.is_powered():
            self.power_on()
        booted = self._times_ready()
        self.console.call("reset")
        self._await_ready("factory reset", booted)
        self.companion.forget()

    # --- what it shows, keeps and says ----------------------------------------------------------------------

    def shown_screens(self) -> Sequence[Shown]:
        rows = self.console.call("screens").get("screens", [])
        base = self._boot_time()
        return tuple(
            Shown(str(row["id"]), str(row["title"]), str(row["text"]), base + int(row["at_ms"]) * 1_000_000)
            for row in rows
        )

    def log(self, since: int = 0) -> Sequence[Logged]:
        return tuple(Logged(event.name, event.data, event.at) for event in self.console.events() if event.at >= since)

    def storage(self) -> bytes:
        """Read the whole flash through the test port."""
        size = int(self.console.call("flash")["size"])
        parts = []
        for offset in range(0, size, FLASH_CHUNK):
            answer = self.console.call("flash", offset=offset, length=min(FLASH_CHUNK, size - offset))
            parts.append(base64.b64decode(answer["data"]))
        image = b"".join(parts)
        if len(image) != size:
            raise DeviceError("DUT-FLS-001", f"{len(image)} of {size} bytes of storage were read", where="test port")
        return image

    def keys(self) -> str:
        if self.declaration.keylog != "lent":
            return ""
        text = ""
        while True:
            answer = self.console.call("keylog", offset=len(text)) if text else self.console.call("keylog")
            more = str(answer.get("text", ""))
            text += more
            if not more or len(text) >= int(answer.get("size", 0)):
                return text

    def trust(self, authority: str) -> Done:
        """Have the test build trust one more authority (PEM); not ok where it does not know how."""
        try:
            self.console.call("trust", authority=authority)
        except DeviceError as error:
            return Done(False, error.what)
        return Done(True)

    # --- rules and consents ---------------------------------------------------------------------------------

    def first_use(self, consents: Mapping[str, bool], *, agree: bool = True) -> SetUp:
        return self.walk.first_use(self.owner, self.secret, consents, agree=agree)

    def rules(self) -> Sequence[Rules]:
        found = [
            Rules("device", f"{each.title}\n{each.text}", each.at)
            for each in self.shown_screens()
            if each.id == "rules"
        ]
        in_app = self.walk.rules()
        return (*found, in_app) if in_app is not None else tuple(found)

    def grant(self, scope: str) -> tuple[Done, Sequence[Asked]]:
        done = self.walk.follow(self._consent(scope).withdrawal.path)
        if not done.ok or not self.companion.screen(picture=False).path.startswith(CONSENT):
            return done, ()
        before = self.companion.steps
        asked = self.walk.answer(scope, True)
        steps = done.steps + self.companion.steps - before
        return Done(True, self.companion.screen(picture=False).text, steps), (asked,)

    def withdraw(self, scope: str) -> Done:
        return self.walk.follow(self._consent(scope).withdrawal.path)

    # --- sensors --------------------------------------------------------------------------------------------

    def sensor(self, name: str) -> SensorControl:
        way = self._sensor(name).control
        if way is None:
            return SensorControl(name, False, None)
        try:
            screen = self.walk.reach(way.path)
        except DeviceError:
            return SensorControl(name, False, None)
        on = _switch(screen, way.path[-1])
        return SensorControl(name, on is not None, on)

    def switch_sensor(self, name: str, on: bool) -> Done:
        """Touch the sensor's switch until it says `on`; a consent that is asked for on the way is given."""
        way = self._sensor(name).control
        if way is None:
            return Done(False, "no control is declared")
        began, opened = self.clock.now(), self.companion.steps + 1
        if self.sensor(name).on is on:
            return Done(True, "already so")
        done = self.walk.press(way.path[-1:], began, opened)
        screen = self.companion.screen(picture=False)
        if done.ok and screen.path.startswith(CONSENT):
            self.walk.answer(screen.path.removeprefix(CONSENT), on)
            screen = self.companion.screen(picture=False)
        now = _switch(screen, way.path[-1])
        return Done((self.sensor(name).on if now is None else now) is on, done.said, done.steps, done.seconds)

    def prepare(self, sensor: str) -> None:
        """Do what a person must do before `sensor` has a use; nothing for most."""

    def sensed_since(self, sensor: str, since: int) -> bool:
        """Tell whether the device's log says that `sensor` sensed since bench time `since`."""
        return any(
            each.name == "sensor" and each.data.get("name") == sensor and bool(each.data.get("on"))
            for each in self.log(since)
        )

    def stored_since(self, since: int) -> Sequence[str]:
        """Return the kinds of records about persons that the device's log says were stored since `since`."""
        kinds = (str(each.data.get("kind", "")) for each in self.log(since) if each.name == "stored")
        return tuple(dict.fromkeys(kind for kind in kinds if kind and kind not in HOUSEKEEPING))

    def senses(self, sensor: str) -> bool:
        return bool(self.console.call("status").get("sensors", {}).get(sensor, False))

    # --- for the kinds --------------------------------------------------------------------------------------

    def functions(self) -> Sequence[str]:
        return tuple(each.name for each in self.declaration.functions)

    def use(self, function: str) -> Done:
        """Exercise `function`; each kind has a method `use_NAME`."""
        act = getattr(self, f"use_{function}", None)
        if act is None:
            raise MethodError(
                "MET-DEV-001",
                f"the device driver cannot exercise function {function!r}",
                where=type(self).__name__,
                expected=f"a method use_{function}",
                todo="extend the device driver, or correct the declaration's functions",
            )
        done: Done = act()
        return done

    def change_secret(self, mechanism: str, old: str, new: str) -> Done:
        """Change a secret by its declared way; ok when the app says that it was changed."""
        way = self.declaration.credential(mechanism).change
        if way is None:
            return Done(False, "no way is declared")
        done = self.walk.follow(way.path)
        if not done.ok:
            return done
        app = self.companion
        app.fill("Old secret", old)
        app.fill("New secret", new)
        app.press("Save")
        said = app.screen(picture=False).title
        if said == "Changed":
            self.secret = new
        return Done(said == "Changed", said, done.steps + 3)

    def erase(self, way: str) -> Done:
        """Erase by one of the ways that each kind knows."""
        if way == "factory-reset":
            self.factory_reset()
            return Done(True)
        act = getattr(self, f"erase_by_{way.replace('-', '_')}", None)
        if act is None:
            raise MethodError("MET-DEV-002", f"the device driver knows no way {way!r} to erase")
        done: Done = act()
        return done

    def _consent(self, scope: str) -> Consent:
        for each in self.declaration.consents:
            if each.scope == scope:
                return each
        raise MethodError("MET-DEC-001", f"the declaration has no consent {scope!r}", todo="add it to `consents`")

    def _sensor(self, name: str) -> Any:
        for each in self.declaration.sensors:
            if each.name == name:
                return each
        raise MethodError("MET-DEC-002", f"the declaration has no sensor {name!r}", todo="add it to `sensors`")

    def _boot_time(self) -> int:
        """Bench time at which the device's uptime was zero."""
        return self.clock.now() - int(self.console.call("status")["uptime_ms"]) * 1_000_000

    def _times_ready(self) -> int:
        """How often the device said so far that it is ready."""
        return len(self.console.events(name="ready"))

    def _await_ready(self, after: str, booted: int) -> None:
        """Wait until the device says once more that it is ready and answers; a build that says nothing may answer."""
        began = self.clock.now()
        patience = float(self.declaration.timing.boot) * BOOT_PATIENCE
        said = self.clock.wait_for(lambda: self._times_ready() > booted, patience)
        answers = self.console.answers(1.0) if said else self.clock.wait_for(self.console.answers, 2.0)
        if not answers:
            waited = (self.clock.now() - began) / SECOND
            raise DeviceError(
                "DUT-BOOT-001",
                f"the device did not answer after {after}",
                where=f"test port ({self.console.door}), {waited:.0f} s",
                expected=f"ready within {self.declaration.timing.boot:g} s",
                todo="look at the supply's current and at the device's own log in the record",
            )
        self.confirm_identity()


def _switch(screen: Screen, label: str) -> bool | None:
    """Return what the switch `label` on `screen` says; None where there is none."""
    for control in screen.controls:
        if control.label == label and control.kind == "switch":
            return bool(control.checked)
    return None
