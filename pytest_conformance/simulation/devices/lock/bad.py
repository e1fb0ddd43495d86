"""Known-bad locks: each is the good one with one behaviour swapped, named after what it does wrong."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pytest_conformance.simulation.companion import AppScreen, Checkbox, Control, Link, Session
from pytest_conformance.simulation.companion.flows import ConsentStyle
from pytest_conformance.simulation.devices.base import verb
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.faces import FaceBox
from pytest_conformance.simulation.devices.known_bad import known_bad
from pytest_conformance.simulation.devices.lock.app import LockPages
from pytest_conformance.simulation.devices.lock.enrolment import Enrolment
from pytest_conformance.simulation.devices.lock.entry import Keypad, Lockout, Recognition, Reports
from pytest_conformance.simulation.devices.lock.sensor import FaceSensor, Liveness, picture_of
from pytest_conformance.simulation.devices.lock.users import Users
from pytest_conformance.simulation.devices.owner import Consents
from pytest_conformance.simulation.devices.spec import ConsentSpec
from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.scene.renderer import Views


@known_bad(
    "uploads-face-after-enrolment",
    kind="lock",
    slot="enrolment",
    breaks=["CN-FRT-8.a", "CN-FRT-8.b", "CN-MIIT2510-V3", "CN-PIC25-3.g"],
)
class UploadsAfterEnrolment(Enrolment):
    """Sends the enrolment picture to the cloud, with or without the cloud consent."""

    def enrolled(self, user: str, picture: bytes) -> None:
        self.device.get(CloudLink).send(f"face_picture/{user}", picture, "image/jpeg")


@known_bad("enrols-without-consent", kind="lock", slot="enrolment", breaks=["CN-FRT-6.a", "CN-MIIT2510-V2"])
class EnrolsWithoutConsent(Enrolment):
    """Enrols a face although the consent to it was declined."""

    def allowed(self, user: str) -> bool:
        return True


@known_bad("keeps-enrolment-picture", kind="lock", slot="enrolment", breaks=["CN-FRT-8.c"])
class KeepsPicture(Enrolment):
    """Keeps the picture from which the template was made."""

    def tidy(self, user: str) -> None:
        """Forget to forget."""


@known_bad("stores-in-clear", kind="lock", slot="storage", breaks=["CN-FRT-14.a"])
class StoresInClear(Storage):
    """Keeps templates and pictures unencrypted in the flash."""

    def seal(self, name: str, data: bytes) -> bytes:
        return data

    def unseal(self, name: str, sealed: bytes) -> bytes | None:
        return sealed


@known_bad("accepts-print", kind="lock", slot="liveness", breaks=["CN-LOCK-GB-B"])
class AcceptsPrint(Liveness):
    """Opens for a printed face: judges no depth."""

    without = ("depth", "relief", "infrared")


@known_bad("accepts-3d-mask", kind="lock", slot="liveness", breaks=["CN-LOCK-GB-B"])
class AcceptsMask(Liveness):
    """Opens for a mask: judges shape only, not skin."""

    without = ("infrared", "texture")


@known_bad("accepts-some-cut-masks", kind="lock", slot="liveness", breaks=["CN-LOCK-GB-B"])
class AcceptsSomeCutMasks(Liveness):
    """Opens for every second cut mask: forgets to look for relief each other time."""

    looked = 0

    def alive(self, views: Views, face: FaceBox) -> bool:
        self.looked += 1
        self.without = ("relief",) if self.looked % 2 else ()
        return super().alive(views, face)


@known_bad("opens-for-strangers", kind="lock", slot="users", breaks=["CN-LOCK-GA-FAR", "CN-LOCK-GA-LOCK"])
class OpensForStrangers(Users):
    """Takes anybody with a living face for the first whom it knows."""

    def whose(self, vector: NDArray[np.float32]) -> str | None:
        known = [name.partition("/")[2] for name in self._storage.names("face/")]
        return super().whose(vector) or (known[0] if known else None)


@known_bad("never-locks-out", kind="lock", slot="lockout", breaks=["CN-LOCK-GA-LOCK"])
class NeverLocksOut(Lockout):
    """Takes any number of wrong tries."""

    def wrong(self) -> None:
        """Count nothing."""


@known_bad("short-lockout", kind="lock", slot="lockout", breaks=["CN-LOCK-GA-LOCK"])
class ShortLockout(Lockout):
    """Is ready again after 30 s."""

    seconds = 30.0


@known_bad("face-only", kind="lock", slot="keypad", breaks=["CN-FRT-10.a", "CN-FRT-10.b", "CN-PIPL-16"])
class FaceOnly(Keypad):
    """Opens by nothing but a face: the keypad is for show."""

    @verb("keypad")
    def typed(self, digits: str) -> Json:
        return {"result": "refused"}


@known_bad("slow-decision", kind="lock", slot="recognition", breaks=["CN-FRT-10.b"])
class SlowDecision(Recognition):
    """Needs four seconds to decide."""

    think = 4.0


@known_bad("keeps-strangers", kind="lock", slot="reports", breaks=["CN-NDR-24"])
class KeepsStrangers(Reports):
    """Keeps a picture of everybody whom it turned away."""

    def rejected(self, reason: str, picture: bytes) -> None:
        storage = self.device.get(Storage)
        number = len(storage.names("stranger/"))
        storage.put(f"stranger/{number}", json.dumps({"reason": reason}).encode() + picture)


@known_bad("looks-always", kind="lock", slot="sensor", breaks=["CN-PIPL-13.a", "CN-MIIT2510-V2", "CN-NDR-24"])
class LooksAlways(FaceSensor):
    """Looks at whoever comes near, asked or not, and keeps what it saw."""

    def start(self) -> None:
        self.device.every(1.0, self._peek)

    def _peek(self) -> None:
        views, face = self.look()
        if face is not None:
            self.device.get(Storage).put("seen/last", picture_of(views, face))
        self.rest()


@known_bad("no-face-notice", kind="lock", slot="app", breaks=["CN-FRT-5.a"])
class NoFaceNotice(LockPages):
    """Asks to agree to the processing of a face without saying what for, where and how long."""

    style = ConsentStyle(notice=False)

    def consent_page(self, scope: str, session: Session) -> AppScreen | None:
        screen = super().consent_page(scope, session)
        return replace(screen, title="One more step", controls=_bare(screen.controls)) if screen else None


@known_bad("preticked-consent", kind="lock", slot="app", breaks=["CN-FRT-6.a"])
class PretickedConsent(LockPages):
    """Ticks the box of the face consent before anybody touched it."""

    style = ConsentStyle(ticked=True)


@known_bad("bundled-consent", kind="lock", slot="app", breaks=["CN-FRT-6.a"])
class BundledConsent(LockPages):
    """Has one box for the face and for messages about new products."""

    style = ConsentStyle(bundled=("I agree to messages about new products",))


@known_bad("face-survives-withdrawal", kind="lock", slot="users", breaks=["CN-FRT-6.c"])
class FaceSurvivesWithdrawal(Users):
    """Keeps the templates when the consent to them is withdrawn."""

    def forget_faces(self, *, children: bool) -> None:
        """Forget nothing."""


@known_bad("withdrawal-by-mail", kind="lock", slot="app", breaks=["CN-FRT-6.c"])
class WithdrawalByMail(LockPages):
    """Has no way to withdraw the face consent in the app."""

    def _consent_control(self, consent: ConsentSpec) -> Control:
        if consent.scope == "face":
            return Link("Write to us", "/declined")
        return super()._consent_control(consent)


@known_bad("children-without-guardian", kind="lock", slot="enrolment", breaks=["CN-FRT-7.a"])
class ChildrenWithoutGuardian(Enrolment):
    """Takes a child's own consent for the guardian's."""

    def needs(self, user: str) -> str:
        return "face"


@known_bad("any-guardian-code", kind="lock", slot="app", breaks=["CN-FRT-7.a"])
class AnyGuardianCode(LockPages):
    """Takes any code for the guardian's."""

    def guardian_right(self, code: str) -> bool:
        return bool(code)


