"""What a test build of a lock lends of the faces before it: pictures and templates by which leaks are recognised."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_conformance.devices.reference import ReferenceDevice
from pytest_conformance.errors import MethodError

if TYPE_CHECKING:
    from pytest_conformance.stimulus.presenter import Presenter

SUBJECTS = ("S1", "S2", "S3", "S4")
"""Who is shown to a lock: three adults, of whom the first is the owner, and a child."""


class FaceReferences(ReferenceDevice):
    """The test port's `preview`: the picture that the face sensor sees, and its template where the build exports it."""

    presenter: Presenter | None

    def __init__(self, access: object, declaration: object) -> None:
        super().__init__(access, declaration)  # type: ignore[arg-type]
        self._templates: dict[str, tuple[float, ...]] = {}

    def preview(self) -> bytes | None:
        """Return what the face sensor sees, as JPEG; None when it sees no face or the build has no preview."""
        said = self.console.call("preview")
        return base64.b64decode(said["data"]) if said.get("face") else None

    def faces(self) -> Mapping[str, bytes]:
        """Return the test build's own picture of each subject: the references by which leaks are recognised."""
        if not self.access.role("supply").is_on():
            self.power_on()
        pictures = {}
        for subject in SUBJECTS:
            with self.shown(subject):
                said = self.console.call("preview")
            if said.get("face"):
                pictures[subject] = base64.b64decode(said["data"])
                self._templates[subject] = tuple(float(each) for each in said.get("template", ()))
        return pictures

    def templates(self) -> Mapping[str, tuple[float, ...]]:
        """Return the templates that came with `faces`, by subject; none where the build exports none."""
        return {subject: vector for subject, vector in self._templates.items() if vector}

    @contextmanager
    def shown(self, subject: str) -> Iterator[None]:
        """Stand `subject` before the lock within the block; nobody touches it."""
        with self._presenter().showing(subject):
            yield

    def _presenter(self) -> Presenter:
        if self.presenter is None:
            raise MethodError("MET-STI-001", "nothing can be shown to the lock", todo="add a mover and registers")
        return self.presenter
