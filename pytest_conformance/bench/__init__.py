"""The bench: its file, its assembly by role, its safe state, and the process behind the mock bench."""

from pytest_conformance.bench.assembly import Bench

__all__ = ["Bench"]
