"""What the watch senses: where it is, a pulse, steps, a voice. Each only while switch and consent allow it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import ClassVar

from pytest_conformance.simulation.devices.base import Behaviour, Device, VerbError, verb
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.owner import RULES, Consents, Kept, Permissions
from pytest_conformance.simulation.devices.ui import Panel
from pytest_conformance.simulation.devices.watch.radio import Radio
from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.timeline import SECOND

LOOK = 2.0
"""Seconds that one reading of a sensor takes; its symbol is on the screen meanwhile."""
HISTORY = 12


class Sense(Behaviour):
    """One sensor with a rhythm: takes a reading when it may, at most once in `seconds`."""

    name: ClassVar[str] = ""
    symbol: ClassVar[str] = ""
    seconds: ClassVar[float] = 600.0

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._last: int | None = None

    def start(self) -> None:
        self.device.every(self.seconds, self.tick)

    def may(self) -> bool:
        """Tell whether this sensor may sense now."""
        return self.device.get(Permissions).allowed(self.name)

    def tick(self) -> None:
        """Take a reading if it may and the last one is old enough."""
        now = self.world.timeline.now()
        if self.may() and (self._last is None or now - self._last >= int(0.999 * self.seconds * SECOND)):
            self._last = now
            self.begin()
            self.read()

    def begin(self) -> None:
        """Show the symbol of this sensor for as long as a reading takes."""
        self.device.sense(self.name, True)
        self.device.front(self.symbol)
        self.device.after(LOOK, self._end)

    def read(self) -> None:
        """Take the reading and do with it what it is for."""

    def _end(self) -> None:
        self.device.sense(self.name, False)
        screen = self.device.get(Panel).current
        self.device.front(screen.title if screen is not None else "")


class Location(Sense):
    """Tells the cloud every ten minutes where the child is, to three decimal places; keeps nothing itself."""

    slot = "location"
    name = "location"
    symbol = "location symbol"
    places: ClassVar[int] = 3

    def start(self) -> None:
        super().start()
        self.device.get(Consents).when_withdrawn("location", lambda: self.forget())

    def read(self) -> None:
        latitude, longitude = (round(degrees, self.places) for degrees in self.world.place.value)
        self.device.get(CloudLink).send("location", json.dumps({"lat": latitude, "lon": longitude}).encode())

    def forget(self) -> None:
        """Have the positions in the cloud deleted."""
        self.device.get(CloudLink).delete("location")


class Wrist(Behaviour):
    """Knows whether the watch is worn: the optical sensor sees skin (or the bench's phantom of it)."""

    slot = "wrist"

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.worn = False
        self.pulse = 0

    def status(self) -> Mapping[str, Json]:
        return {"worn": self.worn}

    @verb("wear")
    def wear(self, on: bool, pulse: int = 72) -> Json:
        """The bench's phantom of a wrist is put on, with a pulse per minute, or taken off."""
        self.worn, self.pulse = bool(on), int(pulse) if on else 0
        return {}


class HeartRate(Sense):
    """Measures the pulse every five minutes while worn; keeps the last hour, tells the paired phone."""

    slot = "heart"
    name = "heart_rate"
    symbol = "heart symbol"
    seconds = 300.0

    def start(self) -> None:
        super().start()
        self.device.get(Consents).when_withdrawn("health", self.forget)
        history = self.history()
        self.device.get(Radio).heart = history[-1] if history else 0

    def may(self) -> bool:
        return super().may() and self.device.get(Wrist).worn

    def read(self) -> None:
        pulse = self.device.get(Wrist).pulse
        self.device.get(Storage).put("heart_rate", json.dumps([*self.history(), pulse][-HISTORY:]).encode())
        self.device.get(Radio).tell_heart(pulse)

    def history(self) -> list[int]:
        """Return the last readings, oldest first."""
        raw = self.device.get(Storage).get("heart_rate")
        return [int(each) for each in json.loads(raw)] if raw else []

    def forget(self) -> None:
        """Drop all readings."""
        self.device.get(Storage).drop("heart_rate")
        self.device.get(Radio).heart = 0


class Steps(Kept):
    """Counts steps once the rules were agreed to; saves at most once a minute."""

    slot = "steps"
    record = "steps"
    seconds: ClassVar[float] = 60.0

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._fresh = 0

    def start(self) -> None:
        self.device.every(self.seconds, self.save_fresh)

    @property
    def total(self) -> int:
        return int(self.load().get("total", 0)) + self._fresh

    def status(self) -> Mapping[str, Json]:
        return {"steps": self.total}

    def save_fresh(self) -> None:
        """Save what was counted since the last time."""
        if self._fresh:
            self.save({"total": self.total})
            self._fresh = 0
            self.device.get(Radio).steps = self.total

    def forget(self) -> None:
        """Drop the count."""
        self._fresh = 0
        self.device.get(Radio).steps = 0

    @verb("walk")
    def walk(self, steps: int) -> Json:
        """The bench's shaker makes `steps` steps."""
        if self.device.get(Consents).given(RULES):
            self._fresh += max(0, min(int(steps), 100_000))
        return {}


class Microphone(Sense):
    """Records while the child holds the talk key; the message goes to the guardian through the cloud."""

    slot = "microphone"
    name = "microphone"
    symbol = "microphone symbol"
    seconds = 10.0

    def start(self) -> None:
        self.device.get(Consents).when_withdrawn("voice_message", self.forget)

    @verb("talk")
    def talk(self, sound: str) -> Json:
        """The child holds the talk key while the bench plays `sound` (WAV, base64)."""
        self._heard = decoded(sound)
        if not self.may():
            self.device.get(Panel).show("microphone-off", "麦克风已关闭 / The microphone is off")
        self.tick()
        return {}

    @verb("noise")
    def noise(self, sound: str) -> Json:
        """The bench plays `sound` (WAV, base64) nearby, and nobody touches the watch: it does not listen."""
        self.overhear(decoded(sound))
        return {}

    def overhear(self, sound: bytes) -> None:
        """Called with whatever sounds while nobody holds the talk key."""

    def read(self) -> None:
        self.device.get(Storage).put("voice_message", self._heard)
        sent = self.device.get(CloudLink).send("voice_message", self._heard, "audio/wav")
        title = "语音已发送 / Message sent" if sent else "语音未发送 / Message kept until there is a network"
        self.device.get(Panel).show("message", title)

    def forget(self) -> None:
        """Drop the last message here and all in the cloud."""
        self.device.get(Storage).drop("voice_message")
        self.device.get(CloudLink).delete("voice_message")


def decoded(sound: str) -> bytes:
    """Return the sound behind base64; VerbError ARGS when it is none."""
    try:
        return base64.b64decode(sound, validate=True)
    except binascii.Error as error:
        raise VerbError("ARGS", f"sound is not base64: {error}") from None
