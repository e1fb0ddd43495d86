"""The simulated home camera: good behaviours, and the ways in which it can be bad."""

from pytest_conformance.simulation.devices.camera.build import build, build_with_faces

__all__ = ["build", "build_with_faces"]
