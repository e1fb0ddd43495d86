"""The reference wearable: what a child's watch senses and lets its guardian control, through test port, app and BLE."""

from __future__ import annotations

import base64
import itertools
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pytest_conformance.devices.channels.ble import Ble
from pytest_conformance.devices.port_recogniser import FaceRecogniser, knows_faces
from pytest_conformance.devices.reference import ReferenceDevice
from pytest_conformance.devices.roles import Done, Shown
from pytest_conformance.devices.sound import chirp
from pytest_conformance.errors import DeviceError, MethodError

if TYPE_CHECKING:
    from pytest_conformance.drivers.roles import Gnss
    from pytest_conformance.stimulus.presenter import Presenter

HOME = (31.2304, 121.4737)
"""A corner of where the bench puts the watch, degrees WGS-84."""
NUMBER = re.compile(r"-?\d{1,3}\.\d{1,12}")
NEAR = 0.05
"""Degrees within which a position that is shown counts as the one that was simulated."""
REFUSED_TO_PAIR = ("PAIRING_NOT_SUPPORTED", "REPEATED_ATTEMPTS")
"""SMP reasons with which a device turns a phone away without looking at its code."""

PLACES = 12
ON_AIR = 0.1
"""Wall seconds that a notification is given to arrive."""

Looked = Literal["opened", "blocked", "nothing"]


@dataclass(frozen=True)
class Reading:
    """When the device took a value of `kind`, by its own log (bench ns)."""

    kind: str
    at: int


