"""The lock's face sensor: visible light, depth and infrared of what stands before it, and the picture of a face."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pytest_conformance.simulation.devices import liveness
from pytest_conformance.simulation.devices.base import Behaviour, verb
from pytest_conformance.simulation.devices.faces import FaceBox, find_face, template
from pytest_conformance.simulation.devices.owner import Permissions
from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.scene.renderer import CameraModel, Views

if TYPE_CHECKING:
    from numpy.typing import NDArray

CAMERA = CameraModel(240, 240)
NAME = "face_camera"
SIDE = 160
"""Pixels of the picture of a face that the lock makes, both ways."""


class FaceSensor(Behaviour):
    """Looks only while it is asked to, and never while the owner switched it off."""

    slot = "sensor"

    def may_look(self) -> bool:
        return self.device.get(Permissions).may_sense(NAME)

    def look(self) -> tuple[Views, FaceBox | None]:
        """Take one exposure; return it and the face in it, if there is one."""
        self.device.sense(NAME, True)
        views = self.world.scene.render(CAMERA)
        return views, find_face(views.visible)

    def rest(self) -> None:
        """Stop looking."""
        self.device.sense(NAME, False)

    @verb("preview")
    def preview(self) -> Json:
        """The test build's view of what the sensor sees, and its template: for the bench only, permitted or not."""
        views = self.world.scene.render(CAMERA)
        face = find_face(views.visible)
        if face is None:
            return {"face": False}
        data = base64.b64encode(picture_of(views, face)).decode()
        vector = [round(float(each), 6) for each in vector_of(views, face)]
        return {"face": True, "media_type": "image/jpeg", "data": data, "template": vector}


class Liveness(Behaviour):
    """Is it a living face? Depth, relief, infrared and texture must all say so."""

    slot = "liveness"
    without: tuple[str, ...] = ()
    """Cues that are left out."""

    def alive(self, views: Views, face: FaceBox) -> bool:
        return liveness.is_alive(views, face, self.without)


def picture_of(views: Views, face: FaceBox) -> bytes:
    """Return the face with some margin as JPEG."""
    margin = round(face.height * 0.25)
    top, left = max(0, face.top - margin), max(0, face.left - margin)
    crop = views.visible[top : face.top + face.height + margin, left : face.left + face.width + margin]
    done, encoded = cv2.imencode(".jpg", cv2.resize(crop, (SIDE, SIDE)), [cv2.IMWRITE_JPEG_QUALITY, 88])
    if not done:
        raise ValueError("the picture could not be encoded")
    return bytes(encoded)


def vector_of(views: Views, face: FaceBox) -> NDArray[np.float32]:
    """Return the template of the face."""
    return template(views.visible, face)
