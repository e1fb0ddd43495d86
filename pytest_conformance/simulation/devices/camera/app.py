"""The camera's part of the companion app: pairing at set-up, live view, the camera's name, recordings in the cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pytest_conformance.simulation.companion import AppScreen, Button, Control, Link, Session, TextInput
from pytest_conformance.simulation.companion.flows import live_screen
from pytest_conformance.simulation.devices.base import Device
from pytest_conformance.simulation.devices.camera.labels import Label
from pytest_conformance.simulation.devices.camera.recording import COLLECTION
from pytest_conformance.simulation.devices.camera.streams import LocalPages, Logins
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.owner import Kept
from pytest_conformance.simulation.devices.phone import AppPages

SHORTEST = 8
"""Characters of the shortest password that the camera takes."""


class Room(Kept):
    """The name that the owner gave the camera."""

    slot = "room"
    record = "room"

    @property
    def name(self) -> str:
        return str(self.load().get("name", ""))

    def rename(self, name: str) -> None:
        self.save({"name": name})


class CameraPages(AppPages):
    """Set-up asks for the label's pairing password and for a password of the owner's own choice."""

    shortest: ClassVar[int] = SHORTEST

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.home_links[:0] = [
            Link("Live view", "/live", "实时查看"),
            Link("Name of the camera", "/name", "摄像机名称"),
            Link("Recordings", "/recordings", "云端录像"),
        ]
        on = self.routes.on
        on("/", self._home)
        on("/live", self._live)
        on("/name", self._name_screen, self._name)
        on("/recordings", self._recordings)

    # --- first use

    def weakness(self, name: str, secret: str) -> str:
        if len(secret) < self.shortest:
            return f"The password must have at least {self.shortest} characters."
        return super().weakness(name, secret)

    def _set_up_screen(self, session: Session) -> AppScreen:
        screen = super()._set_up_screen(session)
        pairing: Control = TextInput("Pairing password", "pairing", kind="password", note="标签上的配对密码")
        return AppScreen(screen.path, screen.title, screen.paragraphs, (pairing, *screen.controls))

    def _set_up(self, session: Session, form: Mapping[str, str]) -> str:
        if not self.device.get(Label).right(form.get("pairing", "")):
            session.facts["problem"] = "The pairing password is wrong. It is on the label of the camera."
            return "/set-up"
        after = super()._set_up(session, form)
        if "problem" not in session.facts:
            self.device.get(Logins).keep(form["secret"])
        return after

    def _change(self, session: Session, form: Mapping[str, str]) -> str:
        if self.weakness("-", form.get("new", "")):
            return "/not-changed"
        after = super()._change(session, form)
        if after == "/changed":
            self.device.get(Logins).keep(form["new"])
        return after

    # --- home

    def _home(self, session: Session) -> AppScreen:
        room = self.device.get(Room).name
        return AppScreen("/", self.spec.spec.model, (room,) if room else (), tuple(self.home_links))

    def _live(self, session: Session) -> AppScreen:
        shown = self.device.get(LocalPages).snapshot()
        return live_screen(shown[1] if shown is not None else None)

    def _name_screen(self, session: Session) -> AppScreen:
        controls: tuple[Control, ...] = (
            TextInput("Camera name", "name", self.device.get(Room).name, note="名称"),
            Button("Save", "save", "保存", primary=True),
            Link("Back", "/", "返回"),
        )
        return AppScreen("/name", "Name of the camera", (), controls)

    def _name(self, session: Session, form: Mapping[str, str]) -> str:
        self.device.get(Room).rename(form.get("name", "")[:60])
        return "/"

    def _recordings(self, session: Session) -> AppScreen:
        """List what the account holds in the cloud; the phone asks the cloud for it."""
        account = self.device.get(CloudLink).account
        mine = [
            each
            for each in self.world.cloud.store.stored()
            if each.owner == account and each.path.startswith(f"/v1/{COLLECTION}/")
        ]
        return AppScreen("/recordings", "Recordings", (f"{len(mine)} recordings",), (Link("Back", "/", "返回"),))
