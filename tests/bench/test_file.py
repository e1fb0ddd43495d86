from __future__ import annotations

import datetime
import hashlib
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from pytest_conformance.bench import file as bench_file
from pytest_conformance.bench.file import BenchFile, find_bench, load_bench
from pytest_conformance.drivers import registry
from pytest_conformance.errors import UsageError
from pytest_conformance.quantities import Volts
from pytest_conformance.yamlfile import FileError, parse

SMALL = dedent("""\
    schema: conformance-bench/1
    name: small
    mode: lab
    roles:
      supply:
        driver: scpi-supply
        address: TCPIP::192.0.2.10::hislip0::INSTR
        over_voltage: 6.5 V
        id: LAB-1
        calibration: {certificate: C-1, body: Lab, calibrated: 2026-02-10, due: 2027-02-28}
      meter: {driver: scpi-meter, address: "TCPIP::192.0.2.11::5025::SOCKET"}
      mover: {driver: serial-mover, address: /dev/serial/by-id/usb-turntable}
    channels:
      console: {driver: serial-console, address: /dev/serial/by-id/usb-uart}
    safe_state: {switch_off: [supply], park: [mover], within: 1 s}
    limits:
      illuminance: {lower: 200 lx, upper: 500 lx}
      temperature: {lower: 18 degC, upper: 28 degC}
    slots:
      - {name: front, roles: [supply, meter]}
    network: {interface: eth1, local_networks: [198.51.100.0/24, "2001:db8::/64"]}
    """)


def bench(*replacements: tuple[str, str]) -> BenchFile:
    text = SMALL
    for old, new in replacements:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    return parse("small.yaml", text.encode()).validate(BenchFile)


def refused(*replacements: tuple[str, str]) -> list[tuple[str, str]]:
    with pytest.raises(FileError) as caught:
        bench(*replacements)
    return [(problem.code, str(problem)) for problem in caught.value.problems]


class SupplySettings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    address: str
    over_voltage: Volts
    port: int = 0


def test_a_bench_is_read_role_by_role() -> None:
    small = bench()
    assert list(small.roles) == ["supply", "meter", "mover"]
    assert list(small.channels) == ["console"]
    supply = small.roles["supply"]
    assert (supply.driver, supply.id, supply.address) == ("scpi-supply", "LAB-1", "TCPIP::192.0.2.10::hislip0::INSTR")
    assert supply.where == "small.yaml:5:3"
    assert small.safe_state.within == 1.0
    assert small.limits.illuminance is not None
    assert (small.limits.illuminance.lower, small.limits.illuminance.upper) == (200.0, 500.0)
    assert small.network.local_networks == ("198.51.100.0/24", "2001:db8::/64")
    assert small.digest == hashlib.sha256(SMALL.encode()).hexdigest()
    assert (small.path, small.simulation.seed, small.simulation.door) == ("small.yaml", 1, "auto")


def test_the_days_of_a_calibration_are_counted() -> None:
    calibration = bench().roles["supply"].calibration
    assert calibration is not None
    assert calibration.days_left(datetime.date(2027, 2, 27)) == 1
    assert calibration.days_left(datetime.date(2027, 2, 28)) == 0
    assert calibration.days_left(datetime.date(2027, 3, 1)) == -1


def test_a_drivers_settings_are_what_is_not_the_benchs_own() -> None:
    settings = bench().roles["supply"].settings(SupplySettings)
    assert settings == SupplySettings(address="TCPIP::192.0.2.10::hislip0::INSTR", over_voltage="6.5 V")  # type: ignore[arg-type]


