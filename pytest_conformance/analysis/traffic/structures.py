"""Binary structures without a schema. Each opener must consume the whole buffer, or it is not taken."""

from __future__ import annotations

from collections.abc import Callable

from pytest_conformance.analysis.traffic.containers import Opened

OPENERS: tuple[Callable[[bytes, str], Opened], ...] = ()
