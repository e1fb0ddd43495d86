"""Enrolling a face: consent first, then a living face, a template, and the picture is gone within a minute."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pytest_conformance.simulation.devices.base import Behaviour, Device
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.lock.sensor import FaceSensor, Liveness, picture_of, vector_of
from pytest_conformance.simulation.devices.lock.users import OWNER, Users
from pytest_conformance.simulation.devices.owner import Consents
from pytest_conformance.simulation.timeline import SECOND


class Enrolment(Behaviour):
    """Starts only with the consent that it takes: `face`, or for a child `guardian_face`."""

    slot = "enrolment"
    patience: ClassVar[float] = 12.0
    frame: ClassVar[float] = 0.3
    picture_life: ClassVar[float] = 30.0
    """Seconds that the enrolment picture is kept."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.listeners: list[Callable[[str, bytes], None]] = []
        """Called with user and picture when a face was enrolled."""
        self._user = ""
        self._until = 0

    def needs(self, user: str) -> str:
        """Return the scope that enrolling `user` takes."""
        return "guardian_face" if self.device.get(Users).is_child(user) else "face"

    def allowed(self, user: str) -> bool:
        return self.device.get(Consents).given(self.needs(user))

    def begin(self, user: str) -> bool:
        """Look for the face of `user`; False when a consent or the permission is missing."""
        if not self.may_go_on(user):
            return False
        self._user = user
        self._until = self.world.timeline.now() + int(self.patience * SECOND)
        self.device.after(self.frame, self._look)
        return True

    def may_go_on(self, user: str) -> bool:
        """Tell whether consent, permission and user are still there; each may go while the lock looks."""
        there = user == OWNER or user in self.device.get(Users).ids()
        return there and self.allowed(user) and self.device.get(FaceSensor).may_look()

    def _look(self) -> None:
        if not self.may_go_on(self._user):
            self._fail()
            return
        sensor = self.device.get(FaceSensor)
        views, face = sensor.look()
        if face is None or not self.device.get(Liveness).alive(views, face):
            if self.world.timeline.now() < self._until:
                self.device.after(self.frame, self._look)
            else:
                self._fail()
            return
        sensor.rest()
        user, picture = self._user, picture_of(views, face)
        self.device.get(Storage).put(f"picture/{user}", picture)
        self.device.get(Users).keep_face(user, vector_of(views, face))
        self.device.after(self.picture_life, lambda: self.tidy(user))
        self.device.log("enrolled", user=user)
        self.enrolled(user, picture)

    def _fail(self) -> None:
        self.device.get(FaceSensor).rest()
        self.device.log("enrolment-failed", user=self._user)

    def tidy(self, user: str) -> None:
        """Forget the picture that the template was made from."""
        self.device.get(Storage).drop(f"picture/{user}")

    def enrolled(self, user: str, picture: bytes) -> None:
        """Tell those who listen that a face was enrolled."""
        for each in self.listeners:
            each(user, picture)

    def start(self) -> None:
        for name in self.device.get(Storage).names("picture/"):
            self.tidy(name.partition("/")[2])
