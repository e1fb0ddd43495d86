"""The simulated home camera: good behaviours, and the ways in which it can be bad."""

from pytest_conformance.simulation.devices.camera.build import build

__all__ = ["build"]
