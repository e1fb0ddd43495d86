"""Driver `opencv-watch`: the camera that looks at the device, by RTSP, V4L2 or anything that OpenCV opens."""

from __future__ import annotations

import itertools
import os
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from pydantic import Field

from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.roles import Frame, Identity
from pytest_conformance.drivers.settings import DriverSettings
from pytest_conformance.errors import InstrumentError, LinkError
from pytest_conformance.quantities import Duration, Fraction, Seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_conformance.drivers.roles import Image

FFMPEG_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
LOW_LATENCY = "fflags;nobuffer|flags;low_delay"
BLACK_MEAN, BLACK_DEVIATION = 6.0, 3.0
"""Grey levels below which a picture is taken for black: a covered lens, a dead sensor."""
MANUAL_EXPOSURE, UNKNOWN_CONTROL = 1.0, -1.0
"""What V4L2 calls an exposure that is set by hand, and what OpenCV says of a control that the camera does not have."""
FEWEST_DROPS = 2
"""Missing pictures below which nothing is said: one gap is a hiccup of the link."""
KEPT = 400
"""Frames that are kept in memory."""


class WatchSettings(DriverSettings):
    """Settings of `opencv-watch`."""

    address: str
    """rtsp://... or the number of a local camera."""
    lamp: tuple[int, int, int] | None = None
    """Where the device's lamp is in the picture: column, row, radius."""
    transport: str = Field("tcp", pattern="^(tcp|udp)$")
    timeout: Duration = 5.0
    """How long the camera may take to open, and how long it may be silent (at most 2 s of it)."""
    latency: Seconds = 0.0
    """From exposure to arrival, known from a calibration; frames are stamped that much earlier."""
    frozen_after: Duration = 1.5
    """How long pictures may stay the same to the last bit; a sensor's noise never does."""
    drops: Fraction = 0.2
    """Share of the pictures of a timed interval that may be missing before the trial is void."""


