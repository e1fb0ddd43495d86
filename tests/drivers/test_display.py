"""Both display drivers, against the simulated monitor's wire and against a real window system."""

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from pytest_conformance.clock import RealClock
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.display import NetworkDisplay, WindowDisplay
from pytest_conformance.errors import InstrumentError, LinkError, MethodError, UsageError
from pytest_conformance.simulation.scene import add_scene
from pytest_conformance.simulation.world import Options, World

PICTURE = np.zeros((40, 30, 3), np.uint8)
PICTURE[:, :, 0] = 200


@pytest.fixture
def context(tmp_path: Path) -> DriverContext:
    return DriverContext("display", RealClock(), tmp_path)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(Options("nothing", folder=tmp_path))
    add_scene(made)
    yield made
    made.stop()


@pytest.fixture
def display(world: World, context: DriverContext) -> Iterator[NetworkDisplay]:
    entry = world.far_end("display").start()
    settings = {key: value for key, value in entry.items() if key in NetworkDisplay.Settings.model_fields}
    made = NetworkDisplay.open(NetworkDisplay.Settings.model_validate(settings), context)
    yield made
    made.close()


def answering(*answers: bytes) -> str:
    """Start a display that gives these answers, whatever it is asked, and then hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError), listener, listener.accept()[0] as peer:
            for answer in answers:
                peer.recv(65536)
                peer.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return f"127.0.0.1:{listener.getsockname()[1]}"


WHO = b'{"ok": true, "manufacturer": "M", "model": "X", "serial": "1", "firmware": "2", "panel_mm": [300, 200]}\n'


def test_it_says_who_it_is(display: NetworkDisplay) -> None:
    assert display.identity().model == "SIM-PANEL16"


def test_a_shown_picture_arrives_in_its_colours_and_width(world: World, display: NetworkDisplay) -> None:
    display.show(PICTURE, 123.0)
    shown = world.scene.screen.value
    assert shown is not None
    assert shown.width_mm == 123.0
    assert shown.picture[5, 5].tolist() == [0, 0, 200]
    display.blank()
    assert world.scene.screen.value is None


def test_a_declared_gamma_is_taken_off_what_is_sent(world: World, context: DriverContext) -> None:
    entry = world.far_end("display").start()
    settings = {"address": entry["address"], "gamma": 1.0}
    display = NetworkDisplay.open(NetworkDisplay.Settings.model_validate(settings), context)
    display.show(PICTURE, 123.0)
    shown = world.scene.screen.value
    assert shown is not None
    # value 200 of sRGB stands for 57.8 % of full light, which a linear display gives at 147
    assert shown.picture[5, 5].tolist() == [0, 0, 147]
    display.close()


def test_the_flip_time_is_bench_time_within_its_uncertainty(world: World, display: NetworkDisplay) -> None:
    before = time.monotonic_ns()
    at = display.show(PICTURE, 100.0)
    after = time.monotonic_ns()
    assert before < at < after
    truth = world.far_end("display").seen()[-1]["at"]
    assert abs(at - truth) < max(4 * display.uncertainty, 0.001) * 1e9
    assert 0 < display.uncertainty < 0.05


@pytest.mark.parametrize("width", [0.0, -5.0, float("nan"), 5000.0])
def test_a_width_that_does_not_fit_is_refused_before_anything_is_sent(
    world: World, display: NetworkDisplay, width: float
) -> None:
    with pytest.raises(UsageError) as refused:
        display.show(PICTURE, width)
    assert refused.value.code == "USE-DSP-001"
    assert world.far_end("display").seen() == []


@pytest.mark.parametrize("picture", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_what_is_not_an_rgb_picture_is_refused(display: NetworkDisplay, picture: np.ndarray) -> None:
    with pytest.raises(UsageError):
        display.show(picture, 100.0)


def test_a_killed_display_is_a_link_error(world: World, display: NetworkDisplay) -> None:
    world.far_end("display").kill()
    with pytest.raises(LinkError) as lost:
        display.show(PICTURE, 100.0)
    assert lost.value.code == "BEN-DSP-002"
    with pytest.raises(LinkError):
        display.identity()


def test_nobody_there_is_a_link_error(context: DriverContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(LinkError) as unreachable:
        NetworkDisplay.open(NetworkDisplay.Settings(address=address), context)
    assert unreachable.value.code == "BEN-DSP-001"


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([b"rubbish\n"], "BEN-DSP-005"),
        ([b"[]\n"], "BEN-DSP-003"),
        ([b'{"error": "\\u001b[31m no"}\n'], "BEN-DSP-003"),
        ([WHO, b'{"ok": true}\n', *[b'{"ok": true}\n'] * 4], "BEN-DSP-005"),
        ([WHO, b'{"ok": true, "flipped": true}\n', *[b'{"ok": true, "got": 1, "sent": 2}\n'] * 4], "BEN-DSP-005"),
    ],
)
def test_a_display_that_answers_nonsense_is_an_instrument_error(
    context: DriverContext, answers: list[bytes], code: str
) -> None:
    def use() -> None:
        NetworkDisplay.open(NetworkDisplay.Settings(address=answering(*answers)), context).show(PICTURE, 100.0)

    with pytest.raises(InstrumentError) as wrong:
        use()
    assert wrong.value.code == code
    assert "\x1b" not in str(wrong.value)


def test_another_model_than_expected_is_refused(context: DriverContext) -> None:
    settings = NetworkDisplay.Settings(address=answering(WHO), expect_model="Y")
    with pytest.raises(InstrumentError) as wrong:
        NetworkDisplay.open(settings, context)
    assert wrong.value.code == "BEN-DSP-004"


def test_unknown_settings_and_bare_numbers_are_refused() -> None:
    with pytest.raises(ValidationError):
        NetworkDisplay.Settings.model_validate({"address": "x:1", "colour": "red"})
    with pytest.raises(ValidationError):
        WindowDisplay.Settings.model_validate({"pixel_pitch": 0.2})


def test_without_a_desktop_the_window_is_a_method_error(
    context: DriverContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    settings = WindowDisplay.Settings.model_validate({"pixel_pitch": "0.25 mm"})
    with pytest.raises(MethodError) as refused:
        WindowDisplay.open(settings, context)
    assert refused.value.code == "MET-DSP-001"


WINDOW = """
import json, select, sys, time
import cv2
from pathlib import Path
import numpy as np
from pytest_conformance.clock import RealClock
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.display import WindowDisplay
more = json.loads(sys.argv[1])
settings = WindowDisplay.Settings.model_validate({"pixel_pitch": "0.5 mm", "screen": [640, 480], **more})
display = WindowDisplay.open(settings, DriverContext("display", RealClock(), Path(".")))
picture = np.zeros((40, 30, 3), np.uint8)
picture[:, :, 0] = 200
before = time.monotonic_ns()
at = display.show(picture, 100.0)
assert before < at <= time.monotonic_ns()
print("shown", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    cv2.waitKey(10)
display.close()
display.close()
"""


@contextlib.contextmanager
def virtual_screen(folder: Path) -> Iterator[str]:
    """Run an X server without a monitor; its picture lies in `folder`."""
    reading, writing = os.pipe()
    command = [
        "Xvfb",
        "-displayfd",
        str(writing),
        "-screen",
        "0",
        "800x600x24",
        "-nolisten",
        "tcp",
        "-fbdir",
        str(folder),
    ]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as stream:
            number = stream.readline().strip()
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(5)


def grab(folder: Path) -> np.ndarray:
    """Read the X server's picture (an XWD file): rows, columns, BGR and a byte more."""
    data = (folder / "Xvfb_screen0").read_bytes()
    header = struct.unpack(">25I", data[:100])
    size, columns, rows, line, colours = header[0], header[4], header[5], header[12], header[19]
    pixels = np.frombuffer(data, np.uint8, line * rows, size + 12 * colours)
    return pixels.reshape(rows, line // 4, 4)[:, :columns]


@contextlib.contextmanager
def window(folder: Path, **settings: object) -> Iterator[Path]:
    """Show the picture in a window on a virtual screen, whose picture lies in `folder` meanwhile."""
    with virtual_screen(folder) as screen:
        child = subprocess.Popen(
            [sys.executable, "-c", WINDOW, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "DISPLAY": screen},
            text=True,
        )
        with child:
            assert child.stdout is not None
            assert child.stdin is not None
            assert child.stdout.readline() == "shown\n"
            yield folder
            child.stdin.close()
            assert child.wait(20) == 0


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb")
def test_the_window_shows_the_picture_at_its_size_in_millimetres(tmp_path: Path) -> None:
    with window(tmp_path):
        shown = RealClock().wait_for(lambda: abs(red_width(grab(tmp_path)) - 200) <= 2, 20)
        width = red_width(grab(tmp_path))
    assert shown, f"{width} columns are red"


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb")
@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ({}, 200),
        ({"gamma": 1.0}, 147),  # 57.8 % of full light
        ({"gamma": 2.6}, 206),
        ({"tone": [[0, 0.4], [100, 50.4], [255, 200.4]]}, 168),  # 115.5 of the 200 units above black
    ],
)
def test_the_window_shows_the_light_that_the_picture_stands_for(
    tmp_path: Path, declared: dict[str, object], value: int
) -> None:
    with window(tmp_path, **declared):
        shown = RealClock().wait_for(lambda: abs(red_value(grab(tmp_path)) - value) <= 1, 20)
        found = red_value(grab(tmp_path))
    assert shown, f"the picture's red is {found}"


def red_value(screen: np.ndarray) -> int:
    """The value of what is nothing but red on the screen; 0 where little is."""
    red = screen[(screen[..., 2] > 60) & (screen[..., 1] < 20) & (screen[..., 0] < 20)]
    return int(np.median(red[:, 2])) if len(red) > 1000 else 0


def red_width(screen: np.ndarray) -> int:
    red = (screen[..., 2] > 150) & (screen[..., 1] < 60)
    columns = np.flatnonzero(red.any(axis=0))
    return int(columns.max() - columns.min() + 1) if columns.size else 0
