"""Group B, links that break and come back: serial adapters under other names, twins, hubs that drop."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.drivers.serial_line import SerialLine, SerialSettings
from pytest_conformance.errors import UsageError
from pytest_conformance.simulation.instruments.pty_line import PtyLine

BENCH = ("INCONCLUSIVE", "bench")
ROLES = """
  mover: {{driver: serial-mover, address: '{mover}', hub: rack hub 2}}
  meter: {{driver: scpi-meter, address: '{meter}', timeout: 500 ms, hub: rack hub 2}}
  lux: {{driver: usb-lux, address: '{lux}'}}"""
LINK = "\n  mover: {{driver: serial-mover, address: '{}', travel: 5 s}}"


def misbehaved() -> None:
    raise AssertionError("the device seems to misbehave")


def on_a_hub(rig: Any, far: Any) -> Any:
    bench = rig(roles=ROLES.format(**{each: far.manifest[each]["address"] for each in ("mover", "meter", "lux")}))
    bench.power()
    return bench


@pytest.mark.parametrize("look", [misbehaved, None], ids=["the device is suspected", "an instrument is asked"])
def test_B07_a_hub_that_drops(rig: Any, far: Any, look: Callable[[], None] | None) -> None:
    """All children of a hub vanish: one cause, which names the hub and them, INCONCLUSIVE(bench), quarantine, off."""
    bench = on_a_hub(rig, far)
    for name in ("mover", "meter"):
        far.world.far_end(name).kill()

    assert bench.judged(look or (lambda: bench.bench.role("meter").volts())) == (*BENCH, "BEN-LNK-150")
    assert not far.powered()
    assert "rack hub 2" in bench.quarantine()
    assert "mover, meter" in bench.quarantine()
    assert bench.safe_states()[-1]["reached"] is True


def test_B07_one_instrument_of_a_hub_is_not_the_hub(rig: Any, far: Any) -> None:
    """One of two instruments on a hub goes away: it is named itself, and there is no quarantine."""
    bench = on_a_hub(rig, far)
    far.world.far_end("meter").kill()

    verdict, cause, code = bench.judged(misbehaved)

    assert (verdict, cause) == BENCH
    assert code.startswith("BEN-LNK-1")
    assert code != "BEN-LNK-150"
    assert bench.quarantine() == ""
    assert not far.powered()


PLUGGED = """
@clause("CN-FRT-8.a")
def test_in_which_the_adapter_goes_away(powered, mover):
    (HERE / "asking").touch()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        mover.position()
        time.sleep(0.02)

@clause("CN-FRT-8.b")
def test_after_it(mover):
    mover.goto(2)
    assert mover.position() == 2
"""


def replug(far: Any, link: Path) -> None:
    """Let the adapter vanish and come back under another name, as the kernel names it; the link follows it."""
    mover = far.world.far_end("mover")
    gone, mover.line = mover.line, PtyLine("mover", mover._answer)
    path = mover.line.open()  # before the other one ends, whose number would be given again
    gone.close()
    link.unlink()
    time.sleep(0.15)
    link.symlink_to(path)
    time.sleep(0.45)


@pytest.mark.parametrize("times", [1, 3])
def test_B02_B08_an_adapter_that_comes_back_under_another_name(
    begin: Any, bench_file: Any, far: Any, until: Any, tmp_path: Path, times: int
) -> None:
    """Once, or three times in 2 s: the trial is INCONCLUSIVE(bench), the next one uses the final port, recorded."""
    link = tmp_path / "usb-SIM_turntable_ST5005-if00-port0"
    link.symlink_to(far.manifest["mover"]["address"])
    first = link.resolve()
    ran = begin(PLUGGED, bench_file(roles=LINK.format(link)))
    until(lambda: (tmp_path / "asking").exists() or ran.process.poll() is not None, what="the first question")
    for _ in range(times):
        replug(far, link)
    ran.end()

    assert link.resolve() != first or times > 1, "another name"
    assert ran.verdict("CN-FRT-8.a") == BENCH, ran.out
    assert ran.events("verdict")[0].data["code"] == "BEN-LNK-132"
    assert ran.verdict("CN-FRT-8.b") == ("PASS", None), ran.out
    (note,) = [each.data["text"] for each in ran.events("note") if "went away and is back" in each.data["text"]]
    assert "mover" in note
    assert str(link) in note
    assert ran.safe_states()[0]["outputs"]["supply off"] == "done"
    assert not far.powered()


def test_B02_a_port_is_not_named_by_its_number_alone(rig: Any) -> None:
    """`/dev/ttyUSB0` in a bench file: refused before it is opened; a name that lasts is asked for."""
    with pytest.raises(UsageError) as caught:
        rig(roles=LINK.format("/dev/ttyUSB0"))
    assert caught.value.code == "USE-SER-001"
    assert "/dev/serial/by-id/" in str(caught.value)


ADAPTER = """
P: /devices/pci0000:00/0000:00:14.0/usb1/1-{port}
E: DEVTYPE=usb_device
E: SUBSYSTEM=usb
A: idVendor=0403\\n
A: idProduct=6001\\n
A: serial={serial}\\n
A: bNumInterfaces=1\\n

