"""The guardian's app of the watch: where the child is, the profile, controls, pairing."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pytest_conformance.simulation.companion import (
    AppScreen,
    Button,
    Control,
    Link,
    Session,
    Switch,
    TextInput,
    message_screen,
)
from pytest_conformance.simulation.devices.base import Device
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.phone import AppPages
from pytest_conformance.simulation.devices.watch.child import Child
from pytest_conformance.simulation.devices.watch.guardian import APPS, Controls, Use
from pytest_conformance.simulation.devices.watch.radio import Radio

BACK = Link("Back", "/", "返回")


class WatchPages(AppPages):
    """Only the guardian has the app; the child has the watch."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.home_links[:0] = [
            Link("Where is my child", "/where", "孩子在哪里"),
            Link("Messages", "/messages", "语音消息"),
            Link("Child", "/child", "孩子资料"),
            Link("Guardian controls", "/guardian", "监护功能"),
        ]
        on = self.routes.on
        on("/where", self._where)
        on("/messages", self._messages)
        on("/child", self._child, self._describe)
        on("/guardian", self._guardian)
        on("/guardian/time", self._time, self._set_time)
        on("/guardian/apps", self._apps, self._set_app)
        on("/guardian/spending", self._spending, self._set_spending)
        on("/settings/watch", self._watch, self._pair_again)

    def weakness(self, name: str, secret: str) -> str:
        if not (secret.isdigit() and len(secret) == 6):
            return "The PIN must have 6 digits."
        return super().weakness(name, secret)

    def _settings(self, session: Session) -> AppScreen:
        screen = super()._settings(session)
        return AppScreen(
            screen.path, screen.title, screen.paragraphs, (Link("Watch", "/settings/watch", "手表"), *screen.controls)
        )

    # --- what the cloud knows

    def _stored(self, kind: str) -> list[bytes]:
        """Return what the cloud holds of `kind` under this guardian's account, oldest first."""
        account = self.device.get(CloudLink).account
        return [
            item.body
            for item in self.world.cloud.store.stored()
            if item.owner == account and item.path.startswith(f"/v1/{kind}/")
        ]

    def _where(self, session: Session) -> AppScreen:
        found = self._stored("location") if self.world.net.up.value else []
        if not found:
            return message_screen("/where", "Where is my child", ("No position is known.",))
        place = json.loads(found[-1])
        return message_screen("/where", "Where is my child", (f"Last seen at {place['lat']}, {place['lon']}",))

    def _messages(self, session: Session) -> AppScreen:
        count = len(self._stored("voice_message")) if self.world.net.up.value else 0
        return message_screen("/messages", "Messages", (f"{count} voice messages",))

    # --- the child

    def _child(self, session: Session) -> AppScreen:
        child = self.device.get(Child)
        controls: tuple[Control, ...] = (
            TextInput("Name", "name", child.name, note="姓名"),
            TextInput("Age", "age", child.age, kind="number", note="年龄"),
            Button("Save", "save", "保存", primary=True),
            BACK,
        )
        return AppScreen("/child", "Child", (child.name,) if child.name else (), controls)

    def _describe(self, session: Session, form: Mapping[str, str]) -> str:
        self.device.get(Child).describe(form.get("name", "")[:40], form.get("age", ""))
        return "/child"

    # --- controls

    def guardian_links(self) -> tuple[Link, ...]:
        """Return what the guardian can control."""
        return (
            Link("Time", "/guardian/time", "时间"),
            Link("Apps", "/guardian/apps", "应用"),
            Link("Spending", "/guardian/spending", "消费"),
        )

    def _guardian(self, session: Session) -> AppScreen:
        return AppScreen("/guardian", "Guardian controls", (), (*self.guardian_links(), BACK))

    def _time(self, session: Session) -> AppScreen:
        used = f"Used today: {self.device.get(Use).used_seconds() // 60} min"
        minutes = self.device.get(Controls).minutes()
        controls = (TextInput("Minutes a day", "minutes", str(minutes), "number"), Button("Save", "save", "保存"), BACK)
        return AppScreen("/guardian/time", "Time", (used,), controls)

    def _set_time(self, session: Session, form: Mapping[str, str]) -> str:
        self.device.get(Controls).set_minutes(_number(form.get("minutes", "")))
        return "/guardian/time"

    def _apps(self, session: Session) -> AppScreen:
        allowed = self.device.get(Controls).allowed
        switches = [Switch(label, name, allowed(name)) for name, label in APPS.items()]
        return AppScreen("/guardian/apps", "Apps", (), (*switches, BACK))

    def _set_app(self, session: Session, form: Mapping[str, str]) -> str:
        for name in APPS:
            if name in form:
                self.device.get(Controls).allow(name, form[name] == "on")
        return "/guardian/apps"

    def _spending(self, session: Session) -> AppScreen:
        spent = f"Spent this month: {self.device.get(Use).spent()}"
        budget = self.device.get(Controls).budget()
        controls = (TextInput("Limit a month", "limit", str(budget), "number"), Button("Save", "save", "保存"), BACK)
        return AppScreen("/guardian/spending", "Spending", (spent,), controls)

    def _set_spending(self, session: Session, form: Mapping[str, str]) -> str:
        self.device.get(Controls).set_budget(_number(form.get("limit", "")))
        return "/guardian/spending"

    # --- the watch

    def _watch(self, session: Session) -> AppScreen:
        return AppScreen("/settings/watch", "Watch", (), (Button("Pair again", "pair", "重新配对"), BACK))

    def _pair_again(self, session: Session, form: Mapping[str, str]) -> str:
        radio = self.device.get(Radio)
        radio.reset()
        radio.show_code()
        return "/settings/watch"


def _number(text: str) -> int:
    return min(int(text), 1_000_000) if text.isascii() and text.isdigit() and len(text) < 9 else 0
