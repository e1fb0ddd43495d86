"""What the owner decided, kept in the flash: set-up, consents, permissions. Good behaviour; variants replace one."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from pytest_conformance.simulation.companion import CHINESE, ENGLISH, rules_text
from pytest_conformance.simulation.companion.screen import Paragraph
from pytest_conformance.simulation.devices.base import Behaviour, Device
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.spec import KindSpec
from pytest_conformance.simulation.devices.ui import Panel
from pytest_conformance.simulation.farend import Json

RULES = "privacy_rules"
"""The scope of agreeing to the processing rules as a whole."""


class Kept(Behaviour):
    """A behaviour with a JSON record of its own in the flash."""

    record: ClassVar[str] = ""

    def load(self) -> dict[str, Any]:
        raw = self.device.get(Storage).get(self.record)
        return dict(json.loads(raw)) if raw else {}

    def save(self, content: Mapping[str, Any]) -> None:
        self.device.get(Storage).put(self.record, json.dumps(dict(content)).encode())


class Spec(Behaviour):
    """Holds the kind's words, so that other behaviours find them."""

    slot = "spec"
    spec: ClassVar[KindSpec]

    @classmethod
    def of(cls, spec: KindSpec) -> type[Spec]:
        """Return a behaviour class for `spec`."""
        return type("Spec", (cls,), {"spec": spec, "__doc__": cls.__doc__})


class Rules(Behaviour):
    """Shows the processing rules on the device itself in factory state, before it collects anything, and in the app."""

    slot = "rules"
    on_device: ClassVar[bool] = True
    in_app: ClassVar[bool] = True
    left_out: ClassVar[tuple[str, ...]] = ()

    def start(self) -> None:
        if self.on_device and not self.device.get(Owner).is_set_up:
            text = "\n".join(each.text for each in self.text())
            self.device.get(Panel).show("rules", "个人信息处理规则 / Processing rules", text)

    def text(self) -> tuple[Paragraph, ...]:
        return rules_text(self.device.get(Spec).spec.rules, self.left_out)


class Owner(Kept):
    """The owner and the secret that he chose, kept as scrypt hash."""

    slot = "owner"
    record = "owner"

    @property
    def is_set_up(self) -> bool:
        return bool(self.load())

    @property
    def name(self) -> str:
        return str(self.load().get("name", ""))

    def set_up(self, name: str, secret: str) -> None:
        self.save({"name": name, "secret": self.hashed(secret)})
        self.device.log("set-up")

    def change(self, old: str, new: str) -> bool:
        """Change the secret; False when `old` is wrong or `new` too short."""
        if not self.knows(old) or len(new) < 6:
            return False
        self.save({**self.load(), "secret": self.hashed(new)})
        return True

    def knows(self, secret: str) -> bool:
        """Tell whether `secret` is the owner's."""
        kept = str(self.load().get("secret", ""))
        return bool(kept) and hmac.compare_digest(kept, self.hashed(secret))

    def hashed(self, secret: str) -> str:
        return hashlib.scrypt(secret.encode(), salt=self.device.key[:16], n=1024, r=8, p=1).hex()

    def forget(self) -> None:
        self.device.get(Storage).drop(self.record)

    def status(self) -> Mapping[str, Json]:
        return {"state": "set-up" if self.is_set_up else "factory"}


class Consents(Kept):
    """Consents by scope; nothing is given until somebody gave it. Withdrawing one tells those who listen."""

    slot = "consents"
    record = "consents"

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._on_withdrawal: dict[str, list[Callable[[], None]]] = {}

    def given(self, scope: str) -> bool:
        return bool(self.load().get(scope, False))

    def give(self, scope: str) -> None:
        self.save({**self.load(), scope: True})
        self.device.log("consent", scope=scope, given=True)

    def withdraw(self, scope: str) -> None:
        self.save({**self.load(), scope: False})
        self.device.log("consent", scope=scope, given=False)
        for act in self._on_withdrawal.get(scope, []):
            act()

    def when_withdrawn(self, scope: str, act: Callable[[], None]) -> None:
        """Call `act` whenever `scope` is withdrawn."""
        self._on_withdrawal.setdefault(scope, []).append(act)


class Permissions(Kept):
    """A switch for each sensor: off means that nothing is sensed; the switch survives a power cut."""

    slot = "permissions"
    record = "permissions"
    shown: ClassVar[bool] = True
    """False: neither app nor device has a control."""

    def may_sense(self, sensor: str) -> bool:
        """Tell whether the switch lets `sensor` sense; what sensors ask, while `switched_on` is what people see."""
        return self.switched_on(sensor)

    def switched_on(self, sensor: str) -> bool:
        """Tell what the switch of `sensor` says."""
        return bool(self.load().get(sensor, self._spec(sensor).default_on))

    def allowed(self, sensor: str) -> bool:
        """Tell whether `sensor` may sense now: switched on, and its consent given."""
        return self.may_sense(sensor) and self.device.get(Consents).given(self._spec(sensor).consent)

    def switch(self, sensor: str, on: bool) -> None:
        self.save({**self.load(), sensor: on})
        if not on:
            self.device.sense(sensor, False)

    def _spec(self, sensor: str) -> Any:
        for each in self.device.get(Spec).spec.sensors:
            if each.name == sensor:
                return each
        raise KeyError(sensor)


def plain(text: tuple[str, str]) -> tuple[Paragraph, Paragraph]:
    """Return (Chinese, English) as two paragraphs."""
    return Paragraph(text[0], CHINESE, "notice"), Paragraph(text[1], ENGLISH, "notice")
