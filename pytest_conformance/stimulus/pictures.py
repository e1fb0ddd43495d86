"""Pictures for the display: read from the file that a register names, or photographed by the watch camera."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_conformance.errors import MethodError, UsageError

if TYPE_CHECKING:
    from pytest_conformance.drivers.roles import Image, Watch

LARGEST_FILE = 32 * 1024 * 1024
LARGEST_SIDE = 8192


def picture_from(path: Path) -> Image:
    """Return the picture file `path` as RGB, shape (rows, columns, 3), uint8.

    Raises UsageError USE-PIC-001 when it is missing, not a regular file, too large, or not a picture.
    """
    import cv2
    import numpy as np

    if not path.is_file():
        raise _unusable(path, "is not there")
    if path.stat().st_size > LARGEST_FILE:
        raise _unusable(path, f"is larger than {LARGEST_FILE} bytes")
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise _unusable(path, "is not a picture")
    if max(image.shape[:2]) > LARGEST_SIDE:
        raise _unusable(path, f"is larger than {LARGEST_SIDE} pixels")
    return np.ascontiguousarray(image[..., ::-1], dtype=np.uint8)


def photograph(watch: Watch, empty: Image | None = None) -> Image:
    """Photograph with the watch camera the face that stands before the device; return it cropped, as RGB.

    `empty` is the watch camera's picture of the empty place (BGR). Raises MethodError MET-PIC-001 when no face is seen.
    """
    import numpy as np

    from pytest_conformance.analysis.imaging import face_box

    image = watch.frame().image
    box = face_box(image, empty)
    if box is None:
        raise MethodError(
            "MET-PIC-001",
            "no face is before the device to be photographed",
            where="watch camera",
            expected="the target on the turntable, in the watch camera's view",
            todo="present the target first, or name a picture file in the register",
        )
    left, top, width, height = box
    margin = round(0.2 * height)
    rows = slice(max(0, top - margin), min(image.shape[0], top + height + margin))
    columns = slice(max(0, left - margin), min(image.shape[1], left + width + margin))
    return np.ascontiguousarray(image[rows, columns, ::-1], dtype=np.uint8)


def _unusable(path: Path, why: str) -> UsageError:
    return UsageError(
        "USE-PIC-001",
        f"the picture {path.name!r} {why}",
        where=str(path),
        expected="a PNG or JPEG file",
        todo="correct the register's `picture`, or add the file",
    )