def test_the_simulations_values_replace_those_of_the_file() -> None:
    settings = bench().roles["supply"].settings(SupplySettings, {"address": "127.0.0.1", "port": 5})
    assert (settings.address, settings.port, settings.over_voltage) == ("127.0.0.1", 5, 6.5)


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ("over_voltage: 6.5 V", "over_voltge: 6.5 V", "USE-FIL-012", "8:5: unknown key 'over_voltge'; did you mean"),
        ("over_voltage: 6.5 V", "over_voltage: 6.5", "USE-FIL-015", "8:19: a quantity in V is due"),
        ("over_voltage: 6.5 V", "over_voltage: 6.5 A", "USE-FIL-015", "8:19: '6.5 A' is not a quantity in V"),
        ("    over_voltage: 6.5 V\n", "", "USE-FIL-013", "6:5: missing key 'over_voltage'"),
        (
            "TCPIP::192.0.2.10::hislip0::INSTR",
            "TCPIP::192.0.2.10::hislip0::INSTR\n    port: x",
            "USE-FIL-016",
            "8:11: ",
        ),
    ],
)
def test_G04_G07_a_drivers_settings_are_checked_with_places(old: str, new: str, code: str, says: str) -> None:
    small = bench((old, new))
    with pytest.raises(FileError) as caught:
        small.roles["supply"].settings(SupplySettings)
    assert code in {problem.code for problem in caught.value.problems}
    assert any(str(problem).startswith(says) for problem in caught.value.problems), caught.value


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ("name: small", "nam: small", "USE-FIL-013", "missing key 'name'"),
        ("mode: lab", "mode: labs", "USE-FIL-016", "must be one of mock, lab, not 'labs'; did you mean 'lab'?"),
        ("channels:", "chanels:", "USE-FIL-012", "did you mean 'channels'?"),
        ("driver: scpi-supply", "drivr: scpi-supply", "USE-FIL-013", "missing key 'driver'"),
        ("due: 2027-02-28", "due: 2027-02-30", "USE-FIL-016", "a date is due"),
        ("due: 2027-02-28", "due: 2027", "USE-FIL-016", "a date is due"),
        ("due: 2027-02-28", "due: 2025-02-28", "USE-FIL-016", "calibrated after it was due"),
        ("certificate: C-1", "certificate: 1.10", "USE-FIL-014", 'write it in quotes: "1.10"'),
        ("id: LAB-1", "id: 00123", "USE-FIL-014", 'write it in quotes: "00123"'),
        ("address: TCPIP::192.0.2.10::hislip0::INSTR", "address: 11:22:33:44:55", "USE-FIL-014", "write it in quotes"),
        ("within: 1 s", "within: -1 s", "USE-FIL-015", "more than zero"),
        ("within: 1 s", "within: 1", "USE-FIL-015", "1 has no unit"),
        ("lower: 200 lx", "lower: 200 V", "USE-FIL-015", "V measures something else"),
        ("lower: 200 lx", "lower: .nan", "USE-FIL-018", "not a finite number"),
        ("198.51.100.0/24", "198.51.100.1/24", "USE-FIL-016", "host bits"),
        ("interface: eth1", "interface: ../x", "USE-FIL-016", "pattern"),
        ("  supply:\n", "  'sup ply':\n", "USE-FIL-016", "key: "),
        ("include", "", "", ""),
    ],
)
def test_a_wrong_line_is_refused(old: str, new: str, code: str, says: str) -> None:
    if old == "include":
        found, code, says = refused(("name: small", "include: other.yaml\nname: small")), "USE-FIL-012", "'include'"
    else:
        found = refused((old, new))
    assert any(each == code and says in message for each, message in found), found


def test_G08_a_range_upside_down_is_refused() -> None:
    assert refused(("lower: 200 lx", "lower: 600 lx")) == [
        ("USE-BEN-013", "17:24: the lower limit of illuminance is above the upper limit")
    ]


def test_G11_an_address_that_is_used_twice_is_refused_with_both_places() -> None:
    found = refused(("address: /dev/serial/by-id/usb-uart", "address: /dev/serial/by-id/usb-turntable"))
    assert [code for code, _ in found] == ["USE-BEN-010"]
    assert found[0][1].startswith("14:46: console uses address")
    assert "mover uses already, at small.yaml:12:42" in found[0][1]


def test_G11_addresses_that_differ_in_case_only_are_the_same() -> None:
    found = refused(('"TCPIP::192.0.2.11::5025::SOCKET"', "tcpip::192.0.2.10::HISLIP0::instr"))
    assert [code for code, _ in found] == ["USE-BEN-010"]


@pytest.mark.parametrize(
    ("old", "new", "place", "near"),
    [
        ("switch_off: [supply]", "switch_off: [suply]", "15:27", "supply"),
        ("park: [mover]", "park: [movr]", "15:43", "mover"),
        ("roles: [supply, meter]", "roles: [supply, metre]", "20:35", "meter"),
        ("roles: [supply, meter]", "roles: [supply, console]", "20:35", ""),
    ],
)
def test_G11_a_reference_to_an_unknown_instrument_is_refused_with_both_places(
    old: str, new: str, place: str, near: str
) -> None:
    ((code, message),) = refused((old, new))
    assert code == "USE-BEN-011"
    assert message.startswith(f"{place}: no role ")
    assert "small.yaml:5:3" in message
    assert not near or f"did you mean {near!r}?" in message


