"""The reference lock: users, faces, PINs and the bolt, through test port, reference app, contact and turntable."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_conformance.analysis.imaging import lamp_colour
from pytest_conformance.devices.channels.lan import Lan
from pytest_conformance.devices.lock_recogniser import LockRecogniser
from pytest_conformance.devices.lock_references import SUBJECTS, FaceReferences
from pytest_conformance.devices.reference import ReferenceDevice
from pytest_conformance.devices.roles import Asked, Done
from pytest_conformance.devices.walk import CONSENT
from pytest_conformance.errors import DeviceError

if TYPE_CHECKING:
    from pytest_conformance.drivers.roles import Contact
    from pytest_conformance.stimulus.presenter import Presenter

ENROL_PATIENCE = 15.0
"""Seconds of bench time that an enrolment is given."""
DECISION_PATIENCE = 10.0
"""Seconds of bench time that a recognition is given."""
BOLT_PATIENCE = 2.0
"""Seconds that the bolt is given after the decision."""
OWNER = "1"


@dataclass(frozen=True)
class Enrolment:
    """An enrolment that was tried: whether a face is enrolled now, what was asked for on the way, and what was said."""

    user: str
    subject: str
    enrolled: bool
    asked: tuple[Asked, ...]
    said: str
    began: int
    ended: int
    steps: int


@dataclass(frozen=True)
class Attempt:
    """One presentation to the lock and what came of it.

    `outcome` is "match", "reject", "timeout" or "none" (the device said nothing); `opened` is what the contact on
    the bolt saw, which counts where the two differ. Times are bench ns: `woken` when the lock was touched, `visible`
    when the watch camera first saw something before it, `drawn` when the bolt's contact opened.
    """

    shown: str
    species: str
    outcome: str
    user: str
    reason: str
    opened: bool
    woken: int
    visible: int | None
    drawn: int | None
    lux: float | None = None
    said: int | None = None
    """When the lock's own log says that it decided; the lock's clock was compared after it."""
    lit: int | None = None
    """The first frame of the watch camera in which its lamp was green; None: never, or nobody knows where it is."""

    @property
    def decision_seconds(self) -> float | None:
        """Seconds from the first visible frame to the bolt's contact; None when either is missing or out of order."""
        if self.visible is None or self.drawn is None or self.drawn < self.visible:
            return None
        return (self.drawn - self.visible) / 1e9


