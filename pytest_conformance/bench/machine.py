"""What this machine can do for a bench: which doors are open, which optional packages are there, disk and clock.

Nothing here fails: a door that is closed says what it is good for and how to open it.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

SMALLEST_DISK = 2 * 1024**3
"""Free bytes below which a run may not find room for its captures and evidence."""
RELEASED = 1_735_689_600.0
"""2025-01-01 in seconds since the epoch: a clock that shows an earlier time is wrong."""
FAR = 4_102_444_800.0
"""2100-01-01."""
PATIENCE = 10.0
_UNSYNCHRONISED = 5
_TIMEX = 512
"""Bytes that hold struct timex on every platform; zeros ask and change nothing."""
_TRAFFIC = {
    "h2": "h2",
    "aioquic": "aioquic",
    "brotli": "brotli",
    "zstandard": "zstandard",
    "cbor2": "cbor2",
    "PIL": "Pillow",
}


@dataclass(frozen=True)
class Probe:
    """One thing that was looked for. `open`: it can be used as it is; `todo` says how to mend it when not."""

    name: str
    open: bool
    detail: str
    todo: str = ""


def probe_machine(folder: Path, *, oldest_node: int) -> list[Probe]:
    """Return what was found of each door and helper; `folder` is where records are written.

    `oldest_node`: major version of Node.js from which the Allure page can be built.
    """
    probes: Sequence[Callable[[], Probe]] = (
        namespace,
        dumpcap,
        umockdev,
        browser,
        lambda: node(oldest_node),
        bumble,
        traffic,
        opencv,
        lambda: disk(folder),
        clock,
    )
    return [each() for each in probes]


def namespace() -> Probe:
    """Tell whether network namespaces can be made, by making one and deleting it."""
    name, without = "namespace", "without it packets go through the bench's relay"
    if not sys.platform.startswith("linux"):
        return Probe(name, False, f"not Linux; {without}")
    if os.geteuid() != 0:
        return Probe(name, False, f"not running as root; {without}", "run as root, or in a container with NET_ADMIN")
    if shutil.which("ip") is None:
        return Probe(name, False, f"`ip` is not installed; {without}", "apt install iproute2")
    mine = f"pc-probe-{os.getpid()}"
    made, said = _run("ip", "netns", "add", mine)
    if not made:
        return Probe(name, False, f"the kernel refuses one: {said}; {without}", "grant CAP_SYS_ADMIN and CAP_NET_ADMIN")
    _run("ip", "netns", "delete", mine)
    if shutil.which("dumpcap") is None:
        return Probe(name, False, f"dumpcap is missing; {without}", "apt install wireshark-common")
    return Probe(name, True, "real packets between network namespaces")


def dumpcap() -> Probe:
    """Tell whether dumpcap is there and sees interfaces."""
    if shutil.which("dumpcap") is None:
        return Probe("dumpcap", False, "not installed", "apt install wireshark-common")
    _, said = _run("dumpcap", "--version")
    found = re.search(r"\d{1,4}\.\d{1,4}\.\d{1,4}", said)
    seen, interfaces = _run("dumpcap", "-D")
    if not seen or not interfaces.strip():
        todo = "run as root, or: dpkg-reconfigure wireshark-common, and join the group wireshark"
        return Probe("dumpcap", False, "may not capture on any interface", todo)
    return Probe(
        "dumpcap", True, f"version {found[0] if found else 'unknown'}, {len(interfaces.splitlines())} interfaces"
    )


def umockdev() -> Probe:
    """Tell whether libusb can be given simulated devices."""
    library = ctypes.util.find_library("umockdev-preload")
    if library is None:
        return Probe("umockdev", False, "not installed; the simulated lux meter uses USB/IP", "apt install umockdev")
    active = "umockdev" in os.environ.get("LD_PRELOAD", "")
    return Probe("umockdev", True, f"{library}, {'preloaded' if active else 'not preloaded'}")


def browser() -> Probe:
    """Tell whether the companion app can be driven in a browser."""
    from pytest_conformance.devices.channels.companion import find_browser

    without = "the companion app is driven by its forms; clauses that need pixels are INCONCLUSIVE(method)"
    program = find_browser()
    if program is None:
        return Probe("browser", False, f"no chromium; {without}", "apt install chromium")
    if importlib.util.find_spec("playwright") is None:
        return Probe("browser", False, f"no playwright; {without}", "pip install pytest-conformance[companion]")
    return Probe("browser", True, f"{program}, playwright {_version('playwright')}")


def node(oldest: int) -> Probe:
    """Tell whether Node.js and npm can build Allure's page."""
    without = "no allure-report.html; report.html is complete without it"
    todo = f"install Node.js {oldest} or newer, with npm"
    absent = [each for each in ("node", "npm") if shutil.which(each) is None]
    if absent:
        return Probe("node", False, f"{' and '.join(absent)} not installed; {without}", todo)
    _, said = _run("node", "--version")
    major = re.match(r"v(\d{1,4})\.", said)
    if major is None or int(major[1]) < oldest:
        return Probe("node", False, f"Node.js {said[:20]} is too old; {without}", todo)
    return Probe("node", True, f"Node.js {said[:20]}")