class OpencvWatch:
    """Reads pictures in a thread as they come, so that none is old, and stamps them with bench time.

    A camera that is covered, frozen or gone raises InstrumentError: BEN-WCH-002 lost, 003 black, 004 frozen; one
    on this host whose automatic exposure, focus or white balance cannot be switched off 006.
    """

    Settings = WatchSettings

    def __init__(self, settings: WatchSettings, context: DriverContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._where = f"{context.role} at {_without_secret(settings.address)}"
        self.door = settings.address.partition("://")[0] if "://" in settings.address else "v4l2"
        self.lamp = settings.lamp
        self.period = 0.05
        self._frames: deque[Frame] = deque(maxlen=KEPT)
        self._sensed: deque[float] = deque(maxlen=KEPT)
        """The camera's own time (s) of each of them; the bench's, where it tells none."""
        self._came = threading.Condition()
        self._same_since = 0
        self._count = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def open(cls, settings: WatchSettings, context: DriverContext) -> OpencvWatch:
        """Open the camera and wait for its first picture; LinkError BEN-WCH-001 when there is none."""
        watch = cls(settings, context)
        capture = watch._capture()
        watch._thread = threading.Thread(target=watch._read, args=(capture,), name="watch camera", daemon=True)
        watch._thread.start()
        with context.clock.realtime():
            context.clock.wait_for(lambda: watch._count >= 4, settings.timeout)
        if not watch._count:
            watch.close()
            raise watch._unreachable()
        watch._measure_period()
        return watch

    def identity(self) -> Identity:
        """Say what reads the camera and how large its pictures are; raises when they no longer come."""
        import cv2

        image = self.frame().image
        return Identity("OpenCV", f"{self.door} {image.shape[1]}x{image.shape[0]}", self._where, str(cv2.__version__))

    def frame(self) -> Frame:
        """Return the next picture; InstrumentError when the camera is lost, black or frozen."""
        count = self._count
        with self._clock.realtime():
            came = self._clock.wait_for(lambda: self._count > count, self._silence)
        if not came:
            raise self._faulty("BEN-WCH-002", "the watch camera sends no more pictures", "check its cable and power")
        with self._came:
            latest = self._frames[-1]
        self._check([latest])
        return latest

    def frames(self, seconds: float) -> Sequence[Frame]:
        """Return the pictures of the next `seconds`, in real time, or the one that follows when none fell into them.

        Raises InstrumentError as for `frame`.
        """
        begun = self._clock.now()
        end = begun + int(seconds * 1e9)
        with self._clock.realtime():
            self._clock.sleep(seconds)
            self._clock.wait_for(lambda: self._newest() >= end, self._silence)
        came = self.since(begun)
        return [each for each in came if each.at <= end] or came[:1]

    def since(self, at: int) -> Sequence[Frame]:
        """Return the pictures that were taken from bench time `at` on and are still kept (the newest 400)."""
        with self._came:
            chosen = [each for each in self._frames if each.at >= at]
        if not chosen:
            raise self._faulty("BEN-WCH-002", "the watch camera sent no picture in that time", "check its cable")
        self._check(chosen)
        return chosen

    def left_out(self, at: int) -> str:
        """Return why nothing can be timed from bench time `at` on: too many pictures are missing; "" when it can.

        What is missing is told by the camera's own times, not by counting what came, nor by when it came.
        """
        with self._came:
            times = [sensed for frame, sensed in zip(self._frames, self._sensed, strict=True) if frame.at >= at]
        steps = [after - before for before, after in itertools.pairwise(times)]
        missing = sum(max(0, round(step / self.period) - 1) for step in steps)
        if missing < FEWEST_DROPS or missing <= self._settings.drops * (missing + len(times)):
            return ""
        return f"the watch camera left out {missing} of {missing + len(times)} pictures"

    def close(self) -> None:
        """Stop reading; safe to call twice."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(3.0)

    @property
    def _silence(self) -> float:
        return min(self._settings.timeout, 2.0)

    def _newest(self) -> int:
        with self._came:
            return self._frames[-1].at if self._frames else 0

    def _capture(self) -> Any:
        import cv2

        address = self._settings.address
        if address.isdigit():
            capture = cv2.VideoCapture(int(address), cv2.CAP_V4L2)
            if capture.isOpened():
                self._require_manual(capture)
            return capture
        timeouts = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            int(self._settings.timeout * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            int(self._silence * 1000),
        ]
        before = os.environ.get(FFMPEG_OPTIONS)
        os.environ[FFMPEG_OPTIONS] = f"rtsp_transport;{self._settings.transport}|{LOW_LATENCY}"
        try:
            return cv2.VideoCapture(address, cv2.CAP_FFMPEG, timeouts)
        finally:
            if before is None:
                del os.environ[FFMPEG_OPTIONS]
            else:
                os.environ[FFMPEG_OPTIONS] = before

    def _require_manual(self, capture: Any) -> None:
        """Switch off what a camera of this host adjusts by itself, and read back that it is off (case B20)."""
        import cv2

        controls = (
            ("exposure", cv2.CAP_PROP_AUTO_EXPOSURE, MANUAL_EXPOSURE),
            ("focus", cv2.CAP_PROP_AUTOFOCUS, 0.0),
            ("white balance", cv2.CAP_PROP_AUTO_WB, 0.0),
        )
        for _, control, manual in controls:
            if capture.get(control) not in (manual, UNKNOWN_CONTROL):
                capture.set(control, manual)
        still = [name for name, each, manual in controls if capture.get(each) not in (manual, UNKNOWN_CONTROL)]
        if still:
            capture.release()
            said = f"the watch camera keeps adjusting its {' and '.join(still)} by itself"
            raise self._faulty("BEN-WCH-006", said, "take a camera whose settings can be fixed")

    def _read(self, capture: Any) -> None:
        import cv2

        latency = int(self._settings.latency * 1e9)
        try:
            while not self._stop.is_set() and capture.grab():
                at = self._clock.now() - latency
                ok, image = capture.retrieve()
                if not ok:
                    break
                self._keep(Frame(image, at), capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3)
        finally:
            capture.release()

    def _keep(self, frame: Frame, sensed: float) -> None:
        with self._came:
            last = self._frames[-1] if self._frames else None
            if last is None or not _same(last.image, frame.image):
                self._same_since = frame.at
            self._frames.append(frame)
            self._sensed.append(sensed if sensed > 0 else frame.at / 1e9)
            self._count += 1

    def _measure_period(self) -> None:
        with self._came:
            times = list(self._sensed)
        steps = sorted(after - before for before, after in itertools.pairwise(times))
        if steps:
            self.period = max(steps[len(steps) // 2], 0.001)

    def _check(self, frames: Sequence[Frame]) -> None:
        if all(_is_black(each.image) for each in frames):
            raise self._faulty("BEN-WCH-003", "the watch camera's pictures are black", "uncover and light the lens")
        if frames[-1].at - self._same_since > self._settings.frozen_after * 1e9:
            raise self._faulty("BEN-WCH-004", "the watch camera's picture is frozen", "restart the camera")

    def _faulty(self, code: str, what: str, todo: str) -> InstrumentError:
        return InstrumentError(
            code, what, where=self._where, expected="a living picture", todo=f"{todo}; the trial is void"
        )

    def _unreachable(self) -> LinkError:
        return LinkError(
            "BEN-WCH-001",
            "the watch camera cannot be opened",
            where=self._where,
            expected=f"a picture within {self._settings.timeout:g} s",
            todo="check address, log-in, cable and power",
        )


def _is_black(image: Image) -> bool:
    return float(image.mean()) < BLACK_MEAN and float(image.std()) < BLACK_DEVIATION


def _same(one: Image, other: Image) -> bool:
    import numpy as np

    return one.shape == other.shape and bool(np.array_equal(one, other))


def _without_secret(address: str) -> str:
    """Return an address without the user and password that it may hold."""
    scheme, mark, rest = address.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}" if mark else address
