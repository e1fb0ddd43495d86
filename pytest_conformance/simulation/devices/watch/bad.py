"""Known-bad watches: each is the good one with one behaviour swapped, named after what it does wrong.

Some bear the name of a variant of any kind (`bad_household`): the same fault as a watch can have it.
"""

from __future__ import annotations

from typing import Any

from pytest_conformance.simulation.cloud import Account, Action, OwnerPolicy
from pytest_conformance.simulation.companion import Link
from pytest_conformance.simulation.devices.base import Device, verb
from pytest_conformance.simulation.devices.known_bad import known_bad
from pytest_conformance.simulation.devices.owner import Consents, Permissions, Spec
from pytest_conformance.simulation.devices.ui import Panel
from pytest_conformance.simulation.devices.watch.app import WatchPages
from pytest_conformance.simulation.devices.watch.cloud import WatchService
from pytest_conformance.simulation.devices.watch.guardian import Controls, Filter, Use
from pytest_conformance.simulation.devices.watch.radio import Radio
from pytest_conformance.simulation.devices.watch.senses import HeartRate, Location, Microphone
from pytest_conformance.simulation.farend import Json

KIND = "wearable"


def once_given(device: Device, scope: str) -> bool:
    """Tell whether `scope` was ever consented to, withdrawn or not."""
    return scope in device.get(Consents).load()


# --- how often, how precisely, and when off


@known_bad("tracks-every-minute", kind=KIND, slot="location", breaks=["CN-PIC25-3.b"])
class TracksEveryMinute(Location):
    """Tells the cloud each minute where the child is, ten times as often as declared."""

    seconds = 60.0


@known_bad("pulse-every-ten-seconds", kind=KIND, slot="heart", breaks=["CN-PIC25-3.b"])
class PulseEveryTenSeconds(HeartRate):
    """Measures the pulse thirty times as often as declared."""

    seconds = 10.0


@known_bad("exact-coordinates", kind=KIND, slot="location", breaks=["CN-PIC25-3.c"])
class ExactCoordinates(Location):
    """Sends positions to the centimetre instead of a hundred metres."""

    places = 7


@known_bad("location-when-off", kind=KIND, slot="location", breaks=["CN-PIC25-3.b", "CN-PIC25-3.g", "CN-MIIT2510-V4"])
class LocationWhenOff(Location):
    """Goes on telling where the child is after location was switched off."""

    def may(self) -> bool:
        return once_given(self.device, self.name)


@known_bad(
    "voice-without-consent",
    kind=KIND,
    slot="microphone",
    breaks=["CN-PIPL-13.a", "CN-PIC25-3.b", "CN-PIC25-3.g", "CN-MIIT2510-V3", "CN-MIIT2510-V4", "CN-MIIT2510-V6"],
)
class VoiceWithoutConsent(Microphone):
    """Records and sends voice messages that nobody agreed to."""

    def may(self) -> bool:
        return True


# --- the service behind it


class AnyAccount(OwnerPolicy):
    """Whoever has an account reads everything."""

    def allows(self, action: Action, account: Account | None, owner: str) -> bool:
        return super().allows(action, account, owner) or (action == "read" and account is not None)


class Anybody(OwnerPolicy):
    """Whoever knows the address reads everything."""

    def allows(self, action: Action, account: Account | None, owner: str) -> bool:
        return super().allows(action, account, owner) or (action == "read" and account is None)


@known_bad("cloud-open-to-strangers", kind=KIND, slot="backend", breaks=["CN-CPI-18"])
class OpenToStrangers(WatchService):
    """Gives a child's data to any account that asks for the right number."""

    policy = AnyAccount()


@known_bad("profile-without-login", kind=KIND, slot="backend", breaks=["CN-CPI-18"])
class WithoutLogin(WatchService):
    """Gives a child's data to callers who are not signed in."""

    policy = Anybody()


# --- Bluetooth LE


@known_bad(
    "just-works-pairing",
    kind=KIND,
    slot="radio",
    breaks=["EN303645-5.1-3", "EN303645-5.1-5", "EN303645-5.5-1"],
)
class JustWorks(Radio):
    """Pairs with whoever is near, without a code."""

    method = "just-works"
    need = "encrypted"


@known_bad("legacy-pairing", kind=KIND, slot="radio", breaks=["EN303645-5.1-3"])
class LegacyPairing(Radio):
    """Gives its data over a link that was paired the old, breakable way."""

    need = "authenticated"


@known_bad("fixed-pairing-code", kind=KIND, slot="radio", breaks=["EN303645-5.1-3"])
class FixedCode(Radio):
    """Shows the same pairing code each time."""

    def new_code(self) -> int:
        return 123_456


@known_bad("clear-heart-rate", kind=KIND, slot="radio", breaks=["EN303645-5.5-1"])
class ClearHeartRate(Radio):
    """Gives the heart rate to anybody in range."""

    def heart_need(self) -> Any:
        return "open"


