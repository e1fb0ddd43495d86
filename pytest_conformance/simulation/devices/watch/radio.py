"""The watch over Bluetooth LE: heart rate and settings for the paired phone, the model for anybody.

Handlers run on the radio's thread: they touch plain attributes only and never wait for the device's lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_conformance.simulation.ble import GattCharacteristic, GattService, Pairing, Peripheral, SecurityNeed
from pytest_conformance.simulation.devices.base import Device, verb
from pytest_conformance.simulation.devices.owner import Kept, Spec
from pytest_conformance.simulation.devices.ui import Panel
from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.timeline import SECOND

ADDRESS = "F0:4D:57:00:30:01"
HEART_RATE, HEART_RATE_VALUE = "180D", "2A37"
INFORMATION, MODEL = "180A", "2A24"
SETTINGS = "6D6F636B-7761-7463-6801-000000000001"
CHILD, STEPS, ALARM = (f"6D6F636B-7761-7463-6801-00000000001{digit}" for digit in "012")
SAVE_AFTER = 0.01


class Radio(Kept):
    """Pairs by a code that the watch shows, new for each try; three wrong ones, and nobody pairs for 300 s."""

    slot = "radio"
    record = "pairing"
    need: ClassVar[SecurityNeed] = "secure"
    """What a link must be for personal data."""
    method: ClassVar[Any] = "passkey"
    tries: ClassVar[int] = 3
    window: ClassVar[float] = 300.0
    seconds: ClassVar[float] = 300.0

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.heart = 0
        self.steps = 0
        self.child = ""
        self._code: int | None = None
        self._handed_out = False
        self._state: dict[str, Any] = {}

    def start(self) -> None:
        self._state = self.load()
        self.refresh()

    def stop(self) -> None:
        if self.world.ble is not None:
            self.world.ble.off()

    def reset(self) -> None:
        if self.world.ble is not None:
            self.world.ble.forget_bonds()

    def status(self) -> Mapping[str, Json]:
        return {"ble_address": ADDRESS}

    # --- what it is over the air

    def name(self) -> str:
        """Return the name that is advertised."""
        return "Child Watch"

    def refresh(self) -> None:
        """Advertise anew, with the present name."""
        if self.world.ble is not None:
            self.world.ble.define(self.peripheral())
            self.world.ble.on()

    def peripheral(self) -> Peripheral:
        model = self.device.get(Spec).spec.model.encode()
        heart = GattCharacteristic(HEART_RATE_VALUE, self.heart_bytes, notify=True, security=self.heart_need())
        settings = (
            GattCharacteristic(CHILD, lambda: self.child.encode(), security=self.need),
            GattCharacteristic(STEPS, lambda: self.steps.to_bytes(4, "little"), security=self.need),
            GattCharacteristic(ALARM, lambda: b"\x00", self._alarm, security=self.need),
        )
        return Peripheral(
            self.name(),
            (
                GattService(HEART_RATE, (heart,), advertised=True),
                GattService(SETTINGS, settings),
                GattService(INFORMATION, (GattCharacteristic(MODEL, lambda: model),)),
            ),
            self.pairing(),
            address=ADDRESS,
        )

    def heart_need(self) -> SecurityNeed:
        """Return what a link must be before the heart rate is read."""
        return self.need

    def heart_bytes(self) -> bytes:
        """Return flags and beats per minute (Heart Rate Measurement, 8 bit)."""
        return bytes([0, min(self.heart, 255)])

    def tell_heart(self, pulse: int) -> None:
        """Keep the newest pulse for the phone, and tell the phone that is there."""
        self.heart = pulse
        if self.world.ble is not None:
            self.world.ble.notify(HEART_RATE_VALUE, self.heart_bytes())

    def tell_child(self, name: str) -> None:
        """Keep the name of the child for the paired phone."""
        self.child = name

    def _alarm(self, value: bytes) -> None:
        """Take the time of an alarm; the watch does nothing else with it."""

    # --- pairing

    def pairing(self) -> Pairing:
        if self.method != "passkey":
            return Pairing(self.method, done=self._done)
        return Pairing(
            "passkey", passkey=self._hand_out, allowed=self.ready_to_pair, done=self._done, secure_connections=True
        )

    @verb("pairing")
    def show_code(self) -> Json:
        """Somebody opens the watch's pairing screen: it shows a new code, unless it is locked."""
        if self.locked():
            self.device.get(Panel).show("pairing-locked", "暂停配对 / Pairing is locked")
            return {}
        self._code = self.new_code()
        self.device.get(Panel).show("pairing", "配对码 / Pairing code", f"{self._code:06d}")
        return {}

    def new_code(self) -> int:
        """Return the code of the next try."""
        return self.device.random.randrange(1_000_000)

    def locked(self) -> bool:
        """Tell whether nobody may pair at present."""
        return self.world.timeline.now() < int(self._state.get("until", 0))

    def ready_to_pair(self) -> bool:
        """Tell whether a phone may pair now: a code is on the screen."""
        return self._code is not None and not self.locked()

    def _hand_out(self) -> int:
        self._handed_out = True
        return self._code if self._code is not None else self.new_code()

    def _done(self, paired: bool) -> None:
        handed_out, self._handed_out, self._code = self._handed_out, False, None
        if paired:
            self.remember({})
        elif handed_out:
            self.wrong()

    def wrong(self) -> None:
        """Count a wrong code; while pairing is locked nothing is counted."""
        if self.locked():
            return
        now = self.world.timeline.now()
        recent = [at for at in self._state.get("wrong", []) if now - at < self.window * SECOND] + [now]
        self.remember({"until": now + int(self.seconds * SECOND)} if len(recent) >= self.tries else {"wrong": recent})

    def remember(self, state: dict[str, Any]) -> None:
        """Keep the count of wrong codes also through a power cut."""
        self._state = state
        self.device.after(SAVE_AFTER, lambda: self.save(state))
