"""How a lock plays the role of a recogniser: presentations for campaigns, by the bolt's contact and the test port."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_conformance.devices.port_recogniser import PortRecogniser

if TYPE_CHECKING:
    from pytest_conformance.devices.lock import ReferenceLock

ADULT = 30
"""Age that users are entered with."""


class LockRecogniser(PortRecogniser):
    """Presents to the lock; `opened` counts, the log says why (devices.roles.Recogniser)."""

    def __init__(self, lock: ReferenceLock) -> None:
        super().__init__(lock)
        self._lock = lock
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

    def _make_ready(self) -> None:
        self._lock.close_bolt()

    def _acted(self, since: int) -> tuple[int, ...]:
        return tuple(each.at for each in self._lock.contact.edges(since) if not each.closed)
