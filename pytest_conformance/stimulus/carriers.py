"""What brings a subject or an artefact before the device: a turntable, or a person who is asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pytest_conformance.errors import OperatorError

if TYPE_CHECKING:
    from pytest_conformance.drivers.roles import Mover, Operator
    from pytest_conformance.stimulus.presenter import Showable


class NotPresentedError(OperatorError):
    """A person skipped a presentation or did not answer (OPR-STI-001, 002): it did not take place."""


class Carrier(Protocol):
    """Brings what is presented, and takes it away."""

    def bring(self, entry: Showable) -> None:
        """Return when `entry` stands before the device."""
        ...

    def clear(self) -> None:
        """Take away what stands there."""
        ...

    def is_empty(self) -> bool:
        """Tell whether it is known that nothing stands there."""
        ...


class Turntable:
    """The mover's holders; its place 0 is empty, and it confirms each position."""

    def __init__(self, mover: Mover) -> None:
        self._mover = mover

    def bring(self, entry: Showable) -> None:
        self._mover.goto(entry.holder)

    def clear(self) -> None:
        self._mover.goto(0)

    def is_empty(self) -> bool:
        return self._mover.position() == 0


class ByHand:
    """A person who is told what to hold, where and how, and says when they do."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._held: Showable | None = None

    def bring(self, entry: Showable) -> None:
        """Ask for `entry`; NotPresentedError OPR-STI-001 when it is skipped, OPR-STI-002 when nobody answers."""
        prompt = instruction(entry)
        try:
            done = self._operator.ask(prompt)
        except OperatorError as error:
            raise NotPresentedError(
                "OPR-STI-002", f"nobody presented {entry.id!r}: no answer", where="operator", todo=error.todo
            ) from error
        if not done:
            raise NotPresentedError(
                "OPR-STI-001",
                f"the operator skipped {entry.id!r}",
                where="operator",
                expected="the presentation",
                todo="present it in a new run",
            )
        self._held = entry

    def clear(self) -> None:
        """Ask for what is held to be taken away, without waiting: the next question waits anyway."""
        held, self._held = self._held, None
        if held is not None:
            self._operator.tell(f"Take {held.id} away.")

    def is_empty(self) -> bool:
        """Nobody has confirmed it: never known."""
        return False


def instruction(entry: Showable) -> str:
    """Return what a person is to do: which subject or artefact, from which place, at which distance and pose."""
    scene = entry.scene
    what = f"{entry.species} {entry.id} (of {entry.target})" if entry.species else f"subject {entry.id}"
    turned = {"yaw": scene.yaw, "pitch": scene.pitch, "roll": scene.roll}
    pose = ", ".join(f"{name} {value:g}°" for name, value in turned.items() if value is not None)
    distance = f"at {scene.distance:g} mm" if scene.distance is not None else ""
    manner = " ".join(each for each in (distance, f"with {pose}" if pose else "facing it" if distance else "") if each)
    return f"Hold {what}, place {entry.holder}, before the device{' ' + manner if manner else ''}."
