"""Known-bad behaviours that any kind of device can have: rules, consents, permissions, cloud, erasure, secrets, ports.

What only a lock, a camera or a wearable can do wrong lives with that kind.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from pytest_conformance.simulation.devices import bad_boot  # noqa: F401  (registers its variants for every kind)
from pytest_conformance.simulation.devices.base import Boot, Device
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.erasing import Erasing
from pytest_conformance.simulation.devices.known_bad import ANY, known_bad
from pytest_conformance.simulation.devices.lanport import LanPort
from pytest_conformance.simulation.devices.owner import RULES, Consents, Owner, Permissions, Rules, Spec

TRACKER = "stats.tracker.example"
"""A host of the simulated internet that no declaration names."""

# --- rules


@known_bad("no-rules-on-device", kind=ANY, slot="rules", breaks=["CN-PIC25-3.a", "CN-MIIT2510-V1"])
class NoRulesOnDevice(Rules):
    """Shows its processing rules in the app only, nothing on the device itself."""

    on_device = False


@known_bad("rules-app-missing", kind=ANY, slot="rules", breaks=["CN-MIIT2510-V1"])
class NoRulesInApp(Rules):
    """Asks in the app to agree to rules that are not there."""

    in_app = False


@known_bad("rules-name-nobody", kind=ANY, slot="rules", breaks=["CN-PIC25-3.a", "CN-MIIT2510-V1"])
class RulesNameNobody(Rules):
    """Has rules that do not say who processes the data, nor what for."""

    left_out = ("processor", "contact", "purpose")


# --- consents and permissions


@known_bad(
    "uploads-while-declined",
    kind=ANY,
    slot="consents",
    breaks=["CN-PIC25-3.g", "CN-MIIT2510-V3", "CN-FRT-8.a", "CN-FRT-8.b"],
)
class UploadsWhileDeclined(Consents):
    """Uses the cloud, once the rules were agreed to, whether or not its own consent was given."""

    def given(self, scope: str) -> bool:
        return super().given(scope) or (_for_cloud(self.device, scope) and super().given(RULES))


@known_bad("uploads-after-withdrawal", kind=ANY, slot="consents", breaks=["CN-PIC25-3.g"])
class UploadsAfterWithdrawal(Consents):
    """Goes on using the cloud after its consent was withdrawn."""

    def withdraw(self, scope: str) -> None:
        if not _for_cloud(self.device, scope):
            super().withdraw(scope)


@known_bad("switch-lies", kind=ANY, slot="permissions", breaks=["CN-MIIT2510-V4", "CN-STD-38632-ind"])
class SwitchLies(Permissions):
    """Shows a sensor as switched off and goes on sensing."""

    def may_sense(self, sensor: str) -> bool:
        return True

    def switch(self, sensor: str, on: bool) -> None:
        self.save({**self.load(), sensor: on})


@known_bad("no-sensor-switch", kind=ANY, slot="permissions", breaks=["CN-MIIT2510-V4", "CN-STD-38632-ind"])
class NoSensorSwitch(Permissions):
    """Has no control for its sensors anywhere."""

    shown = False


@known_bad("switch-forgets", kind=ANY, slot="permissions", breaks=["CN-MIIT2510-V4"])
class SwitchForgets(Permissions):
    """Senses again after a power cut although it was switched off."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._switches: dict[str, Any] = {}

    def load(self) -> dict[str, Any]:
        return dict(self._switches)

    def save(self, content: Mapping[str, Any]) -> None:
        self._switches = dict(content)


# --- the line to the cloud


@known_bad("accepts-any-certificate", kind=ANY, slot="cloud", breaks=["EN303645-5.5-1", "EN303645-5.8-2"])
class AcceptsAnyCertificate(CloudLink):
    """Speaks TLS with whoever answers, whatever the certificate says."""

    verify = False


@known_bad("accepts-any-host", kind=ANY, slot="cloud", breaks=["EN303645-5.5-1", "EN303645-5.8-2"])
class AcceptsAnyHost(CloudLink):
    """Speaks TLS with whoever shows a certificate of an authority that it trusts, in whatever name."""

    checks_name = False


@known_bad(
    "speaks-in-clear",
    kind=ANY,
    slot="cloud",
    breaks=["EN303645-5.1-3", "EN303645-5.5-1", "EN303645-5.8-2", "CN-MIIT2510-V3", "CN-MIIT2510-V6"],
)
class SpeaksInClear(CloudLink):
    """Sends its requests to the cloud without encryption."""

    encrypted = False


