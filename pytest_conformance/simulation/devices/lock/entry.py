"""Opening the door: bolt, keypad, face recognition, and the lock-out after wrong tries."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from pytest_conformance.simulation.devices.base import Behaviour, Device, VerbError, verb
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.lock.sensor import FaceSensor, Liveness, picture_of, vector_of
from pytest_conformance.simulation.devices.lock.users import Users
from pytest_conformance.simulation.devices.owner import Consents
from pytest_conformance.simulation.devices.ui import Panel
from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.timeline import SECOND, Timer


class Bolt(Behaviour):
    """Moves the bolt: drawn when somebody may enter, thrown again after `relock` seconds; stays when power goes."""

    slot = "bolt"
    relock: ClassVar[float] = 5.0
    travel: ClassVar[float] = 0.12
    """Seconds that the motor needs."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._timer: Timer | None = None

    def start(self) -> None:
        if not self.world.bolt.value:
            self._timer = self.device.after(self.relock, self.throw)

    def draw(self) -> None:
        """Open; thrown again later."""
        self.device.after(self.travel, lambda: self.world.bolt.set(False))
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.device.after(self.travel + self.relock, self.throw)

    def throw(self) -> None:
        self.world.bolt.set(True)

    @verb("throw")
    def thrown_by_hand(self) -> Json:
        self.throw()
        return {}


class Lockout(Behaviour):
    """Five wrong tries within 5 min: alarm, and 120 s without answer to anything, also over a power cut."""

    slot = "lockout"
    tries: ClassVar[int] = 5
    window: ClassVar[float] = 300.0
    seconds: ClassVar[float] = 120.0
    alarm: ClassVar[bool] = True
    record = "lockout"

    def start(self) -> None:
        left = int(self._load().get("until") or 0) - self.world.timeline.now()
        if left > 0:
            if self.alarm:
                self.world.lamp.set("red")
            self.device.after(left / SECOND, self._over)

    def stop(self) -> None:
        self.world.lamp.set("off")

    @property
    def locked(self) -> bool:
        return self.world.timeline.now() < int(self._load().get("until") or 0)

    def wrong(self) -> None:
        """Count a wrong try of any kind."""
        now = self.world.timeline.now()
        recent = [at for at in self._load().get("wrong", []) if now - at < self.window * SECOND]
        recent.append(now)
        if len(recent) >= self.tries:
            self._save({"until": now + int(self.seconds * SECOND), "wrong": []})
            self.lock_out()
        else:
            self._save({"wrong": recent})

    def lock_out(self) -> None:
        """Say that it is locked out, loudly."""
        if self.alarm:
            self.device.get(Panel).show("alarm", "Alarm", "Too many wrong tries")
            self.world.lamp.set("red")
            self.device.log("alarm")
        self.device.log("lockout", seconds=self.seconds)
        self.device.after(self.seconds, self._over)

    def right(self) -> None:
        """A right try ends the count."""
        if self._load().get("wrong"):
            self._save({"wrong": []})

    def _over(self) -> None:
        self.world.lamp.set("off")
        self.device.log("lockout-over")

    def _load(self) -> dict[str, Any]:
        raw = self.device.get(Storage).get(self.record)
        return dict(json.loads(raw)) if raw else {}

    def _save(self, content: dict[str, object]) -> None:
        self.device.get(Storage).put(self.record, json.dumps(content).encode())


class Keypad(Behaviour):
    """Takes PINs; a key in the cylinder opens as well."""

    slot = "keypad"

    @verb("keypad")
    def typed(self, digits: str) -> Json:
        if not isinstance(digits, str) or not digits.isdigit() or len(digits) > 32:
            raise VerbError("DIGITS", "digits only, at most 32")
        lockout = self.device.get(Lockout)
        if lockout.locked:
            return {"result": "refused"}
        user = self.device.get(Users).with_pin(digits)
        if user is None:
            lockout.wrong()
            return {"result": "wrong"}
        lockout.right()
        self.device.get(Bolt).draw()
        self.device.get(Reports).unlocked(user, "pin", None)
        return {"result": "unlocked", "user": user}

    @verb("key")
    def turned(self) -> Json:
        """Somebody turns the mechanical key."""
        self.device.get(Bolt).draw()
        return {"result": "unlocked"}


