"""How a lock plays the role of a recogniser: presentations for campaigns, by the bolt's contact and the test port."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_conformance.devices.roles import Answer, Recognised
from pytest_conformance.errors import MethodError

if TYPE_CHECKING:
    from pytest_conformance.devices.lock import ReferenceLock
    from pytest_conformance.stimulus.presenter import Presenter

PATIENCE = 10.0
"""Seconds of bench time that a recognition is given."""
AFTERWARDS = 0.3
"""Seconds of bench time after an answer in which a second one, or the bolt, may still come."""
ADULT = 30
"""Age that users are entered with."""
DECISIONS = {"match": "accepted", "reject": "rejected", "timeout": "none"}
"""Events of the test port to what they mean."""


class LockRecogniser:
    """Presents to the lock; `opened` counts, the log says why (devices.roles.Recogniser)."""

    def __init__(self, lock: ReferenceLock) -> None:
        self._lock = lock
        self._before = lock.clock.now()
        self._enrolled: dict[str, str] = {}
        """Subjects to the users whose faces they are."""

    @property
    def rejection_pause(self) -> float:
        return self._lock.lockout_pause

    def enrol_subjects(self, subjects: Sequence[str]) -> Sequence[str]:
        """The first as the owner, the others as users of their own."""
        lock = self._lock
        lock.factory_reset()
        lock.first_use({})
        self._enrolled = {}
        for place, subject in enumerate(subjects):
            name = f"{subject}-{lock.token[:6]}" if place else lock.owner
            if place:
                lock.add_user(name, ADULT, lock.wrong_pin(place))
            if lock.enrol(name, subject, {"face": True}).enrolled:
                self._enrolled[subject] = name
        self._before = lock.clock.now()
        return list(self._enrolled)

    def known(self) -> Sequence[str]:
        """Those whose face the app lists; after a break of the run nobody knows the users of before any more."""
        return [subject for subject, name in self._enrolled.items() if self._lock.has_face(name)]

    def recognise(self, what: str) -> Recognised:
        lock, console, clock = self._lock, self._lock.console, self._lock.clock
        lock.close_bolt()
        began, self._before = self._before, clock.now()
        presenter, status = self._presenter(), {}
        with presenter.showing(what) as ongoing:
            shown = ongoing.done
            stimulus = clock.now()
            if console.call("wake").get("looking", True):
                console.wait_event(tuple(DECISIONS), since=stimulus, timeout=PATIENCE, fenced=True)
                clock.sleep(AFTERWARDS)
                status = console.call("status")
            drawn = tuple(each.at for each in lock.contact.edges(began) if not each.closed)
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
            lock.confirm_identity()
        return Recognised(
            began,
            stimulus,
            ended,
            answers if not locked else (),
            drawn,
            locked_out=locked,
            restarted=restarted,
            appeared=shown.seen is not None if presenter.watched else None,
            lux=shown.lux,
            battery=_charge(status.get("battery")),
        )

    def locked_out(self) -> int | None:
        """The last word of the lock's log on it."""
        last = self._lock.console.last(("lockout", "lockout-over", "boot"))
        return last.at if last is not None and last.name == "lockout" else None

    def _presenter(self) -> Presenter:
        if self._lock.presenter is None:
            raise MethodError("MET-STI-001", "nothing can be shown to the lock", todo="add a mover and registers")
        return self._lock.presenter


def _charge(said: object) -> float | None:
    """Return the charge of the battery that the device tells; None for what is no share from 0 to 1."""
    number = isinstance(said, int | float) and not isinstance(said, bool)
    return float(said) if number and 0 <= said <= 1 else None  # type: ignore[arg-type,operator]
