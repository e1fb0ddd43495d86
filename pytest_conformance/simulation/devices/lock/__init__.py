"""The simulated 3D-face lock: good behaviours, and the ways in which it can be bad."""

from pytest_conformance.simulation.devices.lock.build import build

__all__ = ["build"]