class Recognition(Behaviour):
    """After a touch looks for a face for a few seconds; opens for a living face that it knows."""

    slot = "recognition"
    patience: ClassVar[float] = 6.0
    frame: ClassVar[float] = 0.15
    think: ClassVar[float] = 0.35
    """Seconds from the exposure that decides to the decision."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._until: int = 0
        self.busy = False

    @verb("wake")
    def wake(self) -> Json:
        sensor = self.device.get(FaceSensor)
        if self.device.get(Lockout).locked:
            self.device.log("reject", reason="lockout")
            return {"looking": False}
        if not sensor.may_look() or not self.ready():
            self.device.log("timeout", reason="off")
            return {"looking": False}
        self._until = self.world.timeline.now() + int(self.patience * SECOND)
        if not self.busy:
            self.busy = True
            self.device.after(self.frame, self._look)
        return {"looking": True}

    def ready(self) -> bool:
        """Tell whether anybody agreed to face recognition."""
        consents = self.device.get(Consents)
        return consents.given("face") or consents.given("guardian_face")

    def _look(self) -> None:
        sensor = self.device.get(FaceSensor)
        views, face = sensor.look()
        if face is None:
            if self.world.timeline.now() < self._until:
                self.device.after(self.frame, self._look)
            else:
                self._end()
                self.device.log("timeout")
            return
        self.device.log("face")
        picture = picture_of(views, face)
        if not self.device.get(Liveness).alive(views, face):
            self.device.after(self.think, lambda: self._rejected("not alive", picture))
            return
        user = self.device.get(Users).whose(vector_of(views, face))
        if user is None:
            self.device.after(self.think, lambda: self._rejected("unknown", picture))
        else:
            known = user
            self.device.after(self.think, lambda: self._matched(known, picture))

    def _matched(self, user: str, picture: bytes) -> None:
        self._end()
        self.device.log("match", user=user)
        self.device.get(Lockout).right()
        self.device.get(Bolt).draw()
        self.device.get(Reports).unlocked(user, "face", picture)

    def _rejected(self, reason: str, picture: bytes) -> None:
        self._end()
        self.device.log("reject", reason=reason)
        self.device.get(Lockout).wrong()
        self.device.get(Reports).rejected(reason, picture)

    def _end(self) -> None:
        self.busy = False
        self.device.get(FaceSensor).rest()


class Reports(Behaviour):
    """Tells the cloud who opened, by number; with the consent `cloud_face` also sends the picture of the face."""

    slot = "reports"

    def unlocked(self, user: str, way: str, picture: bytes | None) -> None:
        """The door was opened by `user`."""
        link = self.device.get(CloudLink)
        if not link.may_speak():
            return
        link.publish("unlock", {"user": user, "way": way})
        if picture is not None and self.device.get(Consents).given("cloud_face"):
            link.send(f"face_picture/{user}", picture, "image/jpeg")

    def forget(self, user: str) -> None:
        """Have the cloud delete the pictures of `user`."""
        if self.device.get(CloudLink).may_speak():
            self.device.get(CloudLink).delete(f"face_picture/{user}")

    def start(self) -> None:
        self.device.get(Consents).when_withdrawn("cloud_face", self._forget_all)

    def _forget_all(self) -> None:
        self.device.get(CloudLink).delete("face_picture")

    def reset(self) -> None:
        """Factory reset: what was sent to the cloud goes as well."""
        if self.device.get(Consents).given("cloud_face"):
            self._forget_all()

    def rejected(self, reason: str, picture: bytes) -> None:
        """Somebody was turned away: nothing about him is kept or sent."""
