"""Hooks that laboratories and vendors may implement, in a conftest.py or a plugin of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.record import Event


@pytest.hookspec
def pytest_conformance_suites(kind: str) -> Sequence[Path] | None:
    """Return folders or files of clause tests for devices of `kind` ("lock", "camera", "wearable", ...).

    Called once, when `--bench` is given without a path. Everything that is returned is run beside the shipped
    suites.
    """


@pytest.hookspec
def pytest_conformance_bench_ready(bench: Bench) -> None:
    """Called after the bench was assembled and its preflight passed, before the first test.

    Raise a `ConformanceError` to refuse the run (exit code 11).
    """


@pytest.hookspec
def pytest_conformance_event(event: Event) -> None:
    """Called for each event after it was written to the journal. An exception here never harms the record."""
