"""The simulated watch for children: good behaviours, and the ways in which it can be bad."""

from pytest_conformance.simulation.devices.watch.build import build

__all__ = ["build"]
