"""The lock's part of the companion app: users, enrolment with its consents, deletion."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_conformance.simulation.companion import (
    AppScreen,
    Button,
    Control,
    Link,
    Member,
    Session,
    TextInput,
    guardian_screen,
    member_screen,
    members_screen,
)
from pytest_conformance.simulation.devices.base import Device, verb
from pytest_conformance.simulation.devices.lock.enrolment import Enrolment
from pytest_conformance.simulation.devices.lock.users import OWNER, Users
from pytest_conformance.simulation.devices.lock.words import GUARDIAN_CODE
from pytest_conformance.simulation.devices.owner import Consents
from pytest_conformance.simulation.devices.phone import AppPages
from pytest_conformance.simulation.farend import Json


class LockPages(AppPages):
    """Users by number; the owner is number 1."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.home_links.insert(0, Link("Users", "/users", "用户"))
        on, below = self.routes.on, self.routes.below
        on("/users", self._users)
        on("/users-add", self._add_screen, self._add)
        below("/users/", self._user, self._touch_user)
        on("/consent/guardian_face", self._guardian, self._guardian_answer)
        on("/pin", self._change_screen, self._change)

    def weakness(self, name: str, secret: str) -> str:
        if not (secret.isdigit() and 6 <= len(secret) <= 8):
            return "The PIN must have 6 to 8 digits."
        return super().weakness(name, secret)

    # --- users

    def _member(self, user: str) -> Member:
        users = self.device.get(Users)
        name = "Owner" if user == OWNER else str(users.load(user).get("name", ""))
        return Member(user, name, users.has_face(user), users.is_child(user))

    def _users(self, session: Session) -> AppScreen:
        ids = [OWNER, *self.device.get(Users).ids()]
        return members_screen([self._member(each) for each in ids])

    def _add_screen(self, session: Session) -> AppScreen:
        controls: tuple[Control, ...] = (
            TextInput("Name", "name", note="姓名"),
            TextInput("Age", "age", kind="number", note="年龄"),
            TextInput("PIN", "pin", kind="password", note="密码"),
            Button("Save", "save", "保存", primary=True),
            Link("Back", "/users", "返回"),
        )
        return AppScreen("/users-add", "Add user", (), controls)

    def _add(self, session: Session, form: Mapping[str, str]) -> str:
        age = form.get("age", "")
        user = self.device.get(Users).add(form.get("name", ""), int(age) if age.isdigit() else 0, form.get("pin", ""))
        return f"/users/{user}"

    def _user(self, user: str, session: Session) -> AppScreen | None:
        if user != OWNER and user not in self.device.get(Users).ids():
            return None
        screen = member_screen(self._member(user), delete=user != OWNER)
        if user == OWNER:
            extra = Link("Change PIN", "/pin", "修改密码")
            return AppScreen(screen.path, screen.title, screen.paragraphs, (*screen.controls, extra))
        return screen

    def _touch_user(self, user: str, session: Session, form: Mapping[str, str]) -> str:
        press, here = form.get("press", ""), f"/users/{user}"
        if press == "enrol":
            return self._enrol(user, session, here)
        if press == "withdraw":
            self._withdraw(user)
        elif press == "delete" and user != OWNER:
            self.device.get(Users).delete(user)
            return "/users"
        return here

    def _withdraw(self, user: str) -> None:
        """Forget the face of `user`; the consent goes with a child's face, or with the last face of an adult."""
        users = self.device.get(Users)
        users.drop_face(user)
        if users.is_child(user):
            self.device.get(Consents).withdraw("guardian_face")
        elif not any(users.has_face(each) for each in (OWNER, *users.ids()) if not users.is_child(each)):
            self.device.get(Consents).withdraw("face")

    # --- enrolment

    def _enrol(self, user: str, session: Session, here: str) -> str:
        enrolment = self.device.get(Enrolment)
        if enrolment.allowed(user):
            enrolment.begin(user)
            return here
        session.facts["enrol"] = user
        session.facts["then"] = here
        return f"/consent/{enrolment.needs(user)}"

    def answer_consent(self, scope: str, session: Session, form: Mapping[str, str]) -> str:
        after = super().answer_consent(scope, session, form)
        return self._go_on(session, after)

    def _go_on(self, session: Session, after: str) -> str:
        user = str(session.facts.pop("enrol", ""))
        if not user:
            return after
        self.device.get(Enrolment).begin(user)
        return f"/users/{user}"

    def _guardian(self, session: Session) -> AppScreen:
        return guardian_screen(path="/consent/guardian_face", problem=str(session.facts.pop("problem", "")))

    def _guardian_answer(self, session: Session, form: Mapping[str, str]) -> str:
        if form.get("press") == "confirm" and self.guardian_right(form.get("code", "")):
            self.device.get(Consents).give("guardian_face")
            return self._go_on(session, str(session.facts.pop("then", "/users")))
        if form.get("press") == "confirm":
            session.facts["problem"] = "The guardian code is wrong."
            return "/consent/guardian_face"
        session.facts.pop("enrol", None)
        return str(session.facts.pop("then", "/users"))

    @verb("guardian-code")
    def lend_code(self) -> Json:
        """The test build lends the code that the supplier's service would send to the guardian."""
        return {"code": GUARDIAN_CODE}

    def guardian_right(self, code: str) -> bool:
        """Tell whether `code` proves that a guardian agrees."""
        return code == GUARDIAN_CODE