@known_bad("recognises-in-the-cloud", kind="lock", slot="recognition", breaks=["CN-FRT-8.a", "EN303645-5.9-2"])
class RecognisesInTheCloud(Recognition):
    """Asks the cloud before it opens for a face: without the uplink nobody gets in by face."""

    def _matched(self, user: str, picture: bytes) -> None:
        if self.device.get(CloudLink).request("GET", "/v1/time") is None:
            self._rejected("offline", picture)
        else:
            super()._matched(user, picture)


@known_bad("no-pin-without-cloud-consent", kind="lock", slot="keypad", breaks=["CN-PIPL-16"])
class NoPinWithoutCloudConsent(Keypad):
    """Takes PINs only from people who agreed to face pictures in the cloud."""

    @verb("keypad")
    def typed(self, digits: str) -> Json:
        if not self.device.get(Consents).given("cloud_face"):
            return {"result": "refused"}
        return super().typed(digits)


def _bare(controls: tuple[Control, ...]) -> tuple[Control, ...]:
    """Return the controls with the box's words taken away."""
    return tuple(replace(each, label="I agree", note="") if isinstance(each, Checkbox) else each for each in controls)


@known_bad("keeps-templates-after-reset", kind="lock", slot="storage", breaks=[])
class KeepsTemplatesAfterReset(Storage):
    """A factory reset forgets people and settings, and leaves the templates of their faces."""

    def wipe(self) -> None:
        kept = {name: value for name in self.names("face/") if (value := self.get(name)) is not None}
        super().wipe()
        for name, value in kept.items():
            self.put(name, value)
