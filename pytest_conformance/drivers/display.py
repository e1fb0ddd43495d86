"""Drivers of displays: `network-display` (a monitor fed over TCP) and `window-display` (a screen of this host)."""

from __future__ import annotations

import json
import math
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.readings import shown
from pytest_conformance.drivers.roles import Identity
from pytest_conformance.drivers.tone import ToneSettings, corrected
from pytest_conformance.errors import InstrumentError, LinkError, MethodError, UsageError
from pytest_conformance.quantities import Duration, Millimetres

if TYPE_CHECKING:
    from pytest_conformance.drivers.roles import Image

LONGEST_ANSWER = 65536
PINGS = 4
"""Exchanges of which the fastest gives the offset of the display's clock."""
_SETTLES_WITHIN = 500_000_000
"""Nanoseconds after which a new window is taken to be on the screen."""


class NetworkDisplaySettings(ToneSettings):
    """Settings of `network-display`."""

    address: str
    """HOST:PORT."""
    timeout: Duration = 3.0
    panel_mm: tuple[float, float] | None = None
    pixels: tuple[int, int] | None = None
    expect_model: str = ""
    clock_limit: Duration = 0.05
    """How well the display's clock must be known, and by how much it may step against this host's, in the run."""


class NetworkDisplay:
    """A display on the network: a JSON line each way, a PNG after `show`; its own clock is mapped to the bench's.

    `uncertainty` is the standard uncertainty of the last flip's bench time in seconds: half of the fastest exchange's
    round trip, rectangular. `offset` is what the display's clock is ahead of the bench's (s). A clock that is not known
    well enough, or that steps, is an InstrumentError: BEN-DSP-006, 007 (case D07).
    """

    Settings = NetworkDisplaySettings
    door = "tcp"

    def __init__(self, settings: NetworkDisplaySettings, context: DriverContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._where = f"{context.role} at {settings.address}"
        self._socket: socket.socket | None = None
        self._buffer = b""
        self._panel: tuple[float, float] | None = settings.panel_mm
        self.uncertainty = 0.0
        self._clocks: tuple[int, int] | None = None
        """What adding turns the display's time into bench time, ns, and half of the round trip."""

    @property
    def offset(self) -> float:
        """Seconds by which the display's clock was ahead of the bench's when they were last compared."""
        return -self._clocks[0] / 1e9 if self._clocks is not None else 0.0

    @classmethod
    def open(cls, settings: NetworkDisplaySettings, context: DriverContext) -> NetworkDisplay:
        """Connect, ask who is there and compare clocks.

        Raises LinkError BEN-DSP-001, InstrumentError BEN-DSP-004 for another model, BEN-DSP-006 for an unknown clock.
        """
        display = cls(settings, context)
        display._connect()
        try:
            display._check_model()
            display._compare_clocks()
        except BaseException:
            display.close()
            raise
        return display

    def identity(self) -> Identity:
        """Ask the display who it is."""
        said = self._ask({"do": "identify"})
        panel = said.get("panel_mm")
        if self._panel is None and isinstance(panel, list) and len(panel) == 2:
            self._panel = (float(panel[0]), float(panel[1]))
        return Identity(*(str(said.get(key, "")) for key in ("manufacturer", "model", "serial", "firmware")))

    def show(self, image: Image, width_mm: float) -> int:
        """Show an RGB picture `width_mm` wide, its tone as declared; return the bench time at which it was flipped.

        Raises UsageError USE-DSP-001 for a picture that does not fit, InstrumentError BEN-DSP-003 when it is refused.
        """
        import cv2

        _check_picture(image, width_mm, self._panel, self._where)
        fed = corrected(image, self._settings)
        png = cv2.imencode(".png", fed[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
        answer = self._ask({"do": "show", "bytes": len(png), "width_mm": width_mm}, png)
        return self._flip_time(answer)

    def blank(self) -> None:
        """Show nothing (black)."""
        self._ask({"do": "blank"})

    def close(self) -> None:
        """Close the connection; safe to call twice. The display keeps its picture."""
        link, self._socket = self._socket, None
        if link is not None:
            link.close()

    def _connect(self) -> None:
        host, _, port = self._settings.address.rpartition(":")
        if not port.isascii() or not port.isdigit() or not host:
            raise UsageError("USE-DSP-002", f"address {self._settings.address!r} is not HOST:PORT", where=self._where)
        try:
            self._socket = socket.create_connection((host, int(port)), self._settings.timeout)
        except OSError as error:
            raise LinkError(
                "BEN-DSP-001",
                f"the display cannot be reached ({error})",
                where=self._where,
                expected="a display that listens",
                todo="check that it is on, its cable and its address",
            ) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _check_model(self) -> None:
        identity = self.identity()
        wanted = self._settings.expect_model
        if wanted and identity.model != wanted:
            raise InstrumentError(
                "BEN-DSP-004", f"another display answers: {shown(identity.model)}", where=self._where, expected=wanted
            )

    def _ask(self, request: dict[str, Any], body: bytes = b"") -> dict[str, Any]:
        try:
            if self._socket is None:
                raise OSError("the connection is closed")
            self._socket.sendall(json.dumps(request).encode() + b"\n" + body)
            answer = json.loads(self._line(self._socket))
        except OSError as error:
            self.close()
            raise LinkError(
                "BEN-DSP-002",
                f"the display went away ({error})",
                where=self._where,
                expected="an answer within the timeout",
                todo="check its power and cable; the trial is void",
            ) from error
        except ValueError as error:
            self.close()
            raise InstrumentError("BEN-DSP-005", "the display's answer cannot be read", where=self._where) from error
        if not isinstance(answer, dict) or answer.get("ok") is not True:
            said = answer.get("error", answer) if isinstance(answer, dict) else answer
            raise InstrumentError("BEN-DSP-003", f"the display refused: {shown(str(said))}", where=self._where)
        return answer

    def _line(self, link: socket.socket) -> bytes:
        while b"\n" not in self._buffer:
            data = link.recv(4096)
            if not data or len(self._buffer) > LONGEST_ANSWER:
                raise ConnectionError("the display closed the connection" if not data else "an answer without end")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _flip_time(self, answer: dict[str, Any]) -> int:
        """Map the display's own time of the flip to bench time."""
        return self._number(answer, "flipped") + self._compare_clocks()

    def _compare_clocks(self) -> int:
        """Return what turns the display's time into bench time, ns: from the fastest of a few exchanges.

        Raises InstrumentError BEN-DSP-006 when the fastest one is too slow, BEN-DSP-007 when the clock stepped.
        """
        best: tuple[int, int] | None = None
        with self._clock.realtime():
            for _ in range(PINGS):
                sent = self._clock.now()
                ping = self._ask({"do": "time"})
                received = self._clock.now()
                theirs = self._number(ping, "got") + self._number(ping, "sent")
                delay = received - sent
                if best is None or delay < best[0]:
                    best = (delay, (sent + received - theirs) // 2)
        if best is None:
            raise InstrumentError("BEN-DSP-005", "the display's clock cannot be read", where=self._where)
        half, offset = best[0] // 2, best[1]
        limit = round(self._settings.clock_limit * 1e9)
        if half > limit:
            raise InstrumentError(
                "BEN-DSP-006",
                f"the display's clock is only known to {half / 1e6:.0f} ms",
                where=self._where,
                expected=f"{limit / 1e6:.0f} ms",
                todo="give it a shorter way on the network; nothing can be timed with it like this",
            )
        before, self._clocks = self._clocks, (offset, half)
        if before is not None and abs(offset - before[0]) > limit + half + before[1]:
            raise InstrumentError(
                "BEN-DSP-007",
                f"the display's clock stepped by {(before[0] - offset) / 1e6:+.0f} ms against this host's",
                where=self._where,
                expected=f"at most {limit / 1e6:.0f} ms in a run",
                todo="let both hosts keep their clocks by the same server, without steps; the trial is void",
            )
        self.uncertainty = half / 1e9 / math.sqrt(3)
        return offset

    def _number(self, answer: dict[str, Any], key: str) -> int:
        value = answer.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise InstrumentError(
                "BEN-DSP-005", f"the display did not say when ({key} is missing)", where=self._where, expected="ns"
            )
        return value


class WindowDisplaySettings(ToneSettings):
    """Settings of `window-display`."""

    pixel_pitch: Millimetres = Field(gt=0)
    """Width of a pixel of the screen: its visible width divided by its columns."""
    screen: tuple[int, int] = (1920, 1080)
    """Columns and rows of the screen."""
    position: tuple[int, int] = (0, 0)
    """Where the screen begins on the desktop, for a second screen."""


class WindowDisplay:
    """A screen of this host, covered by an OpenCV window. Needs an OpenCV with windows and a desktop (DISPLAY).

    The flip time is when the window system took the picture; what comes after that (composition, panel) must be
    measured with a photodiode.
    """

    Settings = WindowDisplaySettings
    door = "window"

    def __init__(self, settings: WindowDisplaySettings, context: DriverContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._where = context.role
        self._window = f"bench {context.role}"
        self._shown = False

    @classmethod
    def open(cls, settings: WindowDisplaySettings, context: DriverContext) -> WindowDisplay:
        """Open the window, black. MethodError MET-DSP-001 where there is no desktop or OpenCV has no windows."""
        import cv2

        display = cls(settings, context)
        _require_desktop(context.role)
        try:
            cv2.namedWindow(display._window, cv2.WINDOW_NORMAL)
            cv2.moveWindow(display._window, *settings.position)
            cv2.resizeWindow(display._window, *settings.screen)
            display._settle()
            cv2.setWindowProperty(display._window, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN)
        except cv2.error as error:
            raise MethodError(
                "MET-DSP-001",
                "OpenCV cannot open a window",
                where=context.role,
                expected="opencv-python (not -headless) and a desktop",
                todo="run on the desktop that drives the screen, or use network-display",
            ) from error
        display._shown = True
        display.blank()
        display._settle()
        return display

    def identity(self) -> Identity:
        """Say which OpenCV draws the window."""
        import cv2

        return Identity("OpenCV", "window", self._window, str(cv2.__version__))

    def show(self, image: Image, width_mm: float) -> int:
        """Show an RGB picture `width_mm` wide in the middle of the screen, its tone as declared.

        Returns the bench time of the flip.
        """
        import cv2
        import numpy as np

        columns, rows = self._settings.screen
        pitch = float(self._settings.pixel_pitch)
        _check_picture(image, width_mm, (columns * pitch, rows * pitch), self._where)
        width = max(1, round(width_mm / pitch))
        height = max(1, round(width * image.shape[0] / image.shape[1]))
        if height > rows:
            raise UsageError("USE-DSP-001", f"the picture is {height} rows high", where=self._where, expected=f"{rows}")
        canvas = np.zeros((rows, columns, 3), np.uint8)
        left, top = (columns - width) // 2, (rows - height) // 2
        sized = cv2.resize(image[..., ::-1], (width, height), interpolation=cv2.INTER_AREA)
        canvas[top : top + height, left : left + width] = corrected(sized.astype(np.uint8), self._settings)
        return self._flip(canvas)

    def blank(self) -> None:
        """Show black."""
        import numpy as np

        columns, rows = self._settings.screen
        self._flip(np.zeros((rows, columns, 3), np.uint8))

    def close(self) -> None:
        """Close the window; safe to call twice."""
        import cv2

        if self._shown:
            self._shown = False
            cv2.destroyWindow(self._window)

    def _flip(self, canvas: Image) -> int:
        import cv2

        if not self._shown:
            raise InstrumentError("BEN-DSP-006", "the window is closed", where=self._where, todo="run again")
        cv2.imshow(self._window, canvas)
        cv2.waitKey(1)
        return self._clock.now()

    def _settle(self) -> None:
        """Let the window system map the window: one that is covered or resized before that may never be drawn again."""
        import cv2

        end = self._clock.now() + _SETTLES_WITHIN
        with self._clock.realtime():
            while self._clock.now() < end:
                cv2.waitKey(10)


def _require_desktop(role: str) -> None:
    """Refuse before Qt ends the whole process: it aborts where no display can be reached."""
    import os
    import sys

    if sys.platform != "linux" or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("QT_QPA_PLATFORM"):
        return
    name = os.environ.get("DISPLAY", "")
    number = name.partition(":")[2].partition(".")[0]
    local = name.startswith(":") and number.isdigit()
    if not name or (local and not Path(f"/tmp/.X11-unix/X{number}").exists()):
        raise MethodError(
            "MET-DSP-001",
            f"there is no desktop (DISPLAY={name!r})",
            where=role,
            expected="a desktop session on the host that drives the screen",
            todo="run on that desktop, or use network-display",
        )


def _check_picture(image: Image, width_mm: float, panel: tuple[float, float] | None, where: str) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype.name != "uint8" or 0 in image.shape:
        raise UsageError("USE-DSP-001", "the picture is not RGB with 8 bits a channel", where=where)
    widest = panel[0] if panel is not None else math.inf
    if not math.isfinite(width_mm) or not 0 < width_mm <= widest:
        raise UsageError(
            "USE-DSP-001", f"a picture {width_mm:g} mm wide does not fit", where=where, expected=f"0 to {widest:g} mm"
        )
