"""Real libusb against the simulated usbfs, in a child process that runs under umockdev's preload library."""

from __future__ import annotations

import ctypes.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_conformance.simulation.instruments.lux import Lux

PRELOAD = ctypes.util.find_library("umockdev-preload") or "libumockdev-preload.so.0"
CLIENT = """
import json, sys, usb.core, usb.backend.libusb1 as libusb
device = usb.core.find(backend=libusb.get_backend(), idVendor=0x1209, idProduct=1)
out = {"found": device is not None}
device.set_configuration()
out["serial"] = device.serial_number
out["status"] = bytes(device.ctrl_transfer(0xC0, 1, 0, 0, 4)).hex()
for name, act in {
    "stall": lambda: device.ctrl_transfer(0xC0, 99, 0, 0, 4),
    "timeout": lambda: device.read(0x81, 64, timeout=100),
    "badout": lambda: device.write(0x01, b"rubbish"),
}.items():
    try:
        act()
    except usb.core.USBError as error:
        out[name] = error.errno
device.write(0x01, bytes.fromhex("4c58010107000000"))
out["reading"] = len(device.read(0x81, 64, timeout=1000))
print(json.dumps(out), flush=True)
device.write(0x01, bytes.fromhex("4c58010108000000"))
device.read(0x81, 64, timeout=1000)
print("waiting", flush=True)
try:
    device.read(0x81, 64, timeout=5000)
except usb.core.USBError as error:
    print(error.errno, flush=True)
"""


def preloadable() -> bool:
    done = subprocess.run(["true"], env={**os.environ, "LD_PRELOAD": PRELOAD}, capture_output=True, timeout=10)
    return not done.stderr


pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not preloadable() or not ctypes.util.find_library("usb-1.0"),
    reason="needs umockdev's preload library and libusb",
)


@pytest.fixture
def run(world, tmp_path):
    lux = Lux(world, usbfs=tmp_path / "root")
    entry = lux.start()
    env = {**os.environ, "LD_PRELOAD": PRELOAD, "UMOCKDEV_DIR": str(tmp_path / "root")}
    children: list[subprocess.Popen[str]] = []

    def start(code: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=Path(__file__).parents[3],
        )  # fmt: skip
        children.append(child)
        return child

    yield lux, entry, start
    lux.stop()
    lux.stop()
    for child in children:
        child.kill()
        child.communicate()


def test_libusb_sees_descriptors_stalls_timeouts_and_an_unplugged_device(run):
    lux, entry, start = run
    assert entry == {"address": "usb://1209:0001/SX7007"}
    child = start(CLIENT)
    line = child.stdout.readline()
    assert line, child.stderr.read()
    assert json.loads(line) == {
        "found": True, "serial": "SX7007", "status": "00000000",
        "stall": 32, "timeout": 110, "badout": 32, "reading": 16,
    }  # fmt: skip
    assert child.stdout.readline() == "waiting\n"
    lux.kill()
    assert child.stdout.readline() == "19\n"
