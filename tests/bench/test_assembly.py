"""A bench from its file: roles opened once, the safe state in the file's order, nothing opened after it, blame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ConfigDict

from pytest_conformance.bench import Bench, assembly
from pytest_conformance.bench.file import load_bench
from pytest_conformance.clock import DrivenClock
from pytest_conformance.drivers import registry
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.roles import Identity
from pytest_conformance.errors import (
    AbortedError,
    BenchError,
    DeviceError,
    InstrumentError,
    LinkError,
    MethodError,
    SimulationError,
    UsageError,
)

HAPPENED: list[str] = []
DEAD: set[str] = set()
"""Roles whose instruments do not answer."""


class Instrument:
    """An instrument without a wire."""

    door = "none"

    class Settings(BaseModel):
        model_config = ConfigDict(extra="forbid")
        address: str = ""
        level: int = 1

    def __init__(self, settings: Settings, context: DriverContext) -> None:
        self.settings, self.context, self.role = settings, context, context.role

    @classmethod
    def open(cls, settings: Any, context: DriverContext) -> Any:
        HAPPENED.append(f"open {context.role}")
        return cls(settings, context)

    def identity(self) -> Identity:
        if self.role in DEAD:
            raise LinkError("BEN-LNK-102", "gone", where=self.role)
        return Identity("m", "i", "1", "2")

    def close(self) -> None:
        HAPPENED.append(f"close {self.role}")


class Switched(Instrument):
    watchdog: ClassVar[float | None] = None
    wanted_on = True

    def is_on(self) -> bool:
        return "power" not in DEAD

    def off(self) -> None:
        HAPPENED.append(f"off {self.role}")
        if self.role in DEAD:
            raise InstrumentError("BEN-INS-110", "not proven off")

    def keepalive(self) -> None:
        HAPPENED.append(f"feed {self.role}")
        self.identity()


class Watched(Switched):
    watchdog = 60.0


class Table(Instrument):
    def home(self) -> None:
        HAPPENED.append(f"home {self.role}")


class Broken(Instrument):
    @classmethod
    def open(cls, settings: Any, context: DriverContext) -> Any:
        raise ConnectionRefusedError("nobody")


DRIVERS: dict[str, Any] = {
    "plain": Instrument,
    "switched": Switched,
    "watched": Watched,
    "table": Table,
    "broken": Broken,
    "function": lambda: None,
}
ROLES = """
  meter: {driver: plain}
  mover: {driver: table}
  heater: {driver: switched}
  supply: {driver: switched, level: 3}
