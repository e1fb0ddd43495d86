"""The `@procedure` decorator: a session-scoped fixture that stimulates once and records what it observed."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from pytest_conformance.bench import Bench
from pytest_conformance.errors import ConformanceError, InstrumentError, LinkError, bench_error_behind
from pytest_conformance.record import Event, Run

F = TypeVar("F", bound=Callable[..., Any])


class Recorder:
    """Performs procedures on a bench and puts their observations into the record.

    A procedure that a fault of the bench ended is done again up to `retries` times (0 to 2), where nothing the device
    did in it has been judged and the bench is well again. Each attempt stays in the record.
    """

    def __init__(self, run: Run, bench: Bench, retries: int = 0) -> None:
        self.run = run
        self.bench = bench
        self.retries = retries
        self._trials = 0
        run.listen(self._count)

    def perform(self, name: str, act: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Run `act` and return its observation, recorded.

        The observation counts only when every instrument is still well afterwards: a bench fault during the
        procedure must not be read as what the device did. Raises the bench's error in that case.
        """
        title = (act.__doc__ or name).strip().splitlines()[0]
        about: dict[str, Any] = {"name": name, "title": title, "attempt": 0}
        while True:
            about["attempt"] += 1
            trials = self._trials
            self.run.event("procedure", {**about, "state": "started"})
            try:
                observed = act(**arguments)
                self.bench.beat()
                self.bench.check_health()
            except Exception as error:
                fault = self.bench.blame(error)
                ended = fault or error
                again = about["attempt"] <= self.retries and self._trials == trials and self._well_again(name, ended)
                self.run.event("procedure", {**about, "state": "failed", "again": again, **_told(ended)})
                if again:
                    continue
                if fault is not None:
                    raise fault from error
                raise
            self.run.observation(name, observed)
            self.run.event("procedure", {**about, "state": "done"})
            return observed

    def _count(self, event: Event) -> None:
        """Count trials: the device's answer in one of them was judged, and must not be asked for a second time."""
        self._trials += event.type == "trial"

    def _well_again(self, name: str, ended: Exception) -> bool:
        """After a fault of the bench switch off, and tell whether every instrument answers again."""
        if not isinstance(bench_error_behind(ended), InstrumentError | LinkError):
            return False
        outcomes = self.bench.rest()
        off = {each.name: "done" if each.done else each.reason for each in outcomes}
        reached = all(each.done for each in outcomes)
        if outcomes:
            self.run.event("safe-state", {"reached": reached, "outputs": off, "after": name})
        try:
            self.bench.beat()
            for said in self.bench.relink():
                self.run.event("note", {"text": said})
            self.bench.check_health()
        except ConformanceError:
            return False
        return reached


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
