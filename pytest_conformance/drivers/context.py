"""What a driver is given beside its settings: its role, the clock, and a folder for this run's files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_conformance.clock import Clock


@dataclass(frozen=True)
class DriverContext:
    """`folder` exists and belongs to this run; `role` is the name under which the bench file lists the driver."""

    role: str
    clock: Clock
    folder: Path
