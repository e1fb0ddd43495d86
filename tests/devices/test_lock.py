"""The reference lock: what came of an attempt by contact and events, PINs, users, enrolment, erasing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_conformance.clock import SECOND, RealClock
from pytest_conformance.declaration import Declaration, load_declaration
from pytest_conformance.devices.lock import Attempt, ReferenceLock
from pytest_conformance.errors import DeviceError, MethodError

DECLARATION = Path(__file__).parents[2] / "fixtures" / "devices" / "mock-lock.yaml"


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


class World:
    """Test port, contact and turntable of a lock in one; `answers` says what follows a touch or a PIN."""

    door = "pty"

    def __init__(self) -> None:
        self.clock = FastClock()
        self.log: list[Any] = []
        self.moves: list[Any] = []
        self.thrown = True
        self.jams = False
        self.standing = ""
        self.on_wake: Callable[[], None] = lambda: None
        self.result = "wrong"
        self.opens = False
        self.state = "set-up"
        self.did: list[str] = []

    # --- what the lock does

    def say(self, event: str, **data: Any) -> None:
        self.log.append(SimpleNamespace(name=event, data=data, at=self.clock.now()))

    def draw(self) -> None:
        self.thrown = False
        self.moves.append(SimpleNamespace(closed=False, at=self.clock.now()))

    # --- test port

    def call(self, verb: str, /, **more: Any) -> dict[str, Any]:
        self.did.append(verb)
        self.clock.sleep(0.01)
        if verb == "wake":
            self.on_wake()
        elif verb == "throw" and not self.jams:
            self.thrown = True
        elif verb == "keypad":
            if self.opens:
                self.draw()
            return {"result": self.result}
        elif verb == "key" and self.opens:
            self.draw()
        elif verb == "status":
            return {"state": self.state}
        elif verb == "preview":
            return {"face": True, "data": "anBlZw=="} if self.standing else {"face": False}
        return {}

    def wait_event(self, names: tuple[str, ...], since: int, timeout: float) -> Any:
        return self.clock.wait_for(
            lambda: next((each for each in self.log if each.name in names and each.at >= since), None), timeout
        )

    def recent(self, since: int) -> list[Any]:
        return [each for each in self.log if each.at >= since]

    # --- watch camera

    lamp: tuple[int, int, int] | None = None
    lit_after = 0.0

    def frame(self) -> None:
        self.clock.sleep(0.05)

    def since(self, at: int) -> list[Any]:
        """A picture each 50 ms until now: dark, then all green."""
        period, lit = SECOND // 20, at + int(self.lit_after * SECOND)
        times = range(at, self.clock.now() + 1, period)
        green = np.full((20, 20, 3), (20, 220, 30), np.uint8)
        return [SimpleNamespace(at=each, image=green if each >= lit else np.zeros_like(green)) for each in times]

    # --- contact

    def closed(self) -> bool:
        return self.thrown

    def edges(self, since: int) -> list[Any]:
        return [each for each in self.moves if each.at >= since]

    # --- turntable

    @contextmanager
    def showing(self, what: str) -> Iterator[Any]:
        self.standing = what
        try:
            yield SimpleNamespace(done=SimpleNamespace(species="print", seen=self.clock.now(), lux=300.0))
        finally:
            self.standing = ""

    def clear(self) -> None:
        self.standing = ""

    # --- bench

    def channel(self, name: str) -> Any:
        return self

    role = channel

    def has(self, role: str) -> bool:
        return True

    def is_on(self) -> bool:
        return True


@pytest.fixture(scope="module")
def declaration() -> Declaration:
    return load_declaration(DECLARATION)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def lock(world: World, declaration: Declaration) -> ReferenceLock:
    made = ReferenceLock(world, declaration)
    made.presenter = world  # type: ignore[assignment]
    return made


# --- attempts


def test_a_match_with_the_bolt_drawn_opened(lock: ReferenceLock, world: World) -> None:
    def touched() -> None:
        world.say("match", user="1")
        world.draw()

    world.on_wake = touched
    tried = lock.attempt("S1")
    assert (tried.shown, tried.outcome, tried.user, tried.opened, tried.lux) == ("S1", "match", "1", True, 300.0)
    assert tried.drawn is not None
    assert tried.woken <= tried.drawn
    assert world.standing == "", "nobody stands there afterwards"


def test_a_lock_that_says_open_while_its_bolt_is_thrown_did_not_open(lock: ReferenceLock, world: World) -> None:
    world.on_wake = lambda: world.say("match", user="1")
    tried = lock.attempt("S1")
    assert (tried.outcome, tried.opened, tried.drawn) == ("match", False, None)


def test_a_lock_that_says_no_while_its_bolt_is_drawn_did_open(lock: ReferenceLock, world: World) -> None:
    def touched() -> None:
        world.say("reject", reason="unknown")
        world.draw()

    world.on_wake = touched
    tried = lock.attempt("A-print-1")
    assert (tried.outcome, tried.reason, tried.opened, tried.species) == ("reject", "unknown", True, "print")


def test_a_lock_that_says_nothing_has_the_outcome_none_after_its_patience(lock: ReferenceLock, world: World) -> None:
    began = world.clock.now()
    tried = lock.attempt("S2")
    assert (tried.outcome, tried.opened, tried.user) == ("none", False, "")
    assert 10 <= (world.clock.now() - began) / SECOND < 11


def test_a_silent_lock_that_draws_its_bolt_did_open(lock: ReferenceLock, world: World) -> None:
    world.on_wake = world.draw
    tried = lock.attempt("S2")
    assert (tried.outcome, tried.opened) == ("none", True)


def test_a_bolt_that_is_thrown_during_an_attempt_did_not_open(lock: ReferenceLock, world: World) -> None:
    world.on_wake = lambda: world.moves.append(SimpleNamespace(closed=True, at=world.clock.now()))
    assert not lock.attempt("S1").opened


def test_events_and_edges_of_an_earlier_attempt_do_not_count(lock: ReferenceLock, world: World) -> None:
    world.say("match", user="9")
    world.draw()
    tried = lock.attempt("S2")
    assert (tried.outcome, tried.opened) == ("none", False)
    assert "throw" in world.did, "the bolt was thrown before the attempt"


def test_a_bolt_that_does_not_close_is_a_fault_of_the_device(lock: ReferenceLock, world: World) -> None:
    world.thrown, world.jams = False, True
    with pytest.raises(DeviceError) as caught:
        lock.attempt("S1")
    assert caught.value.code == "DUT-LCK-001"


def test_without_a_presenter_nothing_can_be_shown(lock: ReferenceLock) -> None:
    lock.presenter = None
    with pytest.raises(MethodError) as caught:
        lock.attempt("S1")
    assert caught.value.code == "MET-STI-001"


ATTEMPT = Attempt("S1", "", "match", "1", "", True, 0, 1_000, 500_001_000)


@pytest.mark.parametrize(
    ("visible", "drawn", "seconds"),
    [(1_000, 500_001_000, 0.5), (7, 7, 0.0), (8, 7, None), (None, 7, None), (7, None, None)],
)
def test_a_decision_is_timed_from_sight_to_bolt_and_never_backwards(
    visible: int | None, drawn: int | None, seconds: float | None
) -> None:
    assert replace(ATTEMPT, visible=visible, drawn=drawn).decision_seconds == seconds


def test_a_timed_attempt_counts_by_the_contact_alone(lock: ReferenceLock, world: World) -> None:
    world.on_wake = world.draw
    assert lock.timed_attempt("S1").opened
    world.on_wake = lambda: world.say("match", user="1")
    assert not lock.timed_attempt("S1").opened


def test_a_timed_attempt_keeps_the_lock_s_own_word_and_its_lamp(lock: ReferenceLock, world: World) -> None:
    def decide() -> None:
        world.say("match", user="1")
        world.clock.sleep(0.2)
        world.draw()

    world.on_wake = decide
    attempt = lock.timed_attempt("S1")
    assert attempt.said is not None
    assert attempt.drawn is not None
    assert attempt.drawn - attempt.said == pytest.approx(0.2 * SECOND)
    assert attempt.lit is None, "nobody knows where the lamp is"
    assert "status" in world.did[world.did.index("wake") :], "the lock's clock was compared after the decision"
    world.lamp, world.lit_after = (10, 10, 4), 0.12
    attempt = lock.timed_attempt("S1")
    assert attempt.lit is not None
    assert attempt.lit - attempt.woken == 0.15 * SECOND
    world.lit_after = 60.0
    assert lock.timed_attempt("S1").lit is None


# --- PINs and keys


@pytest.mark.parametrize(
    ("result", "opens", "ok"),
    [("unlocked", True, True), ("unlocked", False, False), ("wrong", True, True), ("wrong", False, False)],
)
def test_a_pin_worked_when_the_bolt_is_drawn_whatever_the_lock_says(
    lock: ReferenceLock, world: World, result: str, opens: bool, ok: bool
) -> None:
    world.result, world.opens = result, opens
    done = lock.type_pin("123456")
    assert (done.ok, done.said, done.steps) == (ok, result, 7)


@pytest.mark.parametrize(("result", "looked"), [("wrong", True), ("unlocked", True), ("refused", False)])
def test_a_refused_guess_was_not_looked_at(lock: ReferenceLock, world: World, result: str, looked: bool) -> None:
    world.result = result
    assert lock.guess("pin", "000000") is looked


@pytest.mark.parametrize(("status", "looked"), [(401, True), (200, True), (429, False), (423, False), (403, False)])
def test_a_guess_over_the_network_was_looked_at_unless_refused(
    lock: ReferenceLock, monkeypatch: pytest.MonkeyPatch, status: int, looked: bool
) -> None:
    monkeypatch.setattr(lock, "_lan_login", lambda secret: status)
    assert lock.guess("local_password", "x") is looked
    assert lock.log_in("local_password", "x").ok is (status == 200)


@pytest.mark.parametrize("opens", [True, False])
def test_a_key_opens_when_the_bolt_says_so(lock: ReferenceLock, world: World, opens: bool) -> None:
    world.opens = opens
    assert lock.use("unlock_by_key").ok is opens


def test_wrong_pins_are_never_the_owners(lock: ReferenceLock) -> None:
    pins = {lock.wrong_pin(number) for number in range(200)}
    assert lock.secret not in pins
    assert len(pins) == 200
    assert all(len(pin) == 6 and pin.isdigit() for pin in pins)


# --- state


@pytest.mark.parametrize(
    ("before", "after", "state", "fine"),
    [
        (True, True, "set-up", True),
        (False, True, "set-up", True),
        (False, False, "set-up", True),
        (True, False, "set-up", False),
        (True, True, "factory", False),
    ],
)
def test_a_drawn_bolt_or_a_lost_owner_is_less_safe(
    lock: ReferenceLock, world: World, before: bool, after: bool, state: str, fine: bool
) -> None:
    world.thrown = before
    condition = lock.condition()
    world.thrown, world.state = after, state
    assert lock.no_less_safe(condition) is fine


def test_the_pictures_of_all_subjects_are_taken_while_each_stands_there(lock: ReferenceLock, world: World) -> None:
    assert lock.faces() == dict.fromkeys(("S1", "S2", "S3", "S4"), b"jpeg")
    assert lock.preview() is None


def test_every_declared_function_and_way_can_be_exercised(lock: ReferenceLock) -> None:
    assert [name for name in lock.functions() if not hasattr(lock, f"use_{name}")] == []
    ways = [way for way in lock.ways_to_erase() if way != "factory-reset"]
    assert [way for way in ways if not hasattr(lock, f"erase_by_{way.replace('-', '_')}")] == []
