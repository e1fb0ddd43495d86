"""Bring a bench to its safe state: ordered, bounded steps, none of which stops the next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One thing to do on the way to the safe state, with its own deadline in wall seconds."""

    name: str
    action: Callable[[], None]
    deadline: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """What came of a step: done, or why not."""

    name: str
    done: bool
    reason: str = ""


def reach(steps: Sequence[Step]) -> tuple[Outcome, ...]:
    """Run `steps` in order, each cut at its deadline; a step that fails or hangs never stops the next.

    A step that hangs is left behind in a daemon thread. The safe state counts as reached only when every
    outcome is `done`.
    """
    return tuple(_run(step) for step in steps)


def _run(step: Step) -> Outcome:
    failure: list[BaseException] = []

    def act() -> None:
        try:
            step.action()
        except BaseException as error:  # the thread's only way out: the caller reports it
            failure.append(error)

    worker = threading.Thread(target=act, name=f"safe-state {step.name}", daemon=True)
    worker.start()
    worker.join(step.deadline)
    if worker.is_alive():
        return Outcome(step.name, False, f"no end within {step.deadline:g} s")
    if failure:
        return Outcome(step.name, False, f"{type(failure[0]).__name__}: {failure[0]}")
    return Outcome(step.name, True)
