"""The sensitive event of each kind of device: what is done, and whether it is taken to have happened."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.sensitive_events import SUBJECT, SensitiveEvent, event_of


class Clock:
    """Bench time that goes on with every look at it."""

    def __init__(self) -> None:
        self.time = 0

    def now(self) -> int:
        self.time += 10
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += int(seconds * 1e9)


class Lock:
    kind, owner = "lock", "O"

    def __init__(self, opens: bool, decides: str) -> None:
        self.opens, self.decides, self.enrolled = opens, decides, []  # type: ignore[var-annotated]

    def enrol(self, user: str, subject: str, consents: Any) -> None:
        self.enrolled.append((user, subject))

    def attempt(self, subject: str) -> Any:
        return SimpleNamespace(opened=self.opens and [("O", subject)] == self.enrolled)

    def touch(self) -> str:
        return self.decides


class Camera:
    kind = "camera"

    def __init__(self, clock: Clock, persons: dict[str, bool]) -> None:
        self.clock, self.persons, self.rows = clock, persons, []  # type: ignore[var-annotated]

    def _seen(self, what: str) -> None:
        data = {"person": self.persons[what]}
        self.rows.append(SimpleNamespace(name="motion", data=data, at=self.clock.now()))

    def show(self, subject: str) -> None:
        assert subject == SUBJECT
        self._seen("somebody")

    def show_nobody(self) -> None:
        self._seen("nobody")

    def log(self, since: int) -> list[Any]:
        return [each for each in self.rows if each.at >= since]


class Watch:
    kind = "wearable"

    def __init__(self, clock: Clock, answer: str, idle: str, early: int = 0) -> None:
        self.clock, self.answer, self.idle, self.screens = clock, answer, idle, []  # type: ignore[var-annotated]
        self.early = early
        self.voices = {"phrase": b"RIFF"}

    def talk(self, sound: bytes) -> None:
        assert sound == b"RIFF"
        self.screens.append(SimpleNamespace(id=self.answer, at=self.clock.now() - self.early))

    def open(self, name: str) -> None:
        self.screens.append(SimpleNamespace(id=self.idle, at=self.clock.now()))

    def shown_screens(self) -> list[Any]:
        return self.screens


def event(device: Any, clock: Clock) -> SensitiveEvent:
    made = event_of(device, None, clock)  # type: ignore[arg-type]
    made.prepare()
    return made


def test_at_a_lock_an_enrolled_face_opens_and_a_touch_does_not() -> None:
    good = event(Lock(True, "reject"), Clock())
    assert (good.happen(), good.sham()) == (True, False)
    odd = event(Lock(False, "match"), Clock())
    assert (odd.happen(), odd.sham()) == (False, True)


def test_a_camera_tells_by_its_log_whether_somebody_was_in_view() -> None:
    clock = Clock()
    good = event(Camera(clock, {"somebody": True, "nobody": False}), clock)
    assert [good.happen(), good.sham(), good.sham(), good.happen()] == [True, False, False, True]
    odd = event(Camera(clock, {"somebody": False, "nobody": True}), clock)
    assert (odd.happen(), odd.sham()) == (False, True)


@pytest.mark.parametrize("answer", ["message", "microphone-off"])
def test_a_watch_answers_the_talk_key_and_not_a_look_at_the_time(answer: str) -> None:
    clock = Clock()
    good = event(Watch(clock, answer, "time"), clock)
    assert [good.happen(), good.sham(), good.happen()] == [True, False, True]
    odd = event(Watch(clock, "time", answer), clock)
    assert (odd.happen(), odd.sham()) == (False, True)


def test_a_watch_that_dates_its_screens_by_its_own_milliseconds_has_answered_all_the_same() -> None:
    clock = Clock()
    clock.sleep(10.0)
    early = event(Watch(clock, "message", "time", early=5_000_000), clock)
    assert [early.happen(), early.sham(), early.happen()] == [True, False, True]


def test_another_kind_of_device_has_none() -> None:
    with pytest.raises(MethodError) as caught:
        event_of(SimpleNamespace(kind="speaker"), None, Clock())  # type: ignore[arg-type]
    assert caught.value.code == "MET-VOL-004"
