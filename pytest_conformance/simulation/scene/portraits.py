"""Photographs of the simulated subjects for the bench's registers: `python -m ...scene.portraits FOLDER S1 S2 ...`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from pytest_conformance.simulation.scene.bodies import PORTRAIT_HEIGHT, PORTRAIT_WIDTH, portrait

WIDTH_MM, HEIGHT_MM = PORTRAIT_WIDTH, PORTRAIT_HEIGHT
"""Shown at this width the face has its own size."""


def write_portrait(subject: str, folder: Path) -> Path:
    """Write `subject`'s portrait (JPEG, 256 x 320 pixels) into `folder` and return its path."""
    import cv2

    path = folder / f"{subject}.jpg"
    image = (portrait(subject) * 255 + 0.5).astype(np.uint8)
    path.write_bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes())
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("subjects", nargs="+")
    arguments = parser.parse_args()
    for subject in arguments.subjects:
        print(write_portrait(subject, arguments.folder))


if __name__ == "__main__":
    main()
