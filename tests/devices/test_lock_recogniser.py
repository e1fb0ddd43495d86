"""The lock as a recogniser: everything that came of a presentation, also what came too early, and the lock-out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_conformance.clock import SECOND, RealClock
from pytest_conformance.devices.lock_recogniser import LockRecogniser
from pytest_conformance.devices.port_recogniser import PATIENCE
from pytest_conformance.devices.roles import Answer, Recogniser
from pytest_conformance.errors import MethodError


class FastClock(RealClock):
    """Time that passes when somebody waits."""

    poll = 0.05

    def __init__(self) -> None:
        super().__init__()
        self.time = SECOND

    def now(self) -> int:
        return self.time

    def _pass(self, seconds: float) -> None:
        self.time += int(seconds * SECOND)


class Lock:
    """A lock's driver, its test port, contact and presenter in one."""

    lockout_pause = 76.0
    owner = "Owner-1"
    token = "abcdef0123"
    watched = True

    def __init__(self) -> None:
        self.clock = FastClock()
        self.log: list[Any] = []
        self.moves: list[Any] = []
        self.did: list[str] = []
        self.on_wake: Callable[[], None] = lambda: None
        self.looking = True
        self.seen: int | None = 1
        self.refuses: Sequence[str] = ()
        self.faces: set[str] = set()
        self.presenter: Any = self
        self.console: Any = self
        self.contact: Any = self

    def say(self, name: str, **data: Any) -> None:
        self.log.append(SimpleNamespace(name=name, data=data, at=self.clock.now()))

    def confirm_identity(self) -> None:
        self.did.append("identity")

    def draw(self) -> None:
        self.moves.append(SimpleNamespace(closed=False, at=self.clock.now()))

    def call(self, verb: str, /, **more: Any) -> dict[str, Any]:
        self.did.append(verb)
        self.clock.sleep(0.01)
        if verb == "wake":
            self.on_wake()
            return {"looking": self.looking}
        return {}

    def recent(self, since: int) -> list[Any]:
        return [each for each in self.log if each.at >= since]

    def last(self, names: Sequence[str]) -> Any:
        return next((each for each in reversed(self.log) if each.name in names), None)

    def wait_event(self, names: Sequence[str], *, since: int, timeout: float, fenced: bool) -> Any:
        return self.clock.wait_for(lambda: [each for each in self.recent(since) if each.name in names], timeout)

    def edges(self, since: int) -> list[Any]:
        return [each for each in self.moves if each.at >= since]

    @contextmanager
    def showing(self, what: str) -> Iterator[Any]:
        self.did.append(f"show {what}")
        self.clock.sleep(1.0)
        yield SimpleNamespace(done=SimpleNamespace(seen=self.seen, lux=300.0))

    def close_bolt(self) -> None:
        self.clock.sleep(0.5)

    def factory_reset(self) -> None:
        self.did.append("reset")

    def first_use(self, consents: Any) -> None:
        self.did.append("set up")

    def add_user(self, name: str, age: int, pin: str) -> None:
        self.did.append(f"add {name}")

    def wrong_pin(self, number: int) -> str:
        return str(number)

    def enrol(self, name: str, subject: str, consents: Any) -> Any:
        self.did.append(f"enrol {name} as {subject}")
        self.faces.add(name)
        return SimpleNamespace(enrolled=subject not in self.refuses)

    def has_face(self, name: str) -> bool:
        return name in self.faces


@pytest.fixture
def lock() -> Lock:
    return Lock()


@pytest.fixture
def recogniser(lock: Lock) -> LockRecogniser:
    driver: Any = lock
    return LockRecogniser(driver)


def test_it_plays_the_role(recogniser: LockRecogniser) -> None:
    assert isinstance(recogniser, Recogniser)
    assert recogniser.rejection_pause == 76.0


def test_an_opening_is_told_with_its_times(recogniser: LockRecogniser, lock: Lock) -> None:
    def touched() -> None:
        lock.say("face")
        lock.say("match", user="1")
        lock.draw()

    lock.on_wake = touched
    seen = recogniser.recognise("S1")
    assert [each.outcome for each in seen.answers] == ["accepted"]
    assert seen.acted is not None
    assert len(seen.acted) == 1
    assert seen.began < seen.stimulus <= seen.answers[0].at < seen.ended
    assert (seen.appeared, seen.lux, seen.locked_out, seen.restarted) == (True, 300.0, False, False)
    assert lock.did[:2] == ["show S1", "wake"]


