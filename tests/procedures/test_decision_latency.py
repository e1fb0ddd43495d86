"""Decision times: what is void, what counts as slower than any time, the bound, and the verdict by the rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.analysis.biometrics.counting import QuantilePlan
from pytest_conformance.analysis.latency import Component, TimedTrial
from pytest_conformance.declaration.profile import load_profile
from pytest_conformance.devices.lock import Attempt
from pytest_conformance.errors import InstrumentError, MethodError
from pytest_conformance.procedures.decision_latency import other_ends, summed, timed
from pytest_conformance.record import Run, read_journal
from pytest_conformance.resources import shipped

CHAIN = (Component("light to frame", 0.025, 0.002), Component("edge", 0.0, 0.0001))
PROFILE = load_profile(shipped("fixtures") / "profiles" / "standard.yaml")
NEEDED = 59


class Lock:
    """Answers each presentation after the seconds of its list; None: never; a text: as that attempt went wrong."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def timed_attempt(self, what: str) -> Attempt:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        visible = None if answer == "unseen" else 5_000_000_000
        drawn = None if answer is None else 5_000_000_000 + int((0.5 if answer == "unseen" else answer) * 1e9)
        return Attempt(what, "", "match", "", "", True, 4_000_000_000, visible, drawn)


class Contact:
    canary = 0.02

    def __init__(self, *late: float) -> None:
        self.late = [0.0 if number % 2 == 0 else late[number // 2] for number in range(2 * len(late))]

    def lateness(self) -> float:
        return self.late.pop(0) if self.late else 0.0


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.start(tmp_path, {"bench": "mock"})


def trials(seconds: list[float | None]) -> list[TimedTrial]:
    return [
        TimedTrial(str(i), 10**9, None if each is None else 10**9 + round(each * 1e9)) for i, each in enumerate(seconds)
    ]


def observe(seconds: list[float | None], limit: float | None = 1.0) -> Any:
    return summed(trials(seconds), CHAIN, QuantilePlan(limit or 3600.0), PROFILE, limit, calibrated=True)


def test_times_are_corrected_and_their_bound_is_an_order_statistic() -> None:
    found = observe([0.5 + number / 1000 for number in range(NEEDED)])
    assert found.median == pytest.approx(0.5 + 29 / 1000 + 0.025)
    assert (found.order, found.needed) == (NEEDED, NEEDED)
    assert found.bound == pytest.approx(0.5 + 58 / 1000 + 0.025)
    assert found.reached is not None
    assert found.reached > 0.95
    assert found.verdict == "PASS"
    assert found.chain_uncertainty == pytest.approx(0.004, rel=0.05)
    assert found.uncertainty > found.chain_uncertainty


def test_one_trial_over_the_limit_fails_the_bound_of_the_smallest_plan() -> None:
    assert observe([0.5] * (NEEDED - 1) + [1.2]).verdict == "FAIL"


def test_a_trial_without_answer_is_slower_than_any_time() -> None:
    found = observe([0.5] * (NEEDED - 1) + [None])
    assert found.missed == 1
    assert found.maximum is None
    assert len(found.seconds) == NEEDED - 1
    assert found.verdict == "FAIL"


def test_too_few_trials_bound_nothing_and_have_no_verdict() -> None:
    found = observe([0.5] * (NEEDED - 1))
    assert (found.bound, found.order, found.reached, found.verdict) == (None, None, None, "")
    assert found.median == pytest.approx(0.525)


def test_without_a_limit_there_is_a_bound_and_no_verdict() -> None:
    found = observe([0.5] * NEEDED, None)
    assert found.bound is not None
    assert found.verdict == ""


@pytest.mark.parametrize("answers", [[None, None], [0.5, None], [0.5, None, None]])
def test_a_lock_that_mostly_does_not_answer_has_no_times(answers: list[float | None]) -> None:
    with pytest.raises(MethodError) as caught:
        observe(answers)
    assert caught.value.code == "MET-LAT-006"


def test_D05_a_trial_during_which_the_host_was_late_is_void_and_repeated(run: Run) -> None:
    found = timed(Lock(0.5), Contact(0.0, 0.3, 0.0), run, 3)  # type: ignore[arg-type]
    assert [bool(each.void) for each in found] == [False, True, False, False]
    assert "300 ms late" in found[1].void
    told = [event.data for event in read_journal(run.folder / "journal.jsonl") if event.type == "trial"]
    assert [each["void"] for each in told] == [False, True, False, False]
    assert "late" in told[1]["reason"]


@pytest.mark.parametrize(("answer", "why"), [("unseen", "nothing was seen"), (-0.1, "before the stimulus")])
def test_a_trial_without_start_or_with_an_early_answer_is_void(run: Run, answer: Any, why: str) -> None:
    found = timed(Lock(answer, 0.5), object(), run, 1)  # type: ignore[arg-type]
    assert why in found[0].void
    assert len(found) == 2


def test_a_bench_that_voids_most_trials_is_not_fit(run: Run) -> None:
    with pytest.raises(InstrumentError) as caught:
        timed(Lock("unseen"), object(), run, 4)  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.cause) == ("BEN-CAL-111", "bench")


def test_each_end_has_its_own_times_and_correction() -> None:
    start, rows = 10**9, []
    for shift in range(5):
        said, lit = start + 400_000_000 + shift * 10**6, start + 450_000_000
        rows.append(Attempt("S1", "", "match", "", "", True, 0, start, start + 10**9, None, said, lit))
    event, lamp = other_ends(trials([1.0] * 5), rows, CHAIN, 0.002, 0.05)
    assert (event.end, lamp.end) == ("event of the test port", "lamp")
    assert event.median == pytest.approx(0.402 + 0.025 - 0.0, abs=1e-6)
    assert lamp.median == pytest.approx(0.45 + 0.025 - 0.025, abs=1e-6)
    dark = [replace(each, lit=None) for each in rows]
    assert [each.end for each in other_ends(trials([1.0] * 5), dark, CHAIN, 0.002, 0.05)] == ["event of the test port"]
