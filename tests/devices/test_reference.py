"""What all reference devices share: booting, storage, keys, sensors, consents, erasing."""

from __future__ import annotations

import base64
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_conformance.clock import SECOND, RealClock
from pytest_conformance.declaration import Declaration, load_declaration
from pytest_conformance.devices.channels.companion import Control, Screen
from pytest_conformance.devices.reference import FLASH_CHUNK, ReferenceDevice
from pytest_conformance.devices.roles import Done, SensorControl
from pytest_conformance.errors import DeviceError, MethodError
from pytest_conformance.procedures.witness import Witness
from pytest_conformance.record import JOURNAL_FILE, Run, read_journal

DECLARATION = Path(__file__).parents[2] / "fixtures" / "devices" / "mock-lock.yaml"


class FastClock(RealClock):
    """Time that passes when somebody waits."""

    poll = first_poll = 0.5

    def __init__(self) -> None:
        super().__init__()
        self.time = 0

    def now(self) -> int:
        return self.time

    def _pass(self, seconds: float) -> None:
        self.time += int(seconds * SECOND)


class Port:
    """A test port with a flash and a key log; `ready` counts how often the device came up."""

    door = "pty"

    def __init__(self) -> None:
        self.flash = bytes(range(256)) * 250
        self.log = "CLIENT_RANDOM aa bb\n" * 3000
        self.ready = 0
        self.boots = True
        self.speaks = True
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.short = False

    def call(self, verb: str, /, **more: Any) -> dict[str, Any]:
        self.calls.append((verb, more))
        if verb == "reset":
            self.come_up()
        return getattr(self, f"_{verb}", lambda **_: {})(**more)  # type: ignore[no-any-return]

    def come_up(self) -> None:
        self.ready += self.boots and self.speaks

    def events(self, name: str = "") -> list[Any]:
        return [SimpleNamespace(name="ready", data={}, at=index) for index in range(self.ready)]

    def answers(self, timeout: float = 1.0) -> bool:
        return self.boots

    def _flash(self, offset: int = 0, length: int | None = None) -> dict[str, Any]:
        if length is None:
            return {"size": len(self.flash)}
        part = self.flash[offset : offset + length]
        return {"data": base64.b64encode(part[:-1] if self.short else part).decode()}

    def _keylog(self, offset: int = 0) -> dict[str, Any]:
        return {"text": self.log[offset : offset + 32_768], "size": len(self.log)}

    def _screens(self) -> dict[str, Any]:
        return {"screens": [{"id": "rules", "title": "Rules", "text": "We ...", "at_ms": 1500}]}

    def _status(self) -> dict[str, Any]:
        return {"uptime_ms": 4000, "sensors": {"face_camera": True}}

    def _identify(self) -> dict[str, Any]:
        return {"manufacturer": "M", "model": "Mock Lock 3D", "serial": 7}


class Supply:
    def __init__(self, port: Port) -> None:
        self.port = port
        self.did: list[str] = []
        self.output = False

    def set_output(self, volts: float, amperes: float) -> None:
        self.did.append(f"set {volts} {amperes}")

    def on(self) -> None:
        self.did.append("on")
        self.output = True
        self.port.come_up()

    def off(self) -> None:
        self.did.append("off")
        self.output = False

    def is_on(self) -> bool:
        return self.output


class App:
    """An app with one screen, on which touching a control does what the test says."""

    def __init__(self) -> None:
        self.path = "/settings/sensors"
        self.switch: bool | None = True
        self.sticks = False
        self.steps = 0
        self.forgot = 0

    def open(self, path: str) -> None: ...

    def forget(self) -> None:
        self.forgot += 1

    def screen(self, *, picture: bool = True) -> Screen:
        labels = ("Settings", "Sensors", "Privacy", "Withdraw face consent")
        controls = [Control("link", label) for label in labels]
        if self.switch is not None:
            controls.append(Control("switch", "Face camera", checked=self.switch))
        return Screen(self.path, "Title", "text", tuple(controls))

    def press(self, label: str) -> None:
        if not self.screen().has(label):
            raise DeviceError("DUT-APP-001", f"no control {label!r}")
        self.steps += 1
        if label == "Face camera" and self.switch is not None and not self.sticks:
            self.switch = not self.switch


