"""`conformance doctor` on the mock bench, and on a lab bench made of a simulated bench that stands alone."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from pytest_conformance.bench.doctor import Trouble, Visit
from pytest_conformance.bench.safe_state import Outcome
from pytest_conformance.cli import main
from pytest_conformance.commands.doctor import exit_code
from pytest_conformance.resources import shipped

Command = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def world() -> Iterator[dict[str, Any]]:
    """A simulated bench of its own process; the manifest."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest_conformance.cli", "simulate", "--door", "relay", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


def control(world: dict[str, Any], **request: Any) -> Any:
    with socket.create_connection(("127.0.0.1", world["control"]["port"]), timeout=30) as link:
        link.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(link.makefile().readline())["ok"]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def write_bench(tmp_path: Path, *roles: str) -> None:
    (tmp_path / "benches").mkdir(exist_ok=True)
    text = "schema: conformance-bench/1\nname: made\nmode: lab\nroles:\n" + "".join(f"  {role}\n" for role in roles)
    (tmp_path / "benches" / "made.yaml").write_text(text)


def test_every_role_and_channel_of_the_mock_bench_is_reached(command: Command) -> None:
    done = command("doctor", "mock", "--json", timeout=120)
    said = json.loads(done.stdout)
    missed = {each["name"]: each["trouble"] for each in said["reached"] if not each["reached"]}
    assert (done.returncode, missed) == (0, {})
    reached = {each["name"]: each for each in said["reached"]}
    assert reached["supply"]["identity"]["model"]
    assert reached["supply"]["door"] == "hislip"
    assert reached["supply"]["calibration_days"] > 1000
    assert [each["name"] for each in said["reached"] if each["kind"] == "channel"] == ["console", "companion", "ble"]
    assert all(each["done"] for each in said["left_off"])
    assert "supply off" in [each["name"] for each in said["left_off"]]
    assert "opencv" in [each["name"] for each in said["machine"]]


def test_a_dead_instrument_is_named_with_role_and_address_and_stops_nobody(
    world: dict[str, Any], tmp_path: Path, command: Command
) -> None:
    dead = f"TCPIP::127.0.0.1::{closed_port()}::SOCKET"
    write_bench(
        tmp_path,
        f"meter: {{driver: scpi-meter, address: '{dead}'}}",
        f"supply: {{driver: scpi-supply, address: '{world['supply']['address']}', watchdog: 5 s,"
        " calibration: {certificate: C, body: B, due: 2020-01-01}}",
        f"lux: {{driver: usb-lux, address: '{world['lux']['address']}'}}",
    )
    done = command("doctor", "made", timeout=120)
    assert done.returncode == 10
    assert "Traceback" not in done.stderr
    said = " ".join(done.stdout.split())
    assert f"meter at {dead}: BEN-LNK-10" in said
    assert "in: benches/made.yaml:5:3" in said
    assert "to do:" in said
    assert "2 of 3 reached on bench made; everything is left off" in said
    assert "supply: its calibration ended" in said


def test_the_supply_is_off_when_the_doctor_leaves(world: dict[str, Any], tmp_path: Path, command: Command) -> None:
    import pyvisa

    address = world["supply"]["address"]
    manager = pyvisa.ResourceManager("@py")
    supply = manager.open_resource(world["supply"]["alternative"], read_termination="\n", write_termination="\n")
    for line in ("VOLT 5", "CURR 1", "OUTP ON"):
        supply.write(line)  # type: ignore[attr-defined]
    assert supply.query("OUTP?").strip() == "1"  # type: ignore[attr-defined]
    write_bench(tmp_path, f"supply: {{driver: scpi-supply, address: '{address}'}}")
    done = command("doctor", "made", timeout=120)
    assert done.returncode == 0
    assert supply.query("OUTP?").strip() == "0"  # type: ignore[attr-defined]
    assert "no communication watchdog" in " ".join(done.stdout.split())
    supply.close()
    manager.close()
    assert control(world, do="names")


def test_a_role_that_the_file_gets_wrong_is_refused_but_the_others_are_visited(
    world: dict[str, Any], tmp_path: Path, command: Command
) -> None:
    write_bench(
        tmp_path,
        "meter: {driver: scpi-metre, address: TCPIP::127.0.0.1::9::SOCKET}",
        f"supply: {{driver: scpi-supply, address: '{world['supply']['address']}', watchdgo: 5 s}}",
        f"lux: {{driver: usb-lux, address: '{world['lux']['address']}'}}",
    )
    done = command("doctor", "made", "--json", timeout=120)
    said = json.loads(done.stdout)
    assert done.returncode == said["exit_code"] == 11
    meter, supply, lux = said["reached"]
    assert (meter["trouble"]["code"], meter["trouble"]["refused"]) == ("USE-DRV-001", True)
    assert "scpi-meter" in meter["trouble"]["expected"]
    assert "watchdog" in supply["trouble"]["what"]
    assert lux["reached"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["mokc"], "USE-BEN-001"),
        (["mock", "--dut", "mock-lok"], "USE-DUT-001"),
        (["./none.yaml"], "USE-BEN-001"),
    ],
)
def test_what_does_not_exist_is_refused_before_anything_is_touched(
    arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", *arguments]) == 11
    assert code in capsys.readouterr().err


def test_a_mock_bench_without_a_device_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((shipped("benches") / "mock.yaml").read_text().replace("\ndut: mock-lock\n", "\n"))
    assert main(["doctor", str(path)]) == 11
    assert "USE-OPT-003" in capsys.readouterr().err


def seen(reached: bool, refused: bool = False) -> Visit:
    trouble = None if reached else Trouble("X", "", "", "", "", refused)
    return Visit("r", "role", "d", "a", "", "f:1:1", reached, 0.1, trouble=trouble)


@pytest.mark.parametrize(
    ("visits", "left", "code"),
    [
        ([seen(True)], [Outcome("supply off", True)], 0),
        ([seen(True), seen(False)], [], 10),
        ([seen(True)], [Outcome("supply off", False, "no end")], 10),
        ([seen(False), seen(False, refused=True)], [], 11),
    ],
)
def test_the_exit_code_tells_what_is_wrong(visits: list[Visit], left: list[Outcome], code: int) -> None:
    assert exit_code(visits, left) == code
