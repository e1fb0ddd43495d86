"""The camera's senses: pictures, motion and persons in them, sound; the privacy button, and the lamp."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import cv2
import numpy as np

from pytest_conformance.simulation.devices.base import Behaviour, Device, VerbError, verb
from pytest_conformance.simulation.devices.camera.words import CAMERA, MICROPHONE
from pytest_conformance.simulation.devices.faces import find_face
from pytest_conformance.simulation.devices.owner import Kept, Owner, Permissions
from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.scene.renderer import CameraModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

LENS = CameraModel(320, 240, 42.0)
MOTION = CameraModel(80, 60, 42.0)
"""The same view in few pixels, to find motion in."""
SAMPLE_RATE = 16_000
MOVED = 14.0
"""Grey levels by which a pixel must change to have moved."""
SHARE = 0.02
"""Share of the pixels that must have moved."""


class Lens(Behaviour):
    """Takes pictures; each is a new exposure."""

    slot = "lens"

    def picture(self) -> NDArray[np.uint8]:
        """Return what is in view: (240, 320, 3), BGR."""
        return self.world.scene.render(LENS).visible

    def jpeg(self) -> bytes:
        """Return what is in view as JPEG."""
        done, encoded = cv2.imencode(".jpg", self.picture(), [cv2.IMWRITE_JPEG_QUALITY, 85])
        if not done:
            raise ValueError("the picture could not be encoded")
        return bytes(encoded)


class Indicator(Behaviour):
    """Lights the red lamp as long as any sensor senses."""

    slot = "indicator"

    def show(self, sensing: bool) -> None:
        """Called whenever a sensor begins or ends, and twice a second in between."""
        self.world.lamp.set("red" if sensing else "off")

    def stop(self) -> None:
        self.world.lamp.set("off")


class Privacy(Kept):
    """The button on top of the camera: pressed once nothing senses, pressed again all is as before."""

    slot = "privacy"
    record = "settings/privacy"

    @property
    def on(self) -> bool:
        return bool(self.load().get("on", False))

    @verb("button")
    def button(self, name: str) -> Json:
        """Press a hardware button."""
        if name != "privacy":
            raise VerbError("BUTTON", "there is one button: privacy")
        self.save({"on": not self.on})
        self.device.get(Watching).update()
        return {"privacy": self.on}

    def status(self) -> Mapping[str, Json]:
        return {"privacy": self.on}


class Watching(Behaviour):
    """Senses while somebody set the camera up, agreed, and has the switch on; tells of motion."""

    slot = "watching"
    period: ClassVar[float] = 0.5
    """Seconds between two looks."""
    pause: ClassVar[float] = 3.0
    """Least seconds between two messages about motion."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._last: NDArray[np.float32] | None = None
        self._scene: tuple[object, ...] = ()
        self._quiet_until = 0

    def start(self) -> None:
        self.update()
        self.device.every(self.period, self._tick)

    def may(self, sensor: str) -> bool:
        """Tell whether `sensor` may sense now."""
        if not self.device.get(Owner).is_set_up or self.device.get(Privacy).on:
            return False
        return self.device.get(Permissions).allowed(sensor)

    def update(self) -> None:
        """Begin or end sensing as it is allowed, and let the lamp tell."""
        for sensor in (CAMERA, MICROPHONE):
            self.device.sense(sensor, self.may(sensor))
        self.device.get(Indicator).show(any(self.device.sensors.values()))

    def _tick(self) -> None:
        self.update()
        if not self.device.sensors.get(CAMERA):
            self._last = None
        elif self._moved():
            self._motion()

    def _moved(self) -> bool:
        """Compare with the look before; a view in which nothing was changed is not developed again."""
        state = self.world.scene.state()
        if self._last is not None and state == self._scene:
            return False
        grey = cv2.cvtColor(self.world.scene.render(MOTION).visible, cv2.COLOR_BGR2GRAY).astype(np.float32)
        now = np.asarray(cv2.GaussianBlur(grey, (0, 0), 1.0), np.float32)
        before, self._last, self._scene = self._last, now, state
        return before is not None and float((np.abs(now - before) > MOVED).mean()) > SHARE

    def _motion(self) -> None:
        now = self.world.timeline.now()
        if now < self._quiet_until:
            return
        self._quiet_until = now + int(self.pause * 1e9)
        person = find_face(self.device.get(Lens).picture()) is not None
        self.device.log("motion", person=person)
        self.moved(person)

    def moved(self, person: bool) -> None:
        """Called when something moved; `person`: a face was in view."""
        from pytest_conformance.simulation.devices.camera.recording import Recorder

        self.device.get(Recorder).motion(person)


class Microphone(Behaviour):
    """Takes up the sound of the room: a fan's hum and some noise."""

    slot = "microphone"
    hum: ClassVar[float] = 220.0

    def wav(self, seconds: float = 1.0) -> bytes:
        """Return so much sound as WAV, mono, 16 bit."""
        noise = random.Random(self.world.timeline.now())
        step = 2 * math.pi * self.hum / SAMPLE_RATE
        count = int(seconds * SAMPLE_RATE)
        samples = [round(2500 * math.sin(step * n) + noise.gauss(0, 180)) for n in range(count)]
        return wav_of(struct.pack(f"<{count}h", *samples))


def wav_of(samples: bytes) -> bytes:
    """Return 16-bit mono samples as a WAV file."""
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, *_rates())
    return head + struct.pack("<4sI", b"data", len(samples)) + samples


def _rates() -> tuple[Any, ...]:
    return SAMPLE_RATE, SAMPLE_RATE * 2, 2, 16