def test_two_slots_of_one_name_are_refused_with_both_places() -> None:
    found = refused(("slots:\n", "slots:\n  - {name: front, roles: []}\n"))
    assert found == [("USE-BEN-010", "21:12: slot 'front' is there already, at small.yaml:20:12")]


def test_a_lab_bench_has_no_simulated_parts() -> None:
    assert refused(("mode: lab", "mode: lab\nsimulation: {seed: 1}"))[0][0] == "USE-BEN-012"
    found = refused(("/dev/serial/by-id/usb-uart", "sim:console"))
    assert [code for code, _ in found] == ["USE-BEN-012"]
    assert bench(("mode: lab", "mode: mock"), ("/dev/serial/by-id/usb-uart", "sim:console")).mode == "mock"


def test_G13_a_bench_stays_as_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    small = load_bench(path)
    path.write_text(SMALL.replace("6.5 V", "60 V"))
    assert small.roles["supply"].settings(SupplySettings).over_voltage == 6.5
    assert small.digest == hashlib.sha256(SMALL.encode()).hexdigest()


@pytest.mark.parametrize("name", ["mock", "lab1"])
def test_the_shipped_benches_are_right(name: str, tmp_path: Path) -> None:
    shipped = load_bench(find_bench(name, tmp_path))
    assert shipped.name == name
    for role in ("supply", "meter", "lux", "contact", "mover", "display", "watch", "capture", "uplink"):
        assert role in shipped.roles
    assert {"console", "companion", "ble"} <= set(shipped.channels)


def test_the_settings_of_the_example_bench_are_those_of_the_shipped_drivers(tmp_path: Path) -> None:
    example = load_bench(find_bench("lab1", tmp_path))
    for entry in [*example.roles.values(), *example.channels.values()]:
        driver = registry.load(entry.driver, where=entry.where)
        assert isinstance(entry.settings(driver.Settings), driver.Settings)


def test_every_instrument_of_the_mock_bench_is_simulated(tmp_path: Path) -> None:
    mock = load_bench(find_bench("mock", tmp_path))
    assert mock.dut == "mock-lock"
    for entry in [*mock.roles.values(), *mock.channels.values()]:
        assert entry.address.startswith("sim:")


def test_a_bench_beside_the_user_comes_first(tmp_path: Path) -> None:
    (tmp_path / "benches").mkdir()
    own = tmp_path / "benches" / "mock.yaml"
    own.write_text(SMALL)
    assert find_bench("mock", tmp_path) == own
    assert find_bench(str(own), Path("/")) == own


@pytest.mark.parametrize(("name", "near"), [("lab", "lab1"), ("mokc", "mock"), ("benches/lab.yaml", "")])
def test_an_unknown_bench_is_refused_with_the_nearest_name(name: str, near: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_bench(name, tmp_path)
    assert caught.value.code == "USE-BEN-001"
    assert not near or f"did you mean {near!r}?" in caught.value.what


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], None]:
    """Pretend that a package brings a bench: NAME by an entry point to `bench` of a module with that source."""

    def install(name: str, source: str) -> None:
        (tmp_path / "brought_bench.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "brought_bench", raising=False)
        point = EntryPoint(name, "brought_bench:bench", bench_file.GROUP)

        def entry_points(**given: Any) -> list[EntryPoint]:
            return [point] if given == {"group": bench_file.GROUP} else []

        monkeypatch.setattr(bench_file, "entry_points", entry_points)

    return install


@pytest.mark.parametrize("source", ["bench = {path!r}", "from pathlib import Path\ndef bench(): return Path({path!r})"])
def test_a_package_brings_a_bench(installed: Callable[[str, str], None], tmp_path: Path, source: str) -> None:
    path = tmp_path / "theirs.yaml"
    path.write_text(SMALL)
    installed("private", source.format(path=str(path)))
    assert find_bench("private", tmp_path) == path


@pytest.mark.parametrize("source", ["raise RuntimeError('broken')", "bench = 5", "import not_there_at_all", "x = 1"])
def test_a_package_whose_bench_fails_is_named(
    installed: Callable[[str, str], None], tmp_path: Path, source: str
) -> None:
    installed("private", source)
    with pytest.raises(UsageError) as caught:
        find_bench("private", tmp_path)
    assert caught.value.code == "USE-BEN-002"
    assert "brought_bench:bench" in caught.value.where
    assert find_bench("mock", tmp_path).name == "mock.yaml"
