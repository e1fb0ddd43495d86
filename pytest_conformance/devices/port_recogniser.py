"""Presentations for campaigns at any device whose test port knows `wake` and tells `match`, `reject` and `timeout`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from pytest_conformance.devices.roles import Answer, Recognised
from pytest_conformance.errors import MethodError

if TYPE_CHECKING:
    from pytest_conformance.clock import Clock
    from pytest_conformance.stimulus.presenter import Presenter

PATIENCE = 10.0
"""Seconds of bench time that a recognition is given."""
AFTERWARDS = 0.3
"""Seconds of bench time after an answer in which a second one, or a deed, may still come."""
DECISIONS = {"match": "accepted", "reject": "rejected", "timeout": "none"}
"""Events of the test port to what they mean."""


class Looks(Protocol):
    """What is needed of a device's driver."""

    presenter: Presenter | None
    declaration: Any

    @property
    def clock(self) -> Clock: ...
    @property
    def console(self) -> Any: ...
    def confirm_identity(self) -> None: ...


class PortRecogniser:
    """What every recogniser behind a test port does alike; who is enrolled, and what it does, is its kind's own."""

    def __init__(self, device: Looks) -> None:
        self._device = device
        self._before = device.clock.now()

    @property
    def rejection_pause(self) -> float:
        """By the declared lock-out of the face; a second where there is none."""
        lockout = self._device.declaration.credential("face").lockout
        return lockout.window / max(1, lockout.tries - 1) + 1.0 if lockout is not None else 1.0

    def recognise(self, what: str) -> Recognised:
        device, console, clock = self._device, self._device.console, self._device.clock
        self._make_ready()
        began, self._before = self._before, clock.now()
        presenter, status = self._presenter(), {}
        with presenter.showing(what) as ongoing:
            shown = ongoing.done
            stimulus = clock.now()
            if console.call("wake").get("looking", True):
                console.wait_event(tuple(DECISIONS), since=stimulus, timeout=PATIENCE, fenced=True)
                clock.sleep(AFTERWARDS)
                status = console.call("status")
            acted = self._acted(began)
            ended = self._before = clock.now()
        said = [each for each in console.recent(began) if each.at <= ended]
        answers = tuple(
            Answer(DECISIONS[each.name], each.at, str(each.data.get("reason", "")))
            for each in said
            if each.name in DECISIONS
        )
        locked = any(each.reason == "lockout" for each in answers)
        restarted = any(each.name == "boot" for each in said)
        if restarted:
            device.confirm_identity()
        return Recognised(
            began,
            stimulus,
            ended,
            answers if not locked else (),
            acted,
            locked_out=locked,
            restarted=restarted,
            appeared=shown.seen is not None if presenter.watched else None,
            lux=shown.lux,
            battery=_charge(status.get("battery")),
        )

    def locked_out(self) -> int | None:
        """The last word of the device's log on it."""
        last = self._device.console.last(("lockout", "lockout-over", "boot"))
        return last.at if last is not None and last.name == "lockout" else None

    def _make_ready(self) -> None:
        """Bring the device to where it can be seen to act."""

    def _acted(self, since: int) -> tuple[int, ...] | None:
        """When the device did what it does for whom it knows; None where nothing but its word can be had."""
        return None

    def _presenter(self) -> Presenter:
        if self._device.presenter is None:
            raise MethodError("MET-STI-001", "nothing can be shown to the device", todo="add a mover and registers")
        return self._device.presenter


def _charge(said: object) -> float | None:
    """Return the charge of the battery that the device tells; None for what is no share from 0 to 1."""
    number = isinstance(said, int | float) and not isinstance(said, bool)
    return float(said) if number and 0 <= said <= 1 else None  # type: ignore[arg-type,operator]


class FaceRecogniser(PortRecogniser):
    """A camera or a wearable that knows faces: enrolled and listed over its test port, it says whom it sees."""

    def __init__(self, device: Any) -> None:
        super().__init__(device)
        self._whole: Any = device

    def enrol_subjects(self, subjects: Sequence[str]) -> Sequence[str]:
        """From factory state, with the consent to faces: one after the other stands before the device."""
        device = self._whole
        device.factory_reset()
        device.first_use({"face": True})
        enrolled = []
        for subject in subjects:
            with self._presenter().showing(subject):
                if device.console.call("enrol-face", name=subject).get("enrolled"):
                    enrolled.append(subject)
        self._before = device.clock.now()
        return enrolled

    def known(self) -> Sequence[str]:
        """The names that the device lists, under which `enrol_subjects` enrolled."""
        return [str(each) for each in self._whole.console.call("faces").get("names", ())]


def knows_faces(declaration: Any) -> bool:
    """Tell whether the declaration lists a biometric credential of the name `face`."""
    return any(each.name == "face" and each.kind == "biometric" for each in declaration.credentials)
