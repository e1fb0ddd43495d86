"""Known-bad face cameras and face watches: each is the good one with one behaviour swapped."""

from __future__ import annotations

from pytest_conformance.simulation.devices import liveness
from pytest_conformance.simulation.devices.faces import FaceBox
from pytest_conformance.simulation.devices.known_bad import known_bad
from pytest_conformance.simulation.devices.recognising import Faces
from pytest_conformance.simulation.scene.renderer import Views

ATTACKS = ("CN-STD-41819-pad",)


@known_bad("knows-prints", kind="face-camera", slot="faces", breaks=ATTACKS)
class KnowsPrints(Faces):
    """Takes a print or a screen for the person in it: looks for a face only, not for a living one."""

    def alive(self, views: Views, face: FaceBox) -> bool:
        return True


@known_bad("knows-everybody", kind="face-camera", slot="faces", breaks=["ISO19795-1-size"])
class KnowsEverybody(Faces):
    """Tells its owner that a stranger is somebody whom it knows: the nearest template is always near enough."""

    match = -1.0


@known_bad("unlocks-for-masks", kind="face-wearable", slot="faces", breaks=ATTACKS)
class UnlocksForMasks(Faces):
    """Unlocks for a mask: judges shape only, not skin."""

    def alive(self, views: Views, face: FaceBox) -> bool:
        return liveness.is_alive(views, face, ("infrared", "texture"))


@known_bad("unlocks-for-everybody", kind="face-wearable", slot="faces", breaks=["ISO19795-1-size"])
class UnlocksForEverybody(Faces):
    """Unlocks for a stranger: the nearest template is always near enough."""

    match = -1.0
