"""The simulated network monitor: takes a picture over TCP, flips it at the next refresh, tells when that was."""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.instruments.tcp import TcpDoor

if TYPE_CHECKING:
    from pytest_conformance.simulation.scene.stage import Scene
    from pytest_conformance.simulation.world import World

IDENTITY = {"manufacturer": "Simulated Instruments", "model": "SIM-PANEL16", "serial": "SP6001", "firmware": "1.1.0"}
PANEL_MM = (345.0, 215.0)
PIXELS = (1920, 1200)
REFRESH_HZ = 60.0
PANEL_S = 0.006
"""Seconds from the flip, which the display knows, to the light, which it does not."""
LONGEST_HEADER = 4096
LARGEST_PICTURE = 16 * 1024 * 1024


class RefusedError(Exception):
    """A request that the display cannot carry out; the text goes to the client."""


class DisplayFarEnd:
    """Far end `display`. A JSON header line each way, a PNG after the header of `show`:

    `{"do": "identify"}`, `{"do": "time"}`, `{"do": "show", "bytes": N, "width_mm": W}` + N bytes, `{"do": "blank"}`.
    Answers: `{"ok": true, "got": ns, "sent": ns, ...}`, with `flipped` (ns) after show and blank, or
    `{"error": "..."}`. All times are the display's own clock, of which the client must find the offset.
    """

    name = "display"

    def __init__(self, world: World, scene: Scene) -> None:
        self._world = world
        self._scene = scene
        self._door = TcpDoor(self.name, self._converse)
        self._lock = threading.Lock()
        self._epoch = world.timeline.now() - 7_000_000_000
        self._done: list[Json] = []
        self.lag = 0.0
        """Fault: seconds that each answer is on its way, as over a bad network."""
        self.fault = ""
        """"" healthy, "asleep": dark, "notification": a box over a corner, "resolution": half of the picture only."""

    def start(self) -> Mapping[str, Json]:
        return {"address": f"127.0.0.1:{self._door.open()}", "pixels": list(PIXELS), "panel_mm": list(PANEL_MM)}

    def stop(self) -> None:
        self._door.close()

    def kill(self) -> None:
        self._door.close()

    def seen(self) -> Json:
        """Return what was shown: a list of {"do", "width_mm", "pixels", "at"}."""
        with self._lock:
            return list(self._done)

    def step_clock(self, seconds: float) -> None:
        """Fault: somebody, or a time server, sets the display's clock."""
        self._epoch -= round(seconds * 1e9)

    def _now(self) -> int:
        """The display's own clock: it started when the display did."""
        return self._world.timeline.now() - self._epoch

    def _converse(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while line := stream.readline(LONGEST_HEADER):
                got = self._now()
                try:
                    answer = {"ok": True, "got": got, **self._carry_out(line, stream)}
                except RefusedError as refusal:
                    answer = {"error": str(refusal)}
                answer["sent"] = self._now()
                if self.lag:
                    time.sleep(self.lag)
                connection.sendall(json.dumps(answer).encode() + b"\n")

    def _carry_out(self, line: bytes, stream: BinaryIO) -> dict[str, Any]:
        try:
            request = json.loads(line)
            do = request["do"]
        except (ValueError, KeyError, TypeError):
            raise RefusedError("not a request") from None
        if do == "identify":
            return {**IDENTITY, "pixels": PIXELS, "panel_mm": PANEL_MM, "refresh_hz": REFRESH_HZ}
        if do == "time":
            return {}
        if do == "blank":
            return {"flipped": self._flip(None, 0.0)}
        if do == "show":
            return self._show(request, stream)
        raise RefusedError(f"unknown request {do!r}")

    def _show(self, request: Mapping[str, Any], stream: BinaryIO) -> dict[str, Any]:
        import cv2
        import numpy as np

        size, width = request.get("bytes"), request.get("width_mm")
        if not isinstance(size, int) or not 0 < size <= LARGEST_PICTURE:
            raise RefusedError(f"bytes must be 1 to {LARGEST_PICTURE}")
        data = stream.read(size)
        if len(data) < size:
            raise ConnectionError("the client went away in the middle of a picture")
        if not isinstance(width, int | float) or not math.isfinite(width) or not 1 <= width <= PANEL_MM[0]:
            raise RefusedError(f"width_mm must be 1 to {PANEL_MM[0]}")
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise RefusedError("the picture is not a PNG or JPEG")
        return {"flipped": self._flip(picture.astype(np.uint8), float(width))}

    def _flip(self, picture: Any, width_mm: float) -> int:
        """Show `picture` at the next refresh and return its time on the display's clock."""
        from pytest_conformance.simulation.scene.stage import Shown

        picture = _spoilt(picture, self.fault)
        period = 1 / REFRESH_HZ
        phase = (self._now() / 1e9) % period
        time.sleep(period - phase)
        flipped = self._now()
        time.sleep(PANEL_S)
        self._scene.screen.set(Shown(picture, width_mm) if picture is not None else None)
        with self._lock:
            shape = list(picture.shape[1::-1]) if picture is not None else None
            self._done.append(
                {"do": "show" if shape else "blank", "width_mm": width_mm, "pixels": shape, "at": flipped + self._epoch}
            )
        return flipped


def _spoilt(picture: Any, fault: str) -> Any:
    """Return what a display with that fault makes of a BGR picture."""
    if picture is None or fault == "asleep":
        return None
    rows, columns = picture.shape[:2]
    if fault == "notification":
        picture = picture.copy()
        picture[: rows // 4, columns * 3 // 4 :] = (70, 60, 50)
    if fault == "resolution":
        picture = picture[: rows // 2, : columns // 2]
    return picture
