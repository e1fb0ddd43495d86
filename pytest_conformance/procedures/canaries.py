"""What the bench plants in this run, so that its way out of the device is recognised by search and not by guessing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_conformance.drivers.roles import CloudObject


@dataclass
class Canaries:
    """Grows as a run plants things. Pictures are encoded files; strings carry the run's token."""

    faces: dict[str, bytes] = field(default_factory=dict)
    """Reference pictures of subjects that were shown to the device, by pseudonym."""
    decoys: dict[str, bytes] = field(default_factory=dict)
    """Pictures of subjects that the device is never shown: a match with one measures false alarms."""
    templates: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Face templates as the test build exports them, by pseudonym."""
    strings: dict[str, str] = field(default_factory=dict)
    identifiers: dict[str, str] = field(default_factory=dict)
    places: dict[str, tuple[float, float]] = field(default_factory=dict)
    voices: dict[str, bytes] = field(default_factory=dict)

    def face(self, subject: str, picture: bytes) -> None:
        """Add a reference picture of `subject` (PNG or JPEG)."""
        self.faces[subject] = picture

    def add(self, planted: Mapping[str, str | bytes]) -> None:
        """Add what a device driver planted: text as strings, bytes as pictures of faces."""
        for name, value in planted.items():
            if isinstance(value, str):
                self.strings[name] = value
            else:
                self.faces[name] = value

    def found_in(self, blob: bytes) -> tuple[str, ...]:
        """Return the names of the planted things that can be read out of `blob`: a storage image, a backup, ...

        Looks through every decoder and recogniser of the traffic analysis.
        """
        from pytest_conformance.procedures.inspection import names_in

        return names_in(blob, self)

    def in_cloud(self, objects: Iterable[CloudObject], since: int) -> tuple[str, ...]:
        """Return the names of planted things in what the cloud got or keeps, of what came since bench time `since`."""
        found = (name for each in objects if each.at >= since for name in self.found_in(each.body))
        return tuple(dict.fromkeys(found))


@pytest.fixture(scope="session")
def canaries(device: Any) -> Canaries:
    """What was planted so far in this run: first the owner's name, and faces, places and sounds that it will meet."""
    planted = Canaries()
    planted.strings["owner's name"] = device.owner
    planted.faces.update(device.faces() if hasattr(device, "faces") else {})
    planted.templates.update(device.templates() if hasattr(device, "templates") else {})
    planted.places.update(getattr(device, "places", {}))
    planted.voices.update(getattr(device, "voices", {}))
    return planted
