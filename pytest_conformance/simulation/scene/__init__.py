"""What stands before the device, seen by light, by depth and by infrared; the display and the watch camera."""

from __future__ import annotations

from pytest_conformance.simulation.scene.renderer import CameraModel, Light, Views
from pytest_conformance.simulation.scene.stage import Scene, add_scene

__all__ = ["CameraModel", "Light", "Scene", "Views", "add_scene"]