@known_bad("undeclared-endpoint", kind=ANY, slot="cloud", breaks=["CN-MIIT2510-V3"])
class UndeclaredEndpoint(CloudLink):
    """Sends its model and uptime to a host that nobody declared."""

    def beat(self) -> None:
        super().beat()
        if self.may_speak():
            told = {"model": self.device.get(Spec).spec.model, "uptime": self.device.uptime_ms}
            self.request("POST", "/collect", json.dumps(told).encode(), host=TRACKER)


@known_bad("tells-a-tracker-who-owns-it", kind=ANY, slot="cloud", breaks=["CN-MIIT2510-V6"])
class TellsTracker(CloudLink):
    """Tells a host that nobody declared the name of its owner."""

    def open_account(self, name: str) -> None:
        super().open_account(name)
        self.request("POST", "/collect", json.dumps({"who": name}).encode(), host=TRACKER, sender="phone")


# --- erasure


@known_bad("keeps-after-erase", kind=ANY, slot="erasing", breaks=["CN-PIPL-47.a", "EN303645-5.11-1"])
class KeepsAfterErase(Erasing):
    """Says that the account is cancelled and keeps what it brought; the next owner finds it."""

    def cancel_account(self) -> None:
        self.device.get(CloudLink).close_account()
        self.device.get(Owner).forget()
        self.device.get(Storage).drop(Consents.record)
        self.device.log("account-cancelled")


@known_bad("sends-after-deletion", kind=ANY, slot="erasing", breaks=["CN-PIPL-47.a"])
class SendsAfterDeletion(Erasing):
    """Goes on telling the cloud the name of an owner whose account was cancelled."""

    def cancel_account(self) -> None:
        told = json.dumps({"last_owner": self.device.get(Owner).name}).encode()
        super().cancel_account()

        def tell() -> None:
            self.device.get(CloudLink).request("POST", "/v1/sync", told)

        self.device.every(45.0, tell)


# --- secrets and ports


@known_bad("old-secret-still-works", kind=ANY, slot="owner", breaks=["EN303645-5.1-4"])
class OldSecretStillWorks(Owner):
    """Takes a new secret and goes on taking the old one."""

    def change(self, old: str, new: str) -> bool:
        before = self.load()
        if not super().change(old, new):
            return False
        self.save({**self.load(), "before": before["secret"]})
        return True

    def knows(self, secret: str) -> bool:
        return super().knows(secret) or self.load().get("before") == self.hashed(secret)


@known_bad("secret-cannot-be-changed", kind=ANY, slot="owner", breaks=["EN303645-5.1-4"])
class SecretCannotBeChanged(Owner):
    """Has a way to change the secret that never does."""

    def change(self, old: str, new: str) -> bool:
        return False


@known_bad("no-network-lockout", kind=ANY, slot="lan", breaks=["EN303645-5.1-5"])
class NoNetworkLockout(LanPort):
    """Looks at any number of wrong passwords on its local port."""

    def wrong(self) -> None:
        """Count nothing."""


@known_bad("power-cut-ends-lockout", kind=ANY, slot="lan", breaks=["EN303645-5.1-5"])
class PowerCutEndsLockout(LanPort):
    """Forgets its lock-out when power goes."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._state: dict[str, Any] = {}

    def load(self) -> dict[str, Any]:
        return dict(self._state)

    def save(self, content: Mapping[str, Any]) -> None:
        self._state = dict(content)


@known_bad("universal-password", kind=ANY, slot="lan", breaks=["EN303645-5.1-1"])
class UniversalPassword(LanPort):
    """Takes the password of the supplier's service on every unit."""

    def right(self, password: str) -> bool:
        return password == "admin123" or super().right(password)


@known_bad("open-telnet", kind=ANY, slot="lan", breaks=["EN303645-5.6-1", "EN303645-5.1-1"])
class OpenTelnet(LanPort):
    """Leaves the log-in prompt of its development builds open."""

    also = (2323,)


# --- power and network


@known_bad("slow-to-recover", kind=ANY, slot="boot", breaks=["EN303645-5.9-2"])
class SlowToRecover(Boot):
    """Needs 28 s after the return of power."""

    seconds = 28.0


def _for_cloud(device: Device, scope: str) -> bool:
    """Tell whether data go to the cloud under `scope`."""
    with contextlib.suppress(KeyError):
        return device.get(Spec).spec.consent(scope).cloud
    return False
