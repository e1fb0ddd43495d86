"""What a person at the bench would have seen: who the device is, each thing shown, and each question of the app."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from pytest_conformance.drivers.roles import Identity
from pytest_conformance.record import JOURNAL_FILE, iterate_journal

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.devices.channels.companion import Companion
    from pytest_conformance.record import Run


class Witness:
    """Keeps a picture of each thing shown to the device and of each screen of the app; keeps who the device is."""

    def __init__(self, run: Run, bench: Bench) -> None:
        self._run = run
        self._bench = bench
        self._seen: set[str] = set()

    def shown(self, what: str) -> None:
        """Keep what the watch camera sees now that `what` stands before the device; faces are blurred in views."""
        if f"shown {what}" in self._seen or not self._bench.has("watch"):
            return
        self._seen.add(f"shown {what}")
        import cv2

        frame = self._bench.role("watch").frame()
        done, encoded = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, 80])
        if done:
            self._keep(bytes(encoded), f"{what}.jpg", "image/jpeg", f"watch camera: {what}", face=True)

    def screen(self, companion: Companion, title: str) -> None:
        """Keep a screenshot of the app, where the door to it has pixels."""
        if f"screen {title}" in self._seen:
            return
        self._seen.add(f"screen {title}")
        picture = companion.screen(picture=True).picture
        if picture is not None:
            self._keep(picture, f"{title}.png", "image/png", f"companion app: {title}", face=False)

    def identity(self, said: Identity) -> Identity:
        """Journal who the device says it is; return who it was when the run began, which may have been resumed."""
        events = iterate_journal(self._run.folder / JOURNAL_FILE)
        before = [each.data for each in events if each.type == "descriptor" and each.data["of"] == "device"]
        self._run.event("descriptor", {"of": "device", **asdict(said)})
        return Identity(**{name: str(before[0].get(name, "")) for name in asdict(said)}) if before else said

    def _keep(self, content: bytes, name: str, media_type: str, caption: str, *, face: bool) -> None:
        self._run.evidence(content, name=name, media_type=media_type, caption=caption, face=face)


@pytest.fixture(scope="session")
def witness(run: Run, bench: Bench) -> Any:
    """What keeps pictures of what was shown; device drivers call it through their `witness` attribute."""
    return Witness(run, bench)