def bumble() -> Probe:
    """Tell whether the Bluetooth LE host stack is there."""
    if importlib.util.find_spec("bumble") is None:
        return Probe("bluetooth", False, "bumble is not installed", "pip install pytest-conformance[ble]")
    return Probe("bluetooth", True, f"bumble {_version('bumble')}")


def traffic() -> Probe:
    """Tell which optional decoders of traffic are there; what they would read is opaque without them."""
    missing = [package for module, package in _TRAFFIC.items() if importlib.util.find_spec(module) is None]
    if missing:
        detail = f"missing: {', '.join(missing)}; what they would read stays opaque, never PASS"
        return Probe("traffic", False, detail, "pip install pytest-conformance[traffic]")
    return Probe("traffic", True, ", ".join(_TRAFFIC.values()))


def opencv() -> Probe:
    """Tell which flavour of OpenCV is there, and whether it loads (it needs libGL unless it is headless)."""
    flavours = [f"opencv-{each}" for each in ("python", "python-headless", "contrib-python", "contrib-python-headless")]
    installed = [f"{each} {_version(each)}" for each in flavours if _version(each)]
    try:
        import cv2
    except ImportError as error:
        todo = "apt install libgl1 libglib2.0-0, or install opencv-python-headless in place of opencv-python"
        return Probe("opencv", False, f"{', '.join(installed) or 'not installed'}: {error}", todo)
    if len(installed) > 1:
        todo = "uninstall all of them, then install the one that is meant: they overwrite each other"
        return Probe("opencv", False, f"{' and '.join(installed)} are installed together", todo)
    return Probe("opencv", True, f"{installed[0] if installed else 'OpenCV'}, loads as {cv2.__version__}")


def disk(folder: Path) -> Probe:
    """Tell how much room there is where records are written."""
    existing = next((each for each in (folder, *folder.absolute().parents) if each.is_dir()), Path("/"))
    free = shutil.disk_usage(existing).free
    if not os.access(existing, os.W_OK):
        return Probe("disk", False, f"{existing} cannot be written", "choose another folder with --record")
    enough = free >= SMALLEST_DISK
    todo = "" if enough else f"make room: a run may need {SMALLEST_DISK / 1024**3:g} GiB"
    return Probe("disk", enough, f"{free / 1024**3:.1f} GiB free at {existing}", todo)


def clock(now: float | None = None) -> Probe:
    """Tell whether the wall clock can be right, and whether the kernel calls it synchronised."""
    shown = time.time() if now is None else now
    said = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(min(max(shown, 0.0), FAR)))
    if not RELEASED <= shown < FAR:
        return Probe(
            "clock", False, f"it shows {said}", "set the clock: the record's times and calibration depend on it"
        )
    if _kernel_state() == _UNSYNCHRONISED:
        todo = "start chrony or systemd-timesyncd, or compare the clock by hand and note the difference"
        return Probe("clock", False, f"{said}; the kernel says that nothing keeps it synchronised", todo)
    return Probe("clock", True, said)


def _kernel_state() -> int:
    """Return what adjtimex says of the clock (0 to 5), or -1 where it cannot be asked."""
    try:
        return int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX)))
    except (AttributeError, OSError):
        return -1


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _run(*command: str) -> tuple[bool, str]:
    """Run a short command; return whether it succeeded, and its first kilobytes of output."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    said = (done.stdout or done.stderr).decode("utf-8", "replace")
    return done.returncode == 0, said[:4000].strip()