class Access:
    def __init__(self, port: Port, app: App) -> None:
        self.clock = FastClock()
        self.supply = Supply(port)
        self._channels = {"console": port, "companion": app}

    def channel(self, name: str) -> Any:
        return self._channels[name]

    def role(self, name: str) -> Any:
        assert name == "supply"
        return self.supply

    def has(self, role: str) -> bool:
        return role == "supply"


@pytest.fixture(scope="module")
def declaration() -> Declaration:
    return load_declaration(DECLARATION)


@pytest.fixture
def port() -> Port:
    return Port()


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def device(port: Port, app: App, declaration: Declaration) -> ReferenceDevice:
    return ReferenceDevice(Access(port, app), declaration)


def test_power_goes_on_after_its_limits_are_set(device: ReferenceDevice) -> None:
    device.power_on()
    assert device.access.role("supply").did == ["set 5.0 2.0", "on"]


def test_a_device_that_never_boots_is_said_to_be_so(device: ReferenceDevice, port: Port) -> None:
    port.boots = False
    with pytest.raises(DeviceError) as caught:
        device.power_on()
    assert caught.value.code == "DUT-BOOT-001"
    assert "ready within 10 s" in str(caught.value.expected)
    assert ", 32 s" in str(caught.value.where), "three declared boot times and the last question"


def test_the_wait_after_a_reset_counts_from_the_reset(device: ReferenceDevice, port: Port) -> None:
    device.power_on()
    device.clock.sleep(1000.0)
    port.boots = False
    with pytest.raises(DeviceError) as caught:
        device.factory_reset()
    assert "factory reset" in str(caught.value)
    assert ", 32 s" in str(caught.value.where)


def test_a_build_that_does_not_say_ready_may_answer_instead(device: ReferenceDevice, port: Port) -> None:
    port.speaks = False
    device.power_on()