"""
Made = Callable[..., Bench]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    HAPPENED.clear()
    DEAD.clear()
    monkeypatch.setattr(registry, "load", lambda name, **_: DRIVERS[name])


@pytest.fixture
def make(tmp_path: Path) -> Made:
    def made(roles: str = ROLES, more: str = "safe_state: {switch_off: [supply, heater], park: [mover]}") -> Bench:
        file = tmp_path / "own.yaml"
        channels = "channels:\n  console: {driver: plain}\n"
        file.write_text(f"schema: conformance-bench/1\nname: own\nmode: lab\nroles:{roles}{channels}{more}\n")
        return Bench.open(load_bench(file), tmp_path / "run", dut="x")

    return made


def test_a_role_is_opened_on_first_use_and_kept(make: Made, tmp_path: Path) -> None:
    bench = make()
    assert HAPPENED == []
    supply = bench.role("supply")
    assert bench.role("supply") is supply
    assert bench.supply is supply
    assert HAPPENED == ["open supply"]
    assert supply.settings.level == 3
    assert supply.context.folder == tmp_path / "run" / "supply"
    assert supply.context.folder.is_dir()
    assert bench.doors == {"supply": "none"}
    assert [name for name, _ in bench.opened()] == ["supply"]


def test_a_role_that_the_bench_lacks_is_the_method_s(make: Made) -> None:
    bench = make()
    with pytest.raises(MethodError) as caught:
        bench.role("gnss")
    assert caught.value.code == "MET-ROL-001"
    assert "'gnss'" in str(caught.value)
    assert "meter, mover, heater, supply" in caught.value.expected
    with pytest.raises(MethodError, match="channel 'ble'"):
        bench.channel("ble")
    assert not bench.has("gnss")
    assert bench.has("supply")


def test_a_setting_that_the_driver_does_not_know_has_its_place(make: Made) -> None:
    with pytest.raises(UsageError, match=r"own\.yaml:5:\d+.*levle"):
        make("\n  supply: {driver: plain, levle: 3}\n", "").role("supply")


def test_a_driver_that_fails_its_own_way_is_named(make: Made) -> None:
    with pytest.raises(InstrumentError, match=r"'broken' failed to open: ConnectionRefusedError: nobody") as caught:
        make("\n  meter: {driver: broken}\n", "").role("meter")
    assert caught.value.code == "BEN-INS-002"
    assert "own.yaml:5:" in caught.value.where


def test_what_is_no_driver_is_refused(make: Made) -> None:
    with pytest.raises(UsageError) as caught:
        make("\n  meter: {driver: function}\n", "").role("meter")
    assert caught.value.code == "USE-DRV-003"


def test_a_simulated_address_needs_a_simulated_world(tmp_path: Path, make: Made) -> None:
    bench = make()
    with pytest.raises(SimulationError) as caught:
        bench._manifest_entry("supply")
    assert caught.value.code == "BEN-SIM-005"


def test_what_the_far_end_says_of_itself_goes_into_the_settings_that_exist(make: Made, tmp_path: Path) -> None:
    bench = make()
    entry = bench.file.roles["supply"]
    object.__setattr__(entry, "raw", {**entry.raw, "address": "sim:supply"})
    asked: list[str] = []

    def manifest(name: str) -> dict[str, Any]:
        asked.append(name)
        return {"address": "there", "unknown": 1}

    driver = assembly.open_entry(entry, "supply", bench.clock, tmp_path, manifest)
    assert asked == ["supply"]
    assert (driver.settings.address, driver.settings.level) == ("there", 3)


# --- the safe state


def test_the_safe_state_comes_in_the_file_s_order_and_then_all_is_closed(make: Made) -> None:
    bench = make()
    for name in ("heater", "mover", "meter", "supply"):
        bench.role(name)
    HAPPENED.clear()
    outcomes = bench.close()
    assert HAPPENED == [
        "off supply",
        "off heater",
        "home mover",
        "close supply",
        "close meter",
        "close mover",
        "close heater",
    ]
    assert all(each.done for each in outcomes)
    assert [each.name for each in outcomes][:3] == ["supply off", "heater off", "mover parked"]


def test_outputs_that_the_file_does_not_name_go_off_too(make: Made) -> None:
    bench = make(more="")
    bench.role("heater")
    bench.role("supply")
    assert {each.name for each in bench.safe()} == {"heater off", "supply off"}


def test_only_what_was_opened_is_switched(make: Made) -> None:
    assert make().close() == ()
    assert HAPPENED == []


def test_an_output_that_is_not_proven_off_never_stops_the_others(make: Made) -> None:
    bench = make()
    bench.role("supply")
    bench.role("heater")
    DEAD.add("supply")
    outcomes = {each.name: each for each in bench.close()}
    assert not outcomes["supply off"].done
    assert "BEN-INS-110" in outcomes["supply off"].reason
    assert outcomes["heater off"].done
    assert outcomes["close supply"].done


@pytest.mark.parametrize("comes_back", [False, True])
def test_a_supply_with_a_watchdog_is_waited_for(make: Made, comes_back: bool) -> None:
    bench = make("\n  supply: {driver: watched}\n", "")
    advanced: list[float] = []

    def advance(seconds: float) -> None:
        advanced.append(seconds)
        if comes_back:
            DEAD.discard("supply")

    clock = DrivenClock(advance)
    bench.role("supply")
    clock.beat = bench.beat
    bench.clock = clock
    bench._stop_beating = lambda: setattr(clock, "beat", None)  # type: ignore[assignment]
    DEAD.add("supply")
    HAPPENED.clear()
    (outcome,) = bench.safe()
    assert sum(advanced) > 60.0
    assert "feed supply" not in HAPPENED, "a watchdog that is fed never acts"
    assert HAPPENED == ["off supply", "off supply"]
    assert outcome.done is comes_back
    assert ("second try" if comes_back else "its own watchdog must have switched it off") in outcome.reason
    assert "BEN-INS-110" in outcome.reason


def test_a_watchdog_that_cannot_be_waited_for_is_said(make: Made) -> None:
    bench = make("\n  supply: {driver: watched}\n", "")
    bench.role("supply")
    DEAD.add("supply")

    def advance(seconds: float) -> None:
        raise SimulationError("BEN-SIM-002", "went away")

    bench.clock = DrivenClock(advance)
    (outcome,) = bench.safe()
    assert not outcome.done
    assert "BEN-SIM-002" in outcome.reason


def test_nothing_can_be_opened_after_the_safe_state(make: Made) -> None:
    bench = make()
    bench.role("supply")
    bench.close()
    HAPPENED.clear()
    for act in (lambda: bench.role("supply"), lambda: bench.channel("console"), lambda: bench.supply):
        with pytest.raises(AbortedError) as caught:
            act()
        assert caught.value.code == "ABO-BEN-001"
    assert HAPPENED == []


# --- beats, health, blame


def test_the_clock_feeds_what_must_be_fed(make: Made) -> None:
    bench = make()
    bench.role("supply")
    bench.role("meter")
    HAPPENED.clear()
    assert bench.clock.beat == bench.beat  # type: ignore[attr-defined]
    bench.beat()
    assert HAPPENED == ["feed supply"]


def test_health_asks_instruments_and_not_the_device_s_channels(make: Made) -> None:
    bench = make()
    bench.role("meter")
    bench.channel("console")
    DEAD.add("console")
    bench.check_health()
    DEAD.add("meter")
    with pytest.raises(LinkError):
        bench.check_health()


@pytest.mark.parametrize("error", [AssertionError("opened"), DeviceError("DUT-CON-001", "silent"), KeyError()])
def test_before_the_device_is_blamed_the_bench_must_answer(make: Made, error: Exception) -> None:
    bench = make()
    bench.role("supply")
    bench.role("meter")
    assert bench.blame(error) is None
    DEAD.add("meter")
    fault = bench.blame(error)
    assert isinstance(fault, BenchError)
    assert fault.where == "meter"


def test_an_output_that_went_off_by_itself_is_the_bench_s(make: Made) -> None:
    bench = make()
    supply = bench.role("supply")
    DEAD.add("power")
    fault = bench.blame(AssertionError())
    assert fault is not None
    assert fault.code == "BEN-INS-001"
    supply.wanted_on = False
    assert bench.blame(AssertionError()) is None


def test_an_error_that_says_whose_it_is_is_left_alone(make: Made) -> None:
    bench = make()
    bench.role("meter")
    DEAD.add("meter")
    assert bench.blame(MethodError("MET-X-001", "no plan")) is None
