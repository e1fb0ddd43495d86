"""The camera's stream on the local network (RTSP), its picture and sound over HTTPS, and who may have them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from pytest_conformance.simulation.devices.base import Behaviour, Device
from pytest_conformance.simulation.devices.camera.labels import Label
from pytest_conformance.simulation.devices.camera.watching import Lens, Microphone, Watching
from pytest_conformance.simulation.devices.camera.words import CAMERA, MICROPHONE
from pytest_conformance.simulation.devices.lanport import LanPort, Page
from pytest_conformance.simulation.devices.owner import Kept, Owner
from pytest_conformance.simulation.rtsp import LogIn, RtspServer

USER = "owner"
RTSP_PORT = 8554
RTSP_PATH = "/live"
NOISES = 4
"""Exposures of an unchanged view that the stream takes turns with."""


class Logins(Kept):
    """Keeps the owner's password sealed, for the protocols that need it to check a digest."""

    slot = "logins"
    record = "logins"

    def keep(self, password: str) -> None:
        self.save({USER: password})

    def secret(self, user: str) -> str | None:
        """Return the password of `user`; None when there is no such user, or nobody is let in at present."""
        if not self.device.get(Owner).is_set_up or self.device.get(LanPort).locked:
            return None
        kept = self.load().get(user)
        return str(kept) if kept is not None else None

    def tried(self, right: bool) -> None:
        """Count a log-in by digest together with those over HTTPS."""
        port = self.device.get(LanPort)
        if right:
            port.forgive()
        elif not port.locked:
            port.wrong()


@dataclass(frozen=True)
class CountedLogIn(LogIn):
    """Log-in by digest whose failures count towards the lock-out."""

    tried: Callable[[bool], None] = lambda right: None

    def user(self, method: str, header: str) -> str | None:
        """Return who `header` proves to be, or None; a header that proves nothing is a wrong try."""
        found = super().user(method, header)
        if header:
            self.tried(found is not None)
        return found


class Stream(Behaviour):
    """Sends ten pictures a second to whoever knows the owner's password, while the camera may look."""

    slot = "stream"
    period: ClassVar[float] = 0.1

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._server: RtspServer | None = None
        self._lock = threading.Lock()
        self._jpegs: list[bytes] = []
        self._scene: tuple[object, ...] = ()
        self._turn = 0

    def start(self) -> None:
        try:
            listener = self.world.net.listen(RTSP_PORT)
        except OSError as error:
            self.device.log("fault", text=f"port {RTSP_PORT}: {error}")
            return
        self._server = RtspServer(
            listener, self._frame, self.period, path=RTSP_PATH, log_in=self.log_in(), allowed=self.allowed
        )
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    def log_in(self) -> LogIn | None:
        """Return who may look; None for everybody."""
        logins = self.device.get(Logins)
        return CountedLogIn(self._secret, realm="camera", tried=lambda right: self._guarded(logins.tried, right))

    def allowed(self) -> bool:
        """Tell whether the stream may go on."""
        with self.device.lock:
            return self.device.state == "running" and self.device.get(Watching).may(CAMERA)

    def _secret(self, user: str) -> str | None:
        with self.device.lock:
            return self.device.get(Logins).secret(user)

    def _guarded(self, act: Callable[[bool], None], right: bool) -> None:
        with self.device.lock:
            act(right)

    def _frame(self) -> bytes:
        """Return the next picture; exposures of an unchanged view are taken in turn."""
        with self._lock:
            state = self.world.scene.state()
            if state != self._scene:
                self._scene, self._jpegs = state, []
            if len(self._jpegs) < NOISES:
                self._jpegs.append(Lens(self.device).jpeg())
                return self._jpegs[-1]
            self._turn = (self._turn + 1) % NOISES
            return self._jpegs[self._turn]


class LocalPages(Behaviour):
    """Picture, sound and pairing over HTTPS: `/snapshot.jpg`, `/sound.wav`, `/pair`."""

    slot = "local-pages"

    def start(self) -> None:
        pages = self.device.get(LanPort).pages
        pages["/snapshot.jpg"] = Page(self.snapshot)
        pages["/sound.wav"] = Page(self.sound)
        pages["/pair"] = Page(lambda: ("application/json", b'{"paired": true}'), self.device.get(Label).right)

    def snapshot(self) -> tuple[str, bytes] | None:
        """Return one picture; None while the camera may not look."""
        if not self.device.get(Watching).may(CAMERA):
            return None
        return "image/jpeg", self.device.get(Lens).jpeg()

    def sound(self) -> tuple[str, bytes] | None:
        """Return a second of sound; None while the microphone may not listen."""
        if not self.device.get(Watching).may(MICROPHONE):
            return None
        return "audio/wav", self.device.get(Microphone).wav()