def test_an_earlier_ready_does_not_count_for_this_boot(
    device: ReferenceDevice, port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.power_on()
    device.clock.sleep(60.0)
    again = device.clock.now() + 9 * SECOND
    monkeypatch.setattr(port, "events", lambda name="": ["ready"] * (1 + (device.clock.now() >= again)))
    device.power_cycle()
    assert device.clock.now() >= again


def test_a_factory_reset_powers_the_device_and_takes_a_new_phone(device: ReferenceDevice, port: Port, app: App) -> None:
    device.factory_reset()
    assert device.access.role("supply").is_on()
    assert ("reset", {}) in port.calls
    assert app.forgot == 1


def test_identity_is_text_whatever_the_device_says(device: ReferenceDevice) -> None:
    said = device.identity()
    assert (said.manufacturer, said.model, said.serial, said.firmware) == ("M", "Mock Lock 3D", "7", "")


@pytest.mark.parametrize("what", ["serial", "firmware", "model"])
def test_C03_another_device_or_firmware_in_mid_run(
    device: ReferenceDevice, port: Port, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """At its next boot another serial number, model or firmware: the procedure ends, INCONCLUSIVE(dut)."""
    device.power_on()
    device.power_cycle()
    monkeypatch.setattr(
        port, "_identify", lambda: {"manufacturer": "M", "model": "Mock Lock 3D", "serial": 7, what: "other"}
    )
    for again in (device.power_cycle, device.factory_reset):
        with pytest.raises(DeviceError) as caught:
            again()
        assert (caught.value.code, caught.value.cause) == ("DUT-IDN-001", "dut")
        assert "Mock Lock 3D 7, firmware  before" in str(caught.value)
        assert "other" in str(caught.value)


def test_who_a_device_was_is_kept_beyond_a_break(
    device: ReferenceDevice,
    port: Port,
    app: App,
    declaration: Declaration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Run.start(tmp_path, {"bench": "mock"})
    device.witness = Witness(run, SimpleNamespace())  # type: ignore[arg-type]
    device.power_on()
    assert [each.data["serial"] for each in read_journal(run.folder / JOURNAL_FILE) if each.type == "descriptor"] == [
        "7"
    ]
    resumed = ReferenceDevice(Access(port, app), declaration)
    resumed.witness = Witness(Run.resume(run.folder, {"bench": "mock"}), SimpleNamespace())  # type: ignore[arg-type]
    resumed.power_on()
    third = ReferenceDevice(Access(port, app), declaration)
    third.witness = resumed.witness
    monkeypatch.setattr(port, "_identify", lambda: {"manufacturer": "M", "model": "Mock Lock 3D", "serial": 8})
    with pytest.raises(DeviceError, match="DUT-IDN-001"):
        third.power_on()


def test_storage_is_read_in_chunks_that_one_message_carries(device: ReferenceDevice, port: Port) -> None:
    assert device.storage() == port.flash
    spans = [(more["offset"], more["length"]) for verb, more in port.calls if "offset" in more]
    assert spans == [(0, FLASH_CHUNK), (FLASH_CHUNK, FLASH_CHUNK), (2 * FLASH_CHUNK, 64_000 - 2 * FLASH_CHUNK)]


def test_a_chunk_that_is_short_is_a_fault_and_no_smaller_storage(device: ReferenceDevice, port: Port) -> None:
    port.short = True
    with pytest.raises(DeviceError) as caught:
        device.storage()
    assert caught.value.code == "DUT-FLS-001"


def test_a_long_key_log_comes_whole(device: ReferenceDevice, port: Port) -> None:
    assert device.keys() == port.log


@pytest.mark.parametrize("text", ["", "CLIENT_RANDOM a b\n"])
def test_a_short_or_empty_key_log_is_asked_for_once_or_twice(device: ReferenceDevice, port: Port, text: str) -> None:
    port.log = text
    assert device.keys() == text
    assert len(port.calls) == 1


def test_what_was_shown_has_bench_time(device: ReferenceDevice) -> None:
    device.clock.sleep(100.0)
    (shown,) = device.shown_screens()
    assert shown.at == 97_500_000_000
    assert (shown.id, shown.title) == ("rules", "Rules")


def test_a_sensor_is_what_its_switch_says(device: ReferenceDevice, app: App) -> None:
    assert device.sensor("face_camera") == SensorControl("face_camera", True, True)
    app.switch = False
    assert device.sensor("face_camera") == SensorControl("face_camera", True, False)


def test_a_sensor_without_a_switch_has_no_control(device: ReferenceDevice, app: App) -> None:
    app.switch = None
    assert device.sensor("face_camera") == SensorControl("face_camera", False, None)


def test_switching_is_done_when_the_switch_says_so(device: ReferenceDevice, app: App) -> None:
    assert device.switch_sensor("face_camera", False).ok
    assert app.switch is False
    assert device.switch_sensor("face_camera", False).said == "already so"
    app.sticks = True
    assert not device.switch_sensor("face_camera", True).ok


def test_the_status_tells_what_is_sensing(device: ReferenceDevice) -> None:
    assert device.senses("face_camera")
    assert not device.senses("nose")


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda device: device.use("teleport"), "MET-DEV-001"),
        (lambda device: device.erase("by-fire"), "MET-DEV-002"),
        (lambda device: device.withdraw("soul"), "MET-DEC-001"),
        (lambda device: device.sensor("nose"), "MET-DEC-002"),
    ],
)
def test_what_the_driver_or_declaration_does_not_know_is_a_fault_of_the_method(
    device: ReferenceDevice, act: Any, code: str
) -> None:
    with pytest.raises(MethodError) as caught:
        act(device)
    assert caught.value.code == code


def test_a_consent_given_later_is_asked_for_on_its_screen(device: ReferenceDevice, app: App) -> None:
    done, asked = device.grant("face")
    assert done.ok
    assert asked == (), "the app asked nothing on the way"
    assert device.withdraw("face").steps == 3


def test_erasing_by_factory_reset_is_a_factory_reset(device: ReferenceDevice, app: App) -> None:
    assert device.erase("factory-reset") == Done(True)
    assert app.forgot == 1


def test_the_owner_of_each_run_has_another_name_and_a_secret_of_digits(
    device: ReferenceDevice, port: Port, app: App, declaration: Declaration
) -> None:
    other = ReferenceDevice(Access(port, app), declaration)
    assert device.owner != other.owner
    assert device.secret.isdigit()
    assert len(device.secret) == 6
