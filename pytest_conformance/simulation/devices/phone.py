"""The companion app of a simulated device: first use, home, settings; kinds add screens of their own.

The app runs on the phone. It reaches the device while that is powered; what the device keeps, the app only shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from pytest_conformance.simulation.companion import (
    AppScreen,
    Button,
    Control,
    Link,
    Routes,
    Session,
    Switch,
    TextInput,
    confirm_screen,
    consent_screen,
    home_screen,
    message_screen,
    rules_screen,
)
from pytest_conformance.simulation.companion.flows import ConsentStyle
from pytest_conformance.simulation.devices.base import Behaviour, Device
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.owner import RULES, Consents, Owner, Permissions, Rules, Spec, plain
from pytest_conformance.simulation.devices.spec import ConsentSpec


class PhoneApp:
    """The app as `world.app` holds it: passes every call to the device's app behaviour while there is one."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def screen(self, path: str, session: Session) -> AppScreen | None:
        with self._device.lock:
            pages = self._pages()
            return pages.routes.screen(path, session) if pages else _away(path)

    def submit(self, path: str, session: Session, form: Mapping[str, str]) -> str:
        with self._device.lock:
            pages = self._pages()
            return pages.routes.submit(path, session, form) if pages else path

    def _pages(self) -> AppPages | None:
        try:
            return self._device.get(AppPages)
        except LookupError:
            return None


def _away(path: str) -> AppScreen:
    return message_screen(path, "Device not reachable", ("The device does not answer. Is it powered?",), status=503)


