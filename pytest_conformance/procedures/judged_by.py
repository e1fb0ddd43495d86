"""What judgements over observations need of the `judgement` fixture: reporting a number, holding it against a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pytest_conformance.verdicts import Limit


class Report(Protocol):
    """Takes numbers that no limit is set for."""

    def report(self, name: str, value: float, unit: str, *, n: int = 0) -> None: ...


class Requires(Protocol):
    """Holds numbers against limits by the profile's decision rule."""

    def require(
        self, name: str, value: float, limit: Limit, *, uncertainty: float = 0.0, n: int | None = None
    ) -> Any: ...
