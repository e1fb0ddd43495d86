"""Device driver `vendor-lock`: a lock that speaks the reference test port, but names its model in the vendor's way."""

from __future__ import annotations

from dataclasses import replace

from pytest_conformance.devices.lock import ReferenceLock
from pytest_conformance.drivers.roles import Identity


class VendorLock(ReferenceLock):
    """Everything as the reference lock does it; only what differs stands here."""

    def identity(self) -> Identity:
        """Return who the device is, with the vendor's article number in place of its model's name."""
        said = super().identity()
        return replace(said, model=f"VL-{said.model.rsplit(' ', 1)[-1]}")