class AppPages(Behaviour):
    """First use (rules, set-up, consents), home, settings; consents as the style says: separate and unticked."""

    slot = "app"
    style: ClassVar[ConsentStyle] = ConsentStyle()
    control_for_sensors: ClassVar[bool] = True
    bound_by_rules: ClassVar[bool] = True
    """False: the app asks for set-up without having shown rules."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.routes = Routes(self.gate)
        self.home_links: list[Link] = [Link("Settings", "/settings", "设置")]
        self.privacy_links: list[Link] = []
        self._build()

    @property
    def spec(self) -> Spec:
        return self.device.get(Spec)

    @property
    def _scopes(self) -> tuple[str, ...]:
        return (RULES, *(each.scope for each in self.spec.spec.consents))

    # --- first use

    def gate(self, path: str, session: Session) -> AppScreen | None:
        """Keep a person at the first-use screens until the device is set up, and away from set-up afterwards."""
        if self.device.get(Owner).is_set_up:
            return self.routes.screen("/", session) if path == "/set-up" else None
        if path in ("/rules", "/declined"):
            return None
        agreed = self.device.get(Consents).given(RULES) or not self.bound_by_rules
        return self._set_up_screen(session) if agreed else self._rules_screen(session)

    def _rules_screen(self, session: Session) -> AppScreen:
        first = not self.device.get(Owner).is_set_up
        rules = self.device.get(Rules)
        return rules_screen(rules.text() if rules.in_app else (), first_run=first)

    def _answer_rules(self, session: Session, form: Mapping[str, str]) -> str:
        if form.get("press") != "agree":
            return "/declined"
        self.device.get(Consents).give(RULES)
        return "/set-up"

    def _set_up_screen(self, session: Session) -> AppScreen:
        problem = session.facts.pop("problem", "")
        controls: tuple[Control, ...] = (
            TextInput("Name", "name", note="姓名"),
            TextInput("Secret", "secret", kind="password", note="密码"),
            Button("Save", "save", "保存", primary=True),
        )
        return AppScreen("/set-up", "Set up", (problem,) if problem else (), controls)

    def _set_up(self, session: Session, form: Mapping[str, str]) -> str:
        problem = self.weakness(form.get("name", ""), form.get("secret", ""))
        if problem:
            session.facts["problem"] = problem
            return "/set-up"
        self.device.get(Owner).set_up(form["name"], form["secret"])
        session.person = form["name"]
        self.device.get(CloudLink).open_account(form["name"])
        return self._next_consent(session)

    def weakness(self, name: str, secret: str) -> str:
        """Say what is wrong with a name or secret that was chosen; "" when nothing is."""
        if not name:
            return "Please enter a name."
        return "" if len(secret) >= 6 else "The secret must have at least 6 characters."

    def _next_consent(self, session: Session) -> str:
        asked = session.facts.setdefault("asked", [])
        for each in self.spec.spec.consents:
            if each.at_set_up and each.scope not in asked:
                asked.append(each.scope)
                return f"/consent/{each.scope}"
        return "/"

    # --- consents

    def consent_page(self, scope: str, session: Session) -> AppScreen | None:
        """Return the screen that asks for `scope`."""
        try:
            consent = self.spec.spec.consent(scope)
        except KeyError:
            return None
        return consent_screen(
            f"/consent/{scope}",
            consent.title,
            plain(consent.notice),
            consent.box[1],
            style=self.style,
            box_note=consent.box[0],
        )

    def answer_consent(self, scope: str, session: Session, form: Mapping[str, str]) -> str:
        """Take the answer to `scope` and go on: to what asked for it, or to the next of first use."""
        if scope not in self._scopes:
            return "/"
        box = not self.style.box or form.get("consent") == "on"
        if form.get("press") == "continue" and box:
            self.device.get(Consents).give(scope)
            self.consented(scope)
            return str(session.facts.pop("then", "")) or self._next_consent(session)
        session.facts.pop("then", None)
        self.declined(scope)
        return self._next_consent(session)

    def consented(self, scope: str) -> None:
        """Called when `scope` was given: a sensor that waited for it is switched on."""
        for sensor in self.spec.spec.sensors:
            if sensor.consent == scope:
                self.device.get(Permissions).switch(sensor.name, True)

    def declined(self, scope: str) -> None:
        """Called when `scope` was declined."""

    # --- settings

    def _settings(self, session: Session) -> AppScreen:
        links = [
            Link("Sensors", "/settings/sensors", "传感器"),
            Link("Privacy", "/settings/privacy", "隐私"),
            Link("Security", "/settings/security", "安全"),
            Link("Back", "/", "返回"),
        ]
        return AppScreen("/settings", "Settings", (), tuple(links))

    def _sensors(self, session: Session) -> AppScreen:
        permissions = self.device.get(Permissions)
        switches = [
            Switch(each.label, each.name, permissions.switched_on(each.name) and self._may(each.consent))
            for each in self.spec.spec.sensors
            if self.control_for_sensors and permissions.shown
        ]
        return AppScreen("/settings/sensors", "Sensors", (), (*switches, Link("Back", "/settings", "返回")))

    def _may(self, scope: str) -> bool:
        return self.device.get(Consents).given(scope)

    def _touch_sensor(self, session: Session, form: Mapping[str, str]) -> str:
        for each in self.spec.spec.sensors:
            if each.name in form:
                return self.touch(each.name, form[each.name] == "on", session)
        return "/settings/sensors"

    def touch(self, sensor: str, on: bool, session: Session) -> str:
        """Act on a sensor's switch; switching on what needs a consent asks for it first."""
        scope = next(each.consent for each in self.spec.spec.sensors if each.name == sensor)
        if on and not self._may(scope):
            session.facts["then"] = "/settings/sensors"
            return f"/consent/{scope}"
        if not on and scope != RULES and self._on_sensor_page(scope):
            self.device.get(Consents).withdraw(scope)
        self.device.get(Permissions).switch(sensor, on)
        return "/settings/sensors"

    def _on_sensor_page(self, scope: str) -> bool:
        return any(each.scope == scope and each.page == "Sensors" for each in self.spec.spec.consents)

    def _privacy(self, session: Session) -> AppScreen:
        controls: list[Control] = [Link("Privacy rules", "/rules", "个人信息处理规则"), *self.privacy_links]
        controls += [self._consent_control(each) for each in self.spec.spec.consents if each.page == "Privacy"]
        controls += [Link("Cancel account", "/cancel-account", "注销账号"), Link("Back", "/settings", "返回")]
        return AppScreen("/settings/privacy", "Privacy", (), tuple(controls))

    def _consent_control(self, consent: ConsentSpec) -> Control:
        if self._may(consent.scope):
            return Button(consent.title, f"withdraw:{consent.scope}", "撤回")
        return Link(consent.title, f"/consent/{consent.scope}")

    def _touch_privacy(self, session: Session, form: Mapping[str, str]) -> str:
        verb, _, scope = form.get("press", "").partition(":")
        if verb == "withdraw" and scope in self._scopes:
            self.device.get(Consents).withdraw(scope)
        return "/settings/privacy"

    def _security(self, session: Session) -> AppScreen:
        links = (Link("Change password", "/change-secret", "修改密码"), Link("Back", "/settings", "返回"))
        return AppScreen("/settings/security", "Security", (), links)

    def _change_screen(self, session: Session) -> AppScreen:
        controls: tuple[Control, ...] = (
            TextInput("Old secret", "old", kind="password", note="旧密码"),
            TextInput("New secret", "new", kind="password", note="新密码"),
            Button("Save", "save", "保存", primary=True),
        )
        return AppScreen("/change-secret", "Change secret", (), controls)

    def _change(self, session: Session, form: Mapping[str, str]) -> str:
        changed = self.device.get(Owner).change(form.get("old", ""), form.get("new", ""))
        return "/changed" if changed else "/not-changed"

    def _cancel(self, session: Session, form: Mapping[str, str]) -> str:
        if form.get("press") != "confirm":
            return "/settings/privacy"
        from pytest_conformance.simulation.devices.erasing import Erasing

        self.device.get(Erasing).cancel_account()
        session.facts.clear()
        session.person = ""
        return "/"

    # --- routes

    def _build(self) -> None:
        on = self.routes.on
        on("/", lambda session: home_screen(self.spec.spec.model, tuple(self.home_links)))
        on("/rules", self._rules_screen, self._answer_rules)
        on("/declined", _said("/declined", "Declined", "The device works without the app; nothing was collected."))
        on("/set-up", self._set_up_screen, self._set_up)
        self.routes.below("/consent/", self.consent_page, self.answer_consent)
        on("/settings", self._settings)
        on("/settings/sensors", self._sensors, self._touch_sensor)
        on("/settings/privacy", self._privacy, self._touch_privacy)
        on("/settings/security", self._security)
        on("/change-secret", self._change_screen, self._change)
        on("/changed", _said("/changed", "Changed", "The secret was changed."))
        on("/not-changed", _said("/not-changed", "Not changed", "The old secret is wrong or the new one too short."))
        on(
            "/cancel-account",
            lambda session: confirm_screen(
                "/cancel-account", "Cancel the account and delete everything?", "注销账号？"
            ),
            self._cancel,
        )


def _said(path: str, title: str, text: str) -> Callable[[Session], AppScreen]:
    return lambda session: message_screen(path, title, (text,))