class ReferenceLock(FaceReferences, ReferenceDevice):
    """A lock with keypad and face sensor that speaks the test port and the reference app."""

    kind: ClassVar[str] = "lock"
    readiness_uncertainty = 0.2

    def __init__(self, access: Any, declaration: Any) -> None:
        super().__init__(access, declaration)
        self.presenter: Presenter | None = None
        self.face_subject = ""
        self.recogniser = LockRecogniser(self)
        self.enrolled_here: set[str] = set()
        """Whose faces were enrolled since this driver was made."""
        self._users: dict[str, tuple[str, str]] = {}
        """Names of users to their id and PIN."""

    # --- the bolt

    @property
    def contact(self) -> Contact:
        contact: Contact = self.access.role("contact")
        return contact

    def bolt_thrown(self) -> bool:
        return self.contact.closed()

    def close_bolt(self) -> None:
        """Throw the bolt by hand and wait until its contact says so."""
        if self.bolt_thrown():
            return
        self.console.call("throw")
        if not self.clock.wait_for(self.bolt_thrown, BOLT_PATIENCE):
            raise DeviceError("DUT-LCK-001", "the bolt does not close", where="contact", expected="closed")

    def _drawn_since(self, at: int) -> int | None:
        for edge in self.contact.edges(at):
            if not edge.closed:
                return edge.at
        return None

    # --- users

    def add_user(self, name: str, age: int, pin: str) -> Done:
        """Add a user in the app."""
        app = self.companion
        before = app.steps
        app.open("/users-add")
        for label, text in (("Name", name), ("Age", str(age)), ("PIN", pin)):
            app.fill(label, text)
        app.press("Save")
        path = app.screen(picture=False).path
        if not path.startswith("/users/"):
            return Done(False, app.screen(picture=False).text, app.steps - before)
        self._users[name] = (path.removeprefix("/users/"), pin)
        return Done(True, "", app.steps - before)

    def user_id(self, name: str) -> str:
        """Return the lock's number of a user; the owner's is known from the start."""
        return OWNER if name == self.owner else self._users[name][0]

    def delete_user(self, name: str) -> Done:
        app = self.companion
        before = app.steps
        app.open(f"/users/{self.user_id(name)}")
        app.press("Delete user")
        return Done(True, app.screen(picture=False).text, app.steps - before)

    # --- faces

    def enrol(self, name: str, subject: str, consents: Mapping[str, bool], *, code: str = "") -> Enrolment:
        """Enrol the face of `subject` for user `name` through the app, answering consents on the way.

        `code` is what a guardian types when the app asks for one; "" declines.
        """
        app = self.companion
        before, began = app.steps, self.clock.now()
        asked: list[Asked] = []
        with self._presenter().showing(subject):
            app.open(f"/users/{self.user_id(name)}")
            if not app.screen(picture=False).has("Enrol face"):
                return Enrolment(name, subject, True, (), "already enrolled", began, self.clock.now(), 0)
            app.press("Enrol face")
            screen = app.screen(picture=False)
            while screen.path.startswith(CONSENT) and len(asked) < 4:
                asked.append(self._answer(screen.path.removeprefix(CONSENT), consents, code))
                screen = app.screen(picture=False)
            steps = app.steps - before
            enrolled = self._await_enrolment(name, began)
        if enrolled:
            self.enrolled_here.add(subject)
        if enrolled and name == self.owner:
            self.face_subject = subject
        said = app.screen(picture=False).text
        return Enrolment(name, subject, enrolled, tuple(asked), said, began, self.clock.now(), steps)

    def templates_held(self) -> int | None:
        """Ask how many templates of faces the lock holds; None when it does not say."""
        said = self.console.call("status").get("templates")
        return said if isinstance(said, int) and not isinstance(said, bool) and said >= 0 else None

    def _answer(self, scope: str, consents: Mapping[str, bool], code: str) -> Asked:
        app = self.companion
        screen = app.screen(picture=False)
        if not screen.has("Guardian code"):
            return self.walk.answer(scope, consents.get(scope, False))
        yes = bool(code) and consents.get(scope, False)
        asked = Asked(scope, screen.title, screen.text, (), False, screen.has("Decline"), yes, self.clock.now())
        if yes:
            app.fill("Guardian code", code)
            app.press("Confirm")
            if app.screen(picture=False).has("Guardian code"):
                app.press("Decline")
        else:
            app.press("Decline")
        return asked

    def _await_enrolment(self, name: str, since: int) -> bool:
        """Return whether the app lists a face for `name` within the patience that enrolments get."""
        self.console.wait_event(("enrolled", "enrolment-failed"), since=since, timeout=ENROL_PATIENCE)
        return self.has_face(name)

    def has_face(self, name: str) -> bool:
        """Return whether the app lists a face for `name`."""
        self.companion.open(f"/users/{self.user_id(name)}")
        return self.companion.screen(picture=False).has("Withdraw face consent")

    @property
    def guardian_code(self) -> str:
        """What the guardian got from the supplier's service; lent with the test build."""
        return str(self.console.call("guardian-code").get("code", ""))

    # --- opening

    @property
    def lockout_pause(self) -> float:
        """Seconds after a rejected presentation after which the next one cannot lead to a lock-out."""
        lockout = self.declaration.credential("face").lockout
        return lockout.window / max(1, lockout.tries - 1) + 1.0 if lockout is not None else 5.0

    def wrong_pin(self, number: int) -> str:
        """Return a PIN that is not the owner's, another one for each number."""
        turned = enumerate(reversed(self.secret))
        return "".join(str((int(digit) + number // 9**place % 9 + 1) % 10) for place, digit in turned)[::-1]

    def alarmed(self, since: int) -> bool:
        """Tell whether the lock showed or logged an alarm since bench time `since`."""
        return any(each.name == "alarm" for each in self.log(since)) or any(
            each.id == "alarm" and each.at >= since for each in self.shown_screens()
        )

    def timed_attempt(self, what: str) -> Attempt:
        """Like `attempt`, with the lock touched first, so that the face appears to a lock that looks for it."""
        self.close_bolt()
        with self.clock.realtime():
            self._presenter().clear()
            woken = self.clock.now()
            self.console.call("wake")
            with self._presenter().showing(what) as ongoing:
                shown = ongoing.done
                self.clock.wait_for(lambda: self._drawn_since(woken), DECISION_PATIENCE)
                drawn = self._drawn_since(woken)
            self.console.call("status")
        outcome = "match" if drawn is not None else "none"
        said = next((each.at for each in self.console.recent(woken) if each.name == "match"), None)
        lit = self._lit_since(woken)
        return Attempt(what, "", outcome, "", "", drawn is not None, woken, shown.seen, drawn, shown.lux, said, lit)

    def _lit_since(self, at: int) -> int | None:
        """Return when the watch camera first saw the lamp green since bench time `at`."""
        watch = self.access.role("watch") if self.access.has("watch") else None
        if watch is None or watch.lamp is None:
            return None
        watch.frame()  # so that what was lit until now is in a picture
        return next((each.at for each in watch.since(at) if lamp_colour(each.image, watch.lamp) == "green"), None)

    def attempt(self, what: str) -> Attempt:
        """Present `what`, touch the lock, and wait for its decision and for the bolt."""
        self.close_bolt()
        presenter = self._presenter()
        with presenter.showing(what) as ongoing:
            shown = ongoing.done
            if self.witness is not None:
                self.witness.shown(what)
            woken = self.clock.now()
            self.console.call("wake")
            event = self.console.wait_event(("match", "reject", "timeout"), since=woken, timeout=DECISION_PATIENCE)
            opened = event is not None and event.name == "match"
            self.clock.wait_for(lambda: self._drawn_since(woken), BOLT_PATIENCE if opened else 0.15)
            drawn = self._drawn_since(woken)
        data = event.data if event is not None else {}
        return Attempt(
            what,
            shown.species,
            event.name if event is not None else "none",
            str(data.get("user", "")),
            str(data.get("reason", "")),
            drawn is not None,
            woken,
            shown.seen,
            drawn,
            shown.lux,
        )

    def touch(self) -> str:
        """Touch the lock with nobody before it, as at a presentation; return its decision, "none" without one."""
        self.close_bolt()
        self._presenter().clear()
        woken = self.clock.now()
        self.console.call("wake")
        event = self.console.wait_event(("match", "reject", "timeout"), since=woken, timeout=DECISION_PATIENCE)
        return event.name if event is not None else "none"

    def type_pin(self, pin: str) -> Done:
        """Type a PIN; ok when the contact on the bolt says that the door is open."""
        self.close_bolt()
        began = self.clock.now()
        said = str(self.console.call("keypad", digits=pin).get("result", ""))
        patience = BOLT_PATIENCE if said == "unlocked" else 0.15
        drawn = self.clock.wait_for(lambda: self._drawn_since(began), patience)
        end = drawn or self.clock.now()
        return Done(drawn is not None, said, len(pin) + 1, (end - began) / 1e9)

    # --- functions that the declaration lists

    def use_unlock_by_pin(self) -> Done:
        return self.type_pin(self.secret)

    def use_unlock_by_key(self) -> Done:
        self.close_bolt()
        began = self.clock.now()
        self.console.call("key")
        drawn = self.clock.wait_for(lambda: self._drawn_since(began), BOLT_PATIENCE)
        return Done(drawn is not None, "", 1)

    def use_unlock_by_face(self) -> Done:
        """Unlock with the owner's face, enrolling it first where that was not done yet."""
        if not self.has_face(self.owner):
            enrolment = self.enrol(self.owner, self._adult(), {"face": True})
            if not enrolment.enrolled:
                return Done(False, enrolment.said, enrolment.steps)
        tried = self.attempt(self._adult())
        return Done(tried.opened, tried.outcome, 1)

    def use_remote_record(self) -> Done:
        """An unlock by PIN is told to the cloud; whether it was is seen in the packets."""
        return self.type_pin(self.secret)

    def use_cloud_pictures(self) -> Done:
        return self.use_unlock_by_face()

    # --- sensors

    def prepare(self, sensor: str) -> None:
        """Enrol the owner's face: without one the lock has nothing to look for."""
        if not self.has_face(self.owner):
            self.enrol(self.owner, self._adult(), {"face": True})

    def stimulate(self, sensor: str) -> None:
        """Stand a known face before the lock and touch it."""
        with self._presenter().showing(self._adult()):
            self.console.call("wake")
            self.clock.sleep(8.0)

    # --- erasure

    def ways_to_erase(self) -> Sequence[str]:
        return ("delete-user", "delete-account", "factory-reset")

    def plant(self, way: str) -> Mapping[str, str | bytes]:
        """Add a user with name, PIN and face; for the account and the reset the owner's own as well."""
        name, pin = f"Guest-{self.token[:8]}-{way[:3]}", "".join(str(secrets.randbelow(10)) for _ in range(7))
        subject = self._adult(1)
        self.add_user(name, 30, pin)
        self.enrol(name, subject, {"face": True})
        with self._presenter().showing(subject):
            picture = self.preview()
        planted: dict[str, str | bytes] = {f"name of {way} guest": name}
        if picture is not None:
            planted[f"face of {way} guest"] = picture
        self._planted = {f"name of {way} guest": name, f"face of {way} guest": subject, f"pin of {way} guest": pin}
        planted[f"pin of {way} guest"] = pin
        return planted

    def still_there(self, planted: str) -> bool:
        value = self._planted[planted]
        if planted.startswith("pin"):
            return self.type_pin(value).ok
        if planted.startswith("face"):
            return self.attempt(value).opened
        self.companion.open("/users")
        return value in self.companion.screen(picture=False).text or any(
            control.label == value for control in self.companion.screen(picture=False).controls
        )

    def erase_by_delete_user(self) -> Done:
        name = next(value for key, value in self._planted.items() if key.startswith("name"))
        return self.delete_user(name)

    def erase_by_delete_account(self) -> Done:
        return self.walk.follow(("Settings", "Privacy", "Cancel account"))

    def seen_by_new_owner(self, planted: Mapping[str, str | bytes]) -> Sequence[str]:
        """Set the lock up as somebody else where it asks for that, and look at the list of users."""
        mine, self.owner = self.owner, f"Second-{self.token[:6]}"
        try:
            self.companion.forget()
            self.first_use({})
            self.companion.open("/users")
            screen = self.companion.screen(picture=False)
            seen = screen.text + " ".join(control.label for control in screen.controls)
        finally:
            self.owner = mine
        return [name for name, value in planted.items() if isinstance(value, str) and value in seen]

    # --- authentication

    def log_in(self, mechanism: str, secret: str) -> Done:
        if mechanism == "pin":
            return self.type_pin(secret)
        attempt = self._lan_login(secret)
        return Done(attempt == 200, str(attempt))

    def guess(self, mechanism: str, secret: str) -> bool:
        if mechanism == "pin":
            return self.type_pin(secret).said != "refused"
        return self._lan_login(secret) not in (429, 423, 403)

    def secret_of(self, mechanism: str) -> str:
        return self.secret

    def _lan_login(self, secret: str) -> int:
        interface = next(each for each in self.declaration.interfaces if each.protocol == "https")
        lan = Lan(self.access.role("uplink").device_address(), self.clock)
        with self.clock.realtime():
            return lan.http("GET", "/state", port=interface.port or 443, auth=("owner", secret), tls=True).status

    # --- state

    def condition(self) -> Mapping[str, Any]:
        status = self.console.call("status")
        return {"state": status.get("state"), "bolt": self.bolt_thrown()}

    def no_less_safe(self, before: Mapping[str, Any]) -> bool:
        now = self.condition()
        return now["state"] == before["state"] and (now["bolt"] or not before["bolt"])

    # --- stimuli

    def _adult(self, number: int = 0) -> str:
        return SUBJECTS[number]
