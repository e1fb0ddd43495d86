"""The simulated watch camera: RTSP pictures of the device's front and, in a mirror, of what is before it."""

from __future__ import annotations

import socket
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.rtsp import RtspServer
from pytest_conformance.simulation.scene.renderer import CameraModel, expose

if TYPE_CHECKING:
    from pytest_conformance.simulation.scene.stage import Scene
    from pytest_conformance.simulation.world import World

WIDTH, HEIGHT = 400, 240
FRONT = 160
"""Columns of the picture, from the left, that show the device's front; the rest is the mirror."""
LAMP = (80, 60, 12)
"""Column, row and radius of the device's lamp in the picture, pixels."""
PERIOD = 1 / 20
LOOKS = CameraModel(WIDTH - FRONT, HEIGHT, 40.0)
COLOURS: Mapping[str, tuple[int, int, int]] = {
    "off": (52, 54, 56),
    "white": (250, 250, 250),
    "green": (70, 235, 60),
    "red": (50, 40, 240),
    "blue": (245, 90, 40),
}
"""BGR of the lamp by the name of its colour."""


class WatchFarEnd:
    """Far end `watch`. `say(text)` puts a line on the device's front panel, as a device with a display would."""

    name = "watch"

    def __init__(self, world: World, scene: Scene) -> None:
        self._world = world
        self._scene = scene
        self._lock = threading.Lock()
        self._jpegs: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._frame = self._due = 0
        self._text = ""
        self._frozen: bytes | None = None
        self.fault = ""
        """"" healthy, "black": covered, "frozen": the same picture for ever, "drops": two of three are not sent."""
        self.automatic: frozenset[str] = frozenset()
        """What it adjusts by itself: "exposure", "white balance"."""
        self._server: RtspServer | None = None

    def start(self) -> Mapping[str, Json]:
        listener = socket.create_server(("127.0.0.1", 0))
        self._server = RtspServer(
            listener, self.jpeg, PERIOD, path="/front", fresh_udp=_loopback_udp, allowed=self._sends
        )
        self._server.start()
        return {"address": f"rtsp://127.0.0.1:{listener.getsockname()[1]}/front", "lamp": list(LAMP)}

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    def kill(self) -> None:
        self.stop()

    def seen(self) -> Json:
        """Return how many pictures were taken and who connected."""
        return {"frames": self._frame, "sessions": self._server.sessions if self._server is not None else 0}

    def say(self, text: str) -> None:
        """Show `text` (first 14 printable ASCII characters of two lines) on the device's front."""
        self._text = text

    def jpeg(self) -> bytes:
        """Take a picture; drawn anew only when something changed, with eight noises in turn."""
        self._frame += 1
        if self.fault == "frozen" and self._frozen is not None:
            return self._frozen
        if self.fault == "black":
            return _encode(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
        field = self._frame % 8
        key = (self._scene.state(), self._world.lamp.value, self._text, field, self.automatic)
        with self._lock:
            data = self._jpegs.get(key)
        if data is None:
            data = _encode(_adjusted(self.picture(field), self.automatic))
            with self._lock:
                self._jpegs[key] = data
                while len(self._jpegs) > 32:
                    self._jpegs.popitem(last=False)
        self._frozen = data
        return data

    def _sends(self) -> bool:
        self._due += 1
        return self.fault != "drops" or self._due % 3 == 0

    def picture(self, field: int) -> NDArray[np.uint8]:
        """Draw the picture with noise field `field`: (240, 400, 3), BGR."""
        whole = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        whole[:, FRONT:] = expose(self._scene.clean(LOOKS), LOOKS, field).visible
        front = np.full((HEIGHT, FRONT, 3), (70, 66, 62), np.uint8)
        front[:, -3:] = 30
        cv2.rectangle(front, (18, 20), (FRONT - 22, HEIGHT - 20), (44, 42, 40), -1)
        cv2.circle(front, LAMP[:2], LAMP[2], COLOURS.get(self._world.lamp.value, COLOURS["off"]), -1, cv2.LINE_AA)
        for number, line in enumerate(self._text.splitlines()[:2]):
            shown = "".join(c for c in line if " " <= c <= "~")[:14]
            cv2.putText(front, shown, (24, 120 + 22 * number), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (215, 215, 215), 1)
        noise = np.random.default_rng(field).normal(0, 1.2, front.shape)
        whole[:, :FRONT] = np.clip(front + noise, 0, 255)
        return whole


def _adjusted(picture: NDArray[np.uint8], automatic: frozenset[str]) -> NDArray[np.uint8]:
    """Bring the picture to a mean of 90 (exposure), or its three colours to the same mean (white balance)."""
    bright = picture.astype(np.float32)
    if "exposure" in automatic:
        bright *= 90.0 / max(float(bright.mean()), 1.0)
    if "white balance" in automatic:
        means = bright.reshape(-1, 3).mean(axis=0)
        bright *= means.mean() / np.maximum(means, 1.0)
    return np.clip(bright, 0, 255).astype(np.uint8)


def _encode(picture: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()


def _loopback_udp() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made
