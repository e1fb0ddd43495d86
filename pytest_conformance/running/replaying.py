"""Fixtures of a run that judges recorded observations: procedures give what was recorded, the bench is absent."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from pytest_conformance.errors import MethodError

if TYPE_CHECKING:
    from pytest_conformance.running.recorded import Recorded


class Absent:
    """Stands where a bench, a device or a channel would be; whoever uses it is told that nobody is there."""

    evidence: tuple[str, ...] = ()

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        self._refuse(f"{self._name}.{name}")

    def __call__(self, *arguments: object, **more: object) -> NoReturn:
        self._refuse(f"{self._name}()")

    def _refuse(self, what: str) -> NoReturn:
        raise MethodError(
            "MET-RPL-001",
            f"{what} was asked for, and recorded observations are judged without bench and device",
            where="--replay",
            expected="a test that judges what a procedure observed",
            todo="run it on a bench",
        )


class Replaying:
    """A pytest plugin: gives recorded observations instead of performing procedures.

    With `absent` there is no bench: its fixture, and all that need it, are stand-ins that refuse. Without, a run
    goes on, and only what was observed before comes from the record.
    """

    def __init__(self, recorded: Recorded, *, absent: bool) -> None:
        self._recorded = recorded
        self._absent = absent

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        stand_in = self._stand_in(fixturedef, request)
        if stand_in is None:
            return (yield)
        before = fixturedef.func
        fixturedef.func = stand_in  # type: ignore[misc]
        try:
            return (yield)
        finally:
            fixturedef.func = before  # type: ignore[misc]

    def _stand_in(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Callable[..., Any] | None:
        name = fixturedef.argname
        act = getattr(fixturedef.func, "observes", None)
        if act is not None and (self._absent or name in self._recorded.procedures):
            return lambda **arguments: self._recorded.again(name, act)
        if self._absent and (name == "bench" or self._needs_bench(fixturedef, request)):
            return lambda **arguments: Absent(name)
        return None

    def _needs_bench(self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> bool:
        """Tell whether something that this fixture asks for is absent; what it asks for was set up before."""
        for each in fixturedef.argnames:
            try:
                if isinstance(request.getfixturevalue(each), Absent):
                    return True
            except Exception:  # it is raised again, where it belongs, when this fixture is set up
                return False
        return False
