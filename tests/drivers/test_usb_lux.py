from __future__ import annotations

import ctypes.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_conformance.drivers.roles import Identity, Lux
from pytest_conformance.drivers.usb_lux import LuxSettings, UsbLux
from pytest_conformance.errors import InstrumentError, LinkError, UsageError
from pytest_conformance.simulation.instruments.lux import BATTERY_LOW, CAP_ON
from pytest_conformance.simulation.instruments.lux import Lux as LuxFarEnd


@pytest.fixture
def meter(world):
    return world.far_end("lux").meter


@pytest.fixture
def lux(world, context):
    lux = UsbLux.open(LuxSettings(address=world.manifest["lux"]["address"], timeout="200 ms"), context)
    yield lux
    lux.close()
    lux.close()


def code_of(action) -> str:
    with pytest.raises(InstrumentError) as caught:
        action()
    return caught.value.code


def test_the_meter_reads_the_light_of_the_world(world, lux):
    assert isinstance(lux, Lux)
    assert lux.door == "usbip"
    assert lux.identity() == Identity("Simulated Instruments", "SIM-LUX1", "SX7007", "1.04")
    assert lux.lux() == 300.0
    world.lux.set(12.5)
    assert lux.lux() == 12.5
    assert lux.check() == []


def test_over_range_is_no_reading(world, lux):
    world.lux.set(30_000.0)
    assert code_of(lux.lux) == "BEN-INS-105"


@pytest.mark.parametrize(("flag", "text"), [(CAP_ON, "the cap is on"), (BATTERY_LOW, "the battery is low")])
def test_cap_and_battery_are_no_reading_and_a_finding(meter, lux, flag, text):
    meter.flags = flag
    assert code_of(lux.lux) == "BEN-INS-151"
    assert lux.check() == [text]


def test_a_damaged_reading_is_refused(meter, lux):
    meter.corrupt = True
    assert code_of(lux.lux) == "BEN-INS-150"


def test_the_reading_of_another_request_is_refused_and_thrown_away(meter, lux):
    meter._finish(4711)
    assert code_of(lux.lux) == "BEN-INS-150"
    time.sleep(0.1)
    lux._abort()
    assert lux.lux() == 300.0


def test_a_reading_that_comes_late_for_a_request_given_up_is_passed_over(world, meter, lux):
    assert lux.lux() == 300.0
    meter._finish(1)
    world.lux.set(12.5)
    assert lux.lux() == 12.5


def test_a_silent_meter_is_an_instrument_error(meter, lux):
    meter.silent = True
    assert code_of(lux.lux) == "BEN-INS-101"
    meter.silent = False
    assert lux.lux() == 300.0


def test_a_meter_that_goes_away_is_a_link_error(world, lux):
    world.far_end("lux").kill()
    with pytest.raises(LinkError) as caught:
        lux.lux()
    assert caught.value.code == "BEN-LNK-122"


def test_another_serial_number_is_refused(world, context):
    address = world.manifest["lux"]["address"]
    assert code_of(lambda: UsbLux.open(LuxSettings(address=address, expect_serial="X"), context)) == "BEN-INS-103"


def test_a_meter_that_another_holds_is_a_link_error(world, lux, context):
    with pytest.raises(LinkError) as caught:
        UsbLux.open(LuxSettings(address=world.manifest["lux"]["address"]), context)
    assert caught.value.code == "BEN-LNK-121"


@pytest.mark.parametrize("address", ["/dev/ttyUSB0", "usb://12:34", "usbip://h:1", "usbip://h/1-1"])
def test_an_address_that_is_no_usb_address_is_a_usage_error(context, address):
    with pytest.raises(UsageError):
        UsbLux.open(LuxSettings(address=address), context)


@pytest.mark.parametrize("address", ["usbip://127.0.0.1:1/1-1", "usbip://127.0.0.1:99999/1-1", "usb://1209:fffe"])
def test_nobody_there_is_a_link_error(context, address):
    with pytest.raises(LinkError):
        UsbLux.open(LuxSettings(address=address), context)


PRELOAD = "libumockdev-preload.so.0"
CLIENT = """
import json, sys
from pathlib import Path
from pytest_conformance.clock import RealClock
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.usb_lux import LuxSettings, UsbLux
from pytest_conformance.errors import LinkError
lux = UsbLux.open(LuxSettings(address=sys.argv[1], timeout="500 ms"), DriverContext("lux", RealClock(), Path(".")))
print(json.dumps([lux.door, lux.identity().serial, lux.lux(), lux.lux(), lux.check()]), flush=True)
sys.stdin.readline()
try:
    lux.lux()
except LinkError as error:
    print(error.code)
lux.close()
"""


def preloadable() -> bool:
    done = subprocess.run(["true"], env={**os.environ, "LD_PRELOAD": PRELOAD}, capture_output=True, timeout=10)
    return not done.stderr


@pytest.mark.skipif(
    not ctypes.util.find_library("usb-1.0") or not preloadable(), reason="needs umockdev's preload library and libusb"
)
def test_the_same_meter_is_read_and_lost_through_libusb(world, tmp_path):
    far_end = LuxFarEnd(world, usbfs=tmp_path / "root")
    address = far_end.start()["address"]
    env = {**os.environ, "LD_PRELOAD": PRELOAD, "UMOCKDEV_DIR": str(tmp_path / "root")}
    with subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(address)], env=env, cwd=Path(__file__).parents[2], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as child:  # fmt: skip
        line = child.stdout.readline()
        assert line, child.stderr.read()
        assert json.loads(line) == ["libusb", "SX7007", 300.0, 300.0, []]
        far_end.kill()
        out, errors = child.communicate("go\n", timeout=20)
        assert (out, errors) == ("BEN-LNK-122\n", "")