def test_a_second_answer_within_the_time_afterwards_is_told_too(recogniser: LockRecogniser, lock: Lock) -> None:
    def touched() -> None:
        lock.say("reject", reason="unknown")
        lock.log.append(SimpleNamespace(name="match", data={}, at=lock.clock.now() + SECOND // 5))

    lock.on_wake = touched
    assert [each.outcome for each in recogniser.recognise("S1").answers] == ["rejected", "accepted"]


def test_what_came_before_the_stimulus_belongs_to_the_trial(recogniser: LockRecogniser, lock: Lock) -> None:
    lock.clock.sleep(1.0)
    lock.say("match", user="1")
    lock.draw()
    early = lock.clock.now()
    seen = recogniser.recognise("S1")
    assert seen.answers[0].at == early < seen.stimulus
    assert seen.acted == (early,)
    assert recogniser.recognise("S1").acted == ()


def test_a_lock_that_gives_up_and_one_that_says_nothing_have_no_decision(
    recogniser: LockRecogniser, lock: Lock
) -> None:
    lock.on_wake = lambda: lock.say("timeout")
    assert [each.outcome for each in recogniser.recognise("P1").answers] == ["none"]
    lock.on_wake = lambda: None
    seen = recogniser.recognise("P1")
    assert seen.answers == ()
    assert seen.ended - seen.stimulus > PATIENCE * SECOND


def test_a_locked_lock_is_no_rejection(recogniser: LockRecogniser, lock: Lock) -> None:
    lock.looking = False
    lock.on_wake = lambda: lock.say("reject", reason="lockout")
    seen = recogniser.recognise("P1")
    assert (seen.locked_out, seen.answers) == (True, ())


def test_a_restart_in_between_is_told(recogniser: LockRecogniser, lock: Lock) -> None:
    lock.on_wake = lambda: lock.say("boot", number=2)
    assert recogniser.recognise("P1").restarted
    assert lock.did[-1:] == ["identity"], "who came back is asked"


def test_only_a_camera_can_say_that_nothing_appeared(recogniser: LockRecogniser, lock: Lock) -> None:
    lock.seen = None
    assert recogniser.recognise("P1").appeared is False
    lock.watched = False
    assert recogniser.recognise("P1").appeared is None


def test_the_last_word_on_the_lock_out_counts(recogniser: LockRecogniser, lock: Lock) -> None:
    assert recogniser.locked_out() is None
    lock.say("lockout", seconds=120.0)
    at = lock.clock.now()
    lock.clock.sleep(5.0)
    assert recogniser.locked_out() == at
    lock.say("lockout-over")
    assert recogniser.locked_out() is None


def test_the_first_subject_is_the_owner_and_the_others_are_users(recogniser: LockRecogniser, lock: Lock) -> None:
    lock.refuses = ("S3",)
    assert recogniser.enrol_subjects(("S1", "S2", "S3")) == ["S1", "S2"]
    assert lock.did[:3] == ["reset", "set up", "enrol Owner-1 as S1"]
    assert "add S2-abcdef" in lock.did
    assert "enrol S2-abcdef as S2" in lock.did


def test_it_knows_those_whose_face_the_app_still_lists(recogniser: LockRecogniser, lock: Lock) -> None:
    lock.faces = {"Owner-1", "S2-abcdef"}
    assert recogniser.known() == [], "nobody was enrolled by this run"
    lock.faces = set()
    recogniser.enrol_subjects(("S1", "S2"))
    assert recogniser.known() == ["S1", "S2"]
    lock.faces.remove("Owner-1")
    assert recogniser.known() == ["S2"]


def test_a_reason_is_kept_as_the_lock_says_it(recogniser: LockRecogniser, lock: Lock) -> None:
    lock.on_wake = lambda: lock.say("reject", reason="not alive")
    (answer,) = recogniser.recognise("P1").answers
    assert answer == Answer("rejected", answer.at, "not alive")


def test_nothing_can_be_shown_without_a_presenter(recogniser: LockRecogniser, lock: Lock) -> None:
    lock.presenter = None
    with pytest.raises(MethodError) as caught:
        recogniser.recognise("S1")
    assert caught.value.code == "MET-STI-001"
