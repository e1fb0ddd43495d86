"""The `@procedure` decorator: a session-scoped fixture that stimulates once and records what it observed."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from pytest_conformance.bench import Bench
from pytest_conformance.errors import bench_error_behind
from pytest_conformance.record import Run

F = TypeVar("F", bound=Callable[..., Any])


class Recorder:
    """Performs procedures on a bench and puts their observations into the record."""

    def __init__(self, run: Run, bench: Bench) -> None:
        self.run = run
        self.bench = bench

    def perform(self, name: str, act: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Run `act` and return its observation, recorded.

        The observation counts only when every instrument is still well afterwards: a bench fault during the
        procedure must not be read as what the device did. Raises the bench's error in that case.
        """
        title = (act.__doc__ or name).strip().splitlines()[0]
        self.run.event("procedure", {"name": name, "title": title, "state": "started"})
        try:
            observed = act(**arguments)
            self.bench.beat()
            self.bench.check_health()
        except Exception as error:
            fault = self.bench.blame(error)
            ended = fault or error
            self.run.event("procedure", {"name": name, "title": title, "state": "failed", **_told(ended)})
            if fault is not None:
                raise fault from error
            raise
        self.run.observation(name, observed)
        self.run.event("procedure", {"name": name, "title": title, "state": "done"})
        return observed


def _told(error: BaseException) -> dict[str, Any]:
    """Return what the record says of an error, complete enough to be raised again when the record is judged."""
    behind = bench_error_behind(error)
    if behind is None:
        return {"reason": str(error), "error": type(error).__name__}
    return {"reason": str(behind), "error": type(error).__name__, "code": behind.code, "cause": behind.cause}


def procedure(act: F) -> F:
    """Make `act` a session-scoped fixture named like it: it drives the device once and returns an observation.

    Its parameters are fixtures. The first line of its docstring is what the live view and the record call it.
    """
    signature = inspect.signature(act)
    extra = inspect.Parameter("recorder", inspect.Parameter.KEYWORD_ONLY)

    @functools.wraps(act)
    def fixture(**arguments: Any) -> Any:
        recorder: Recorder = arguments.pop("recorder")
        return recorder.perform(act.__name__, act, arguments)

    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in signature.parameters.values()]
    fixture.__signature__ = signature.replace(parameters=[*parameters, extra])  # type: ignore[attr-defined]
    del fixture.__wrapped__
    fixture.observes = act  # type: ignore[attr-defined]
    made: Any = pytest.fixture(scope="session", name=act.__name__)(fixture)
    return made  # type: ignore[no-any-return]