@known_bad("name-in-advertisement", kind=KIND, slot="radio", breaks=["EN303645-5.5-1"])
class NameInAdvertisement(Radio):
    """Calls itself over the air by the name of the child."""

    def name(self) -> str:
        return self.child[:22] or super().name()

    def tell_child(self, name: str) -> None:
        super().tell_child(name)
        self.refresh()


@known_bad("no-network-lockout", kind=KIND, slot="radio", breaks=["EN303645-5.1-5"])
class NoPairingLockout(Radio):
    """Lets anybody try as many pairing codes as he likes."""

    def wrong(self) -> None:
        """Count nothing."""


@known_bad("power-cut-ends-lockout", kind=KIND, slot="radio", breaks=["EN303645-5.1-5"])
class PowerCutEndsLockout(Radio):
    """Forgets wrong pairing codes when power goes."""

    def remember(self, state: dict[str, Any]) -> None:
        self._state = state


# --- consents and switches


class Stubborn(Permissions):
    """Once allowed, always allowed."""

    def allowed(self, sensor: str) -> bool:
        return once_given(self.device, self._spec(sensor).consent)

    def switch(self, sensor: str, on: bool) -> None:
        self.save({**self.load(), sensor: on})


@known_bad("switch-lies", kind=KIND, slot="permissions", breaks=["CN-MIIT2510-V4", "CN-PIC25-3.b", "CN-PIC25-3.g"])
class SwitchLies(Stubborn):
    """Shows a sensor as switched off and goes on sensing."""


@known_bad(
    "uploads-after-withdrawal",
    kind=KIND,
    slot="permissions",
    breaks=["CN-MIIT2510-V4", "CN-PIC25-3.b", "CN-PIC25-3.g"],
)
class UploadsAfterWithdrawal(Stubborn):
    """Goes on using the cloud after its consent was withdrawn."""

    def allowed(self, sensor: str) -> bool:
        cloud = self.device.get(Spec).spec.consent(self._spec(sensor).consent).cloud
        return super().allowed(sensor) if cloud else Permissions.allowed(self, sensor)


@known_bad("no-sensor-switch", kind=KIND, slot="permissions", breaks=["CN-MIIT2510-V4", "CN-PIC25-3.b"])
class NoSensorSwitch(Permissions):
    """Has no control for its sensors anywhere, and so no way to withdraw a consent."""

    shown = False


@known_bad("switch-forgets", kind=KIND, slot="permissions", breaks=["CN-MIIT2510-V4"])
class SwitchForgets(Permissions):
    """Switches everything on again after a power cut."""

    def start(self) -> None:
        consents = self.device.get(Consents)
        for sensor in [name for name, on in self.load().items() if not on]:
            consents.give(self._spec(sensor).consent)
            self.switch(sensor, True)


# --- what a watch for a child must do


@known_bad("useless-without-location", kind=KIND, slot="use", breaks=["CN-PIPL-16"])
class UselessWithoutLocation(Use):
    """Shows neither time nor steps to a child whose guardian refused location."""

    @verb("open")
    def open(self, name: str) -> Json:
        if name not in ("time", "steps") or self.device.get(Consents).given("location"):
            return super().open(name)
        self.device.get(Panel).show("locked", "请先开启位置 / Please switch location on first")
        return {}


@known_bad("no-time-limit", kind=KIND, slot="use", breaks=["CN-MNR-19.a"])
class NoTimeLimit(Use):
    """Takes a time limit and lets the child go on."""

    def over(self) -> bool:
        return False


@known_bad("slow-time-limit", kind=KIND, slot="use", breaks=["CN-MNR-19.a"])
class SlowTimeLimit(Use):
    """Looks at the time that is left each four minutes only."""

    look = 240.0


@known_bad("spends-without-limit", kind=KIND, slot="use", breaks=["CN-MNR-19.a"])
class SpendsWithoutLimit(Use):
    """Lets the child buy above the guardian's limit."""

    def may_buy(self, price: int) -> bool:
        return True


@known_bad("no-content-filter", kind=KIND, slot="filter", breaks=["CN-MNR-19.a"])
class NoContentFilter(Filter):
    """Opens whatever a child looks for."""

    def harmful(self, query: str) -> bool:
        return False


@known_bad("forbidden-app-opens", kind=KIND, slot="controls", breaks=["CN-MNR-19.a"])
class ForbiddenAppOpens(Controls):
    """Opens apps that the guardian has switched off."""

    def opens(self, app: str) -> bool:
        return True


@known_bad("no-guardian-controls", kind=KIND, slot="app", breaks=["CN-MNR-19.a"])
class NoGuardianControls(WatchPages):
    """Gives the guardian nothing to control."""

    def guardian_links(self) -> tuple[Link, ...]:
        return ()
