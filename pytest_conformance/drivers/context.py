"""What a driver is given beside its settings: its role, the clock, and a folder for this run's files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pytest_conformance.clock import Clock


def always() -> None:
    """Permit everything: nobody watches over a driver that is used by itself."""


@dataclass(frozen=True)
class DriverContext:
    """`folder` exists and belongs to this run; `role` is the name under which the bench file lists the driver.

    A driver calls `permit` before each command: it raises when this run may no longer touch the bench, because its
    supervisor has switched off or somebody else holds the lease, and it tells the supervisor that the run loop lives.
    """

    role: str
    clock: Clock
    folder: Path
    permit: Callable[[], None] = always
