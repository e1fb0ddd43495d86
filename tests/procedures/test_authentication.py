"""Guessing and changing secrets: wrong ones are never right, and what a series of guesses says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_conformance.clock import SECOND
from pytest_conformance.devices.roles import Done
from pytest_conformance.procedures.authentication import Guessing, _change, _guess, wrong_secret


def kind_of(character: str) -> str:
    for name in ("isdigit", "isupper", "islower"):
        if getattr(character, name)():
            return name
    return character


@given(st.text("0123456789abcxyzABCXYZ-_!", min_size=1), st.integers(0, 10_000))
def test_a_wrong_secret_never_equals_the_right_one(right: str, number: int) -> None:
    assert wrong_secret(right, number) != right


@given(st.text(min_size=1, max_size=12), st.integers(0, 1000))
def test_any_text_has_a_wrong_secret_of_its_length(right: str, number: int) -> None:
    wrong = wrong_secret(right, number)
    assert wrong != right
    assert len(wrong) == len(right)


@given(
    st.text("0123456789abcxyzABCXYZ-_ ", min_size=1).filter(lambda text: any(map(str.isalnum, text))),
    st.integers(0, 999),
)
def test_a_wrong_secret_keeps_length_and_alphabet(right: str, number: int) -> None:
    assert [kind_of(each) for each in wrong_secret(right, number)] == [kind_of(each) for each in right]


@pytest.mark.parametrize("right", ["123456", "9999999", "Abc123", "12-34-56", "----1234"])
def test_each_number_gives_another_wrong_secret(right: str) -> None:
    assert len({wrong_secret(right, number) for number in range(1000)}) == 1000


def guessing(**more: Any) -> Guessing:
    facts = {"tries": 20, "answered": 5, "seconds": 20.0, "locked": 300.0, "entropy": 20.0, **more}
    return Guessing(
        "m", facts["tries"], facts["answered"], facts["seconds"], facts["locked"], True, True, True, facts["entropy"]
    )


def test_the_rate_counts_looked_at_guesses_over_series_and_lockout() -> None:
    assert guessing(seconds=20.0, locked=80.0, answered=5).rate == 0.05


def test_half_the_space_at_one_guess_a_second_takes_its_days() -> None:
    seen = guessing(seconds=86_400.0, locked=0.0, answered=86_400, entropy=21.0)
    assert seen.expected_days == pytest.approx(2**20 / 86_400)


def test_a_mechanism_that_looks_at_nothing_is_never_guessed() -> None:
    assert guessing(answered=0).expected_days == float("inf")


class Mechanism:
    """A device, bench, declaration and profile in one, with a lock-out of `tries` guesses for `lockout` seconds."""

    def __init__(self, tries: int = 5, lockout: float = 300.0, *, survives: bool = True) -> None:
        self.tries, self.duration, self.survives = tries, lockout, survives
        self.right = "123456"
        self.wrong = 0
        self.until = 0
        self.time = 0
        self.consents = ()
        self.clock = self
        self.samples = self
        self.guesses = 8
        self.lockout = self if lockout else None
        self.entropy = 20.0
        self.changed = True

    def now(self) -> int:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += int(seconds * SECOND)

    def credential(self, name: str) -> Any:
        return self

    def factory_reset(self) -> None:
        self.wrong = self.until = 0

    def first_use(self, consents: object) -> None: ...

    def secret_of(self, name: str) -> str:
        return self.right

    def power_cycle(self) -> None:
        self.sleep(2.0)
        if not self.survives:
            self.wrong = self.until = 0

    def guess(self, name: str, secret: str) -> bool:
        self.sleep(1.0)
        if self.time < self.until:
            return False
        assert secret != self.right
        self.wrong += 1
        if self.wrong >= self.tries:
            self.until = self.time + int(self.duration * SECOND)
        return True

    def log_in(self, name: str, secret: str) -> Done:
        return Done(self.time >= self.until and secret == self.right)

    def change_secret(self, name: str, old: str, new: str) -> Done:
        assert old == self.right
        if self.changed:
            self.right = new
        return Done(True)


def guessed(device: Any) -> Guessing:
    return _guess(device, device, device, device, "m")


def test_a_lockout_shows_in_every_look() -> None:
    seen = guessed(Mechanism())
    assert (seen.tries, seen.answered) == (8, 5)
    assert seen.right_refused
    assert seen.survives_power_cycle
    assert seen.right_later
    assert seen.locked == pytest.approx(270.0)
    assert seen.rate == pytest.approx(5 / 278, rel=0.01)


def test_a_lockout_that_a_power_cut_ends_is_seen_and_lowers_no_rate() -> None:
    seen = guessed(Mechanism(survives=False))
    assert seen.right_refused
    assert not seen.survives_power_cycle
    assert seen.locked == 0.0


def test_a_short_lockout_lowers_no_rate() -> None:
    device = Mechanism(lockout=60.0)
    device.duration = 30.0
    device.lockout = type("Declared", (), {"duration": 300.0})()
    assert guessed(device).locked == 0.0


def test_without_a_lockout_the_right_secret_always_works() -> None:
    seen = guessed(Mechanism(tries=1000))
    assert seen.answered == 8
    assert not seen.right_refused
    assert seen.rate == pytest.approx(1.0)


@pytest.mark.parametrize("changed", [True, False])
def test_a_change_is_judged_by_what_opens_afterwards(changed: bool) -> None:
    device: Any = Mechanism()
    device.changed = changed
    seen = _change(device, device, device, "m")
    assert (seen.new_works, seen.old_works) == (changed, not changed)
    assert (seen.new_works_after_power_cycle, seen.old_works_after_power_cycle) == (changed, not changed)