P: /devices/pci0000:00/0000:00:14.0/usb1/1-{port}/1-{port}:1.0
E: SUBSYSTEM=usb
E: DEVTYPE=usb_interface

P: /devices/pci0000:00/0000:00:14.0/usb1/1-{port}/1-{port}:1.0/ttyUSB{port}
E: SUBSYSTEM=usb-serial

P: /devices/pci0000:00/0000:00:14.0/usb1/1-{port}/1-{port}:1.0/ttyUSB{port}/tty/ttyUSB{port}
N: ttyUSB{port}
E: DEVNAME=/dev/ttyUSB{port}
E: SUBSYSTEM=tty
L: device=../../../ttyUSB{port}
"""
CLIENT = """
import json, os
from pathlib import Path
from pytest_conformance.drivers.serial_line import SerialLine, SerialSettings
from pytest_conformance.errors import LinkError

links = Path(os.environ["UMOCKDEV_DIR"]) / "dev" / "serial" / "by-id"
links.mkdir(parents=True)
(links / "usb-Maker_A5001-if00-port0").symlink_to("../../ttyUSB1")
try:
    SerialLine(SerialSettings(address="/dev/serial/by-id/usb-Maker_A5001-if00-port0"), "mover").open()
except LinkError as error:
    print(json.dumps([error.code, str(error)]))
else:
    print(json.dumps(["", "opened"]))
"""


@pytest.mark.skipif(shutil.which("umockdev-run") is None, reason="needs umockdev")
@pytest.mark.parametrize(("serials", "code"), [(("A5001", "A5001"), "BEN-LNK-133"), (("A5001", "A5002"), "")])
def test_B03_two_adapters_with_one_serial_number(tmp_path: Path, serials: tuple[str, str], code: str) -> None:
    """Two adapters in the kernel's list have one serial number: refused, both named with their physical port."""
    file = tmp_path / "two.umockdev"
    file.write_text(
        "".join(ADAPTER.format(port=number + 1, serial=serials[number]).lstrip() + "\n" for number in range(2))
    )

    done = subprocess.run(
        ["umockdev-run", "-d", str(file), "--", sys.executable, "-c", CLIENT],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("COV_")},
    )

    assert done.returncode == 0, done.stderr
    found, said = json.loads(done.stdout.splitlines()[-1])
    assert found == code, said
    if code:
        assert "/dev/ttyUSB1 at 1-1" in said
        assert "/dev/ttyUSB2 at 1-2" in said
        assert "by-path" in said


def test_B03_one_serial_line_is_opened_without_a_look_at_usb(tmp_path: Path) -> None:
    """A port that is no USB adapter has no twin."""
    line = PtyLine("mover", lambda text: None)
    link = tmp_path / "port"
    link.symlink_to(line.open())
    port = SerialLine(SerialSettings(address=str(link)), "mover")
    port.open()
    port.close()
    line.close()