def places_of_today() -> dict[str, tuple[float, float]]:
    """Return places around HOME, new for each run, at least 0.05 degrees apart and to seven decimal places."""
    around = secrets.SystemRandom()
    return {
        f"place {number + 1}": (
            round(HOME[0] + 0.1 * (number % 4) + around.uniform(0.001, 0.04), 7),
            round(HOME[1] + 0.1 * (number // 4) + around.uniform(0.001, 0.04), 7),
        )
        for number in range(PLACES)
    }


class ReferenceWearable(ReferenceDevice):
    """A watch that speaks the test port and the reference app."""

    kind: ClassVar[str] = "wearable"
    readiness_uncertainty = 0.2

    def __init__(self, access: Any, declaration: Any) -> None:
        super().__init__(access, declaration)
        self.presenter: Presenter | None = None
        self.recogniser = FaceRecogniser(self) if knows_faces(declaration) else None
        self.places = places_of_today()
        """Where the bench will put the watch, degrees WGS-84, by name."""
        self.voices = {"test phrase": chirp()}
        """What the bench will play to its microphone (WAV)."""
        self._somewhere = itertools.cycle(self.places.values())
        self._code = "000000"
        self._planted: dict[str, str] = {}

    # --- where it is, on whom, what it hears

    @property
    def gnss(self) -> Gnss:
        gnss: Gnss = self.access.role("gnss")
        return gnss

    def place(self, latitude: float, longitude: float) -> None:
        """Let the satellites say that the watch is there."""
        self.gnss.place(latitude, longitude)

    def go_on(self) -> tuple[float, float]:
        """Let the watch be at the next of `places`, and return where that is."""
        latitude, longitude = next(self._somewhere)
        self.place(latitude, longitude)
        return latitude, longitude

    def wear(self, on: bool) -> None:
        """Put the watch on the phantom of a wrist, or take it off."""
        self.console.call("wear", on=on)

    def walk_about(self, steps: int) -> None:
        """Have the shaker make `steps` steps."""
        self.console.call("walk", steps=steps)

    def talk(self, sound: bytes) -> None:
        """Hold the talk key while `sound` (WAV) is played."""
        self.console.call("talk", sound=base64.b64encode(sound).decode())

    def sound_nearby(self, sound: bytes) -> None:
        """Play `sound` (WAV) near the watch; nobody touches it."""
        self.console.call("noise", sound=base64.b64encode(sound).decode())

    def stimulate(self, sensor: str) -> None:
        """Move a little and wait for the next reading; wear the watch; play a known sound: whatever `sensor` senses."""
        senses = self._sensor(sensor).senses
        if senses == "location":
            self.go_on()
            self.clock.sleep(self._interval("location"))
        elif senses == "heart_rate":
            self.wear(True)
            self.clock.sleep(self._interval("heart_rate"))
        elif senses == "audio":
            self.talk(chirp())
            self.clock.sleep(self._interval("voice_message"))

    def readings(self, kind: str, since: int) -> Sequence[Reading]:
        """Return when the device took a value of `kind` since bench time `since`, by its own log.

        A kind that a declared sensor senses counts by that sensor's beginnings, any other by what was stored.
        """
        sensor = self.sensor_of(kind)
        if sensor is not None:
            events = [each for each in self.log(since) if each.name == "sensor" and each.data.get("name") == sensor]
            return tuple(Reading(kind, each.at) for each in events if each.data.get("on"))
        events = [each for each in self.log(since) if each.name == "stored" and each.data.get("kind") == kind]
        return tuple(Reading(kind, each.at) for each in events)

    def sensor_of(self, kind: str) -> str | None:
        """Return the declared sensor behind personal data `kind`, if there is one."""
        senses = {"voice_message": "audio"}.get(kind, kind)
        return next((each.name for each in self.declaration.sensors if each.senses == senses), None)

    def _interval(self, kind: str) -> float:
        """Seconds after which at least one new value of `kind` is there."""
        rate = self.declaration.rate(kind)
        return 1.0 / rate.per_second + 5.0 if rate is not None else 5.0

    # --- what the watch shows

    def now_shown(self) -> Shown | None:
        """Return the screen that the watch shows now."""
        shown = self.shown_screens()
        return shown[-1] if shown else None

    def open(self, name: str) -> Shown | None:
        """The child opens a function or app; return what the watch shows then."""
        self.console.call("open", name=name)
        return self.now_shown()

    def opens(self, name: str) -> bool:
        """Tell whether an app opens for the child."""
        shown = self.open(name)
        return shown is not None and shown.id == "app"

    def leave(self) -> None:
        """The child closes what is open."""
        self.console.call("close")

    def time_is_over(self) -> bool:
        """Tell whether the watch shows that the child's time is over."""
        shown = self.now_shown()
        return shown is not None and shown.id == "time-over"

    def search(self, query: str) -> Looked:
        """The child looks for `query`; return what came of it, by what the watch shows."""
        self.console.call("search", query=query)
        shown = self.now_shown()
        seen: dict[str, Looked] = {"page": "opened", "blocked": "blocked", "warning": "blocked"}
        return seen.get(shown.id, "nothing") if shown is not None else "nothing"

    def buy(self, item: str, price: int) -> bool:
        """The child tries to buy; return whether the watch says that it was bought."""
        self.console.call("buy", item=item, price=price)
        shown = self.now_shown()
        return shown is not None and shown.id == "bought"

    # --- what the guardian controls

    def describe_child(self, name: str, age: int) -> Done:
        """Write the child's profile in the app."""
        return self._form("/child", {"Name": name, "Age": str(age)})

    def profile_shown(self) -> str:
        """Return all that the app shows of the child's profile."""
        self.companion.open("/child")
        screen = self.companion.screen(picture=False)
        return " ".join([screen.text, *(control.value for control in screen.controls)])

    def control_present(self, control: str) -> bool:
        """Tell whether the guardian finds the control "Time", "Apps" or "Spending" in the app."""
        return self.walk.follow(("Guardian controls", control)).ok

    def limit_time(self, minutes: int) -> Done:
        """Limit the minutes a day; 0 takes the limit away."""
        return self._control("Time", {"Minutes a day": str(minutes)})

    def limit_spending(self, money: int) -> Done:
        """Limit what a child may spend a month."""
        return self._control("Spending", {"Limit a month": str(money)})

    def allow_app(self, label: str, on: bool) -> Done:
        """Allow or forbid the app that the guardian knows by `label`."""
        done = self.walk.follow(("Guardian controls", "Apps"))
        if done.ok:
            try:
                self.companion.tick(label, on)
            except DeviceError as missing:
                return Done(False, str(missing), done.steps)
        return done

    def _control(self, name: str, fields: Mapping[str, str]) -> Done:
        done = self.walk.follow(("Guardian controls", name))
        return self._fill(fields) if done.ok else done

    def _form(self, path: str, fields: Mapping[str, str]) -> Done:
        self.companion.open(path)
        return self._fill(fields)

    def _fill(self, fields: Mapping[str, str]) -> Done:
        try:
            for label, text in fields.items():
                self.companion.fill(label, text)
            self.companion.press("Save")
        except DeviceError as missing:
            return Done(False, str(missing))
        return Done(True, self.companion.screen(picture=False).text, len(fields) + 1)

    # --- functions that the declaration lists

    def use_time(self) -> Done:
        shown = self.open("time")
        return Done(shown is not None and shown.id == "time" and ":" in shown.text, shown.text if shown else "")

    def use_step_count(self) -> Done:
        """Make 40 steps; the count shown must have grown by them."""
        before = self._number_shown("steps")
        self.walk_about(40)
        self.clock.sleep(self._interval("steps"))
        after = self._number_shown("steps")
        return Done(before is not None and after is not None and after - before == 40, f"{before} to {after}")

    def use_heart_rate(self) -> Done:
        """Wear the watch; it must show a pulse."""
        self.wear(True)
        self.clock.sleep(self._interval("heart_rate"))
        pulse = self._number_shown("heart")
        return Done(pulse is not None and pulse > 0, f"{pulse}")

    def use_where_is_my_child(self) -> Done:
        """Go somewhere; the app must show a position near there."""
        latitude, longitude = self.go_on()
        self.clock.sleep(self._interval("location"))
        self.companion.open("/where")
        said = self.companion.screen(picture=False).text
        shown = [float(each) for each in NUMBER.findall(said)]
        near = [any(abs(each - wanted) < NEAR for each in shown) for wanted in (latitude, longitude)]
        return Done(all(near), said, 1)

    def use_voice_messages(self) -> Done:
        """Send a voice message; the app must list one."""
        self.talk(chirp())
        self.clock.sleep(self._interval("voice_message"))
        self.companion.open("/messages")
        said = self.companion.screen(picture=False).text
        return Done("0 voice" not in said, said, 1)

    def _number_shown(self, page: str) -> int | None:
        shown = self.open(page)
        first = shown.text.split()[0] if shown is not None and shown.id == page and shown.text else ""
        return int(first) if first.isascii() and first.isdigit() else None

    # --- erasure

    def ways_to_erase(self) -> Sequence[str]:
        return ("delete-account", "factory-reset")

    def plant(self, way: str) -> Mapping[str, str | bytes]:
        """Write a child's name that is recognisable wherever it turns up."""
        name = f"Child-{secrets.token_hex(6)}"
        self.describe_child(name, 8)
        self._planted = {f"name of the child ({way})": name}
        return dict(self._planted)

    def still_there(self, planted: str) -> bool:
        return self._planted[planted] in self.profile_shown()

    def erase_by_delete_account(self) -> Done:
        return self.walk.follow(("Settings", "Privacy", "Cancel account"))

    def seen_by_new_owner(self, planted: Mapping[str, str | bytes]) -> Sequence[str]:
        """Set the watch up as somebody else and look at the child's profile."""
        mine, self.owner = self.owner, f"Second-{self.token[:6]}"
        try:
            self.companion.forget()
            self.first_use({})
            seen = self.profile_shown()
        finally:
            self.owner = mine
        return [name for name, value in planted.items() if isinstance(value, str) and value in seen]

    # --- authentication

    @property
    def ble(self) -> Ble:
        """The bench's Bluetooth LE dongle; MethodError MET-BLE-001 where there is no host stack."""
        ble: Ble = self.access.channel("ble")
        return ble

    def over_air(self) -> Ble:
        """Return the dongle, connected to the watch."""
        ble = self.ble
        if not ble.connected():
            ble.connect(self.air_address())
        return ble

    def air_address(self) -> str:
        """Return the Bluetooth address that the watch says it has."""
        return str(self.console.call("status").get("ble_address", ""))

    def rest_a_reading(self) -> None:
        """Wait until the next reading of the pulse is due and told."""
        self.clock.sleep(self._interval("heart_rate"))
        with self.clock.realtime():
            self.clock.sleep(ON_AIR)

    def pairing_code(self) -> str:
        """Open the watch's pairing screen and return the code that it shows; the last one while it shows none."""
        self.console.call("pairing")
        shown = self.now_shown()
        if shown is not None and shown.id == "pairing" and shown.text.isdigit():
            self._code = shown.text
        return self._code

    def secret_of(self, mechanism: str) -> str:
        return self.pairing_code() if self._over_ble(mechanism) else self.secret

    def log_in(self, mechanism: str, secret: str) -> Done:
        if self._over_ble(mechanism):
            self.ble.disconnect()
            self.ble.forget()
            link = self.over_air().pair(int(secret))
            return Done(link.paired and link.authenticated, link.reason)
        said = str(self.console.call("pin", digits=secret).get("result", ""))
        return Done(said == "ok", said, len(secret))

    def guess(self, mechanism: str, secret: str) -> bool:
        done = self.log_in(mechanism, secret)
        return done.said != "refused" and not done.said.endswith(REFUSED_TO_PAIR)

    def change_secret(self, mechanism: str, old: str, new: str) -> Done:
        way = self.declaration.credential(mechanism).change
        if way is None:
            return Done(False, "no way is declared")
        done = self.walk.follow(way.path)
        if not done.ok:
            return done
        filled = self._fill({"Old secret": old, "New secret": new})
        said = self.companion.screen(picture=False).title
        if said == "Changed":
            self.secret = new
        return Done(filled.ok and said == "Changed", said, done.steps + filled.steps)

    def _over_ble(self, mechanism: str) -> bool:
        over = self.declaration.credential(mechanism).over
        if over not in ("ble", "screen"):
            raise MethodError("MET-DEV-004", f"the device driver cannot log in over {over}", where=mechanism)
        return bool(over == "ble")

    # --- state

    def condition(self) -> Mapping[str, Any]:
        status = self.console.call("status")
        switches = {each.name: self.sensor(each.name).on for each in self.declaration.sensors}
        return {"state": status.get("state"), "steps": int(status.get("steps", 0)), "switches": switches}

    def no_less_safe(self, before: Mapping[str, Any]) -> bool:
        now = self.condition()
        more = [name for name, on in now["switches"].items() if on and not before["switches"][name]]
        return now["state"] == before["state"] and now["steps"] == before["steps"] and not more
