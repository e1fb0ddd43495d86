"""The simulated watch for children: good behaviours, and the ways in which it can be bad."""

from pytest_conformance.simulation.devices.watch.build import build, build_with_faces

__all__ = ["build", "build_with_faces"]
