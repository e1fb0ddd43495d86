"""A campaign stops when its rule decides, voids what must not count, and never passes because it was stopped."""

from __future__ import annotations

import csv
import datetime
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.analysis.biometrics.campaigns import CampaignObservation, Conditions
from pytest_conformance.analysis.biometrics.counting import Decision, run_in_full
from pytest_conformance.analysis.biometrics.plans import seal
from pytest_conformance.clock import SECOND, RealClock
from pytest_conformance.devices.roles import Answer, Recognised
from pytest_conformance.errors import LinkError, MethodError
from pytest_conformance.procedures.campaign_history import broken_off
from pytest_conformance.procedures.campaign_rows import annex, statement
from pytest_conformance.procedures.campaigning import OUTSIDE, Conduct, Runner
from pytest_conformance.record import Run, read_journal
from pytest_conformance.stimulus.design import GENUINE, design
from pytest_conformance.stimulus.planfile import PlanFile
from pytest_conformance.stimulus.register import Artefacts, Subjects
from pytest_conformance.yamlfile import parse, read

SUBJECTS = b"""\
schema: conformance-subjects/1
name: small
subjects: [{id: S1, group: adult, consent_until: 2099-01-01, holder: 1}]
"""
ARTEFACTS = b"""\
schema: conformance-artefacts/1
name: small
artefacts:
  - {id: P1, species: print, target: S1, holder: 5, recipe: paper, made: 2026-01-01, series: B1}
  - {id: P2, species: print, target: S1, holder: 6, recipe: paper, made: 2026-01-01}
  - {id: M1, species: mask-3d, target: S1, holder: 7, recipe: resin, made: 2026-01-01, use_limit: 500}
"""
PLAN = """\
schema: conformance-plan/1
name: small
version: "1"
title: a small plan
kind: attack
cells: species
rules: {attack: {kind: fixed, n: 6, c: 1}}
bona_fide_every: 4
stop_at_failure: false
conditions: {lux: {lower: 100 lx, upper: 1000 lx}}
limits: [{name: IAPAR, value: 15 %, text_status: seen, source: a document}]
source: a document
text_status: seen
"""


class FastClock(RealClock):
    """Time that passes when somebody waits."""

    def __init__(self) -> None:
        super().__init__()
        self.time = SECOND

    def now(self) -> int:
        return self.time

    def _pass(self, seconds: float) -> None:
        self.time += int(seconds * SECOND)


class Device:
    """Accepts whom `accepts` says. `before` may change what comes of a presentation, or raise."""

    rejection_pause = 70.0

    def __init__(self, clock: FastClock, run: Run) -> None:
        self.clock, self.run = clock, run
        self.accepts: Callable[[str], bool] = lambda what: what.startswith("S")
        self.before: Callable[[int, Recognised], Recognised] = lambda number, seen: seen
        self.shown: list[str] = []
        self.journalled: list[int] = []
        self.locked_until = 0
        self.locked_since = 0
        self.knows: list[str] = ["S1"]
        self.enrolled = 0
        self.forgets = False

    def enrol_subjects(self, subjects: Any) -> Any:
        self.enrolled += 1
        self.knows = list(subjects)
        return subjects

    def known(self) -> list[str]:
        return self.knows

    def recognise(self, what: str) -> Recognised:
        self.shown.append(what)
        self.journalled.append(len(trials_in(self.run)))
        began = self.clock.now()
        self.clock.sleep(1.0)
        stimulus = self.clock.now()
        self.clock.sleep(0.5)
        at = self.clock.now()
        self.clock.sleep(0.5)
        yes = self.accepts(what)
        answer = Answer("accepted" if yes else "rejected", at)
        seen = Recognised(began, stimulus, self.clock.now(), (answer,), (at,) if yes else (), lux=300.0)
        return self.before(len(self.shown), seen)

    def locked_out(self) -> int | None:
        return self.locked_since if self.clock.now() < self.locked_until else None


class Room:
    """Surroundings without instruments but the meter."""

    def read(self, shown: Any, lux: float | None) -> Conditions:
        return Conditions(lux=lux)


class Steady:
    """Clocks that step when they are told to."""

    def __init__(self) -> None:
        self.said = ""

    def mark(self) -> None: ...

    def stepped(self) -> str:
        said, self.said = self.said, ""
        return said


class Set:
    """A campaign that is ready to go, with everything that it is run with."""

    def __init__(self, folder: Path, *replaced: tuple[str, str], seed: int = 1, run: Run | None = None) -> None:
        written = PLAN
        for old, new in replaced:
            assert old in written
            written = written.replace(old, new, 1)
        self.path = folder / "small.yaml"
        self.path.write_text(written)
        self.file = read(self.path).validate(PlanFile)
        self.run = run or Run.start(folder, {"bench": "mock"})
        self.clock, self.steps = FastClock(), Steady()
        self.device = Device(self.clock, self.run)
        self.stopped = False
        artefacts = parse("a.yaml", ARTEFACTS).validate(Artefacts)
        subjects = parse("s.yaml", SUBJECTS).validate(Subjects)
        today = datetime.date(2026, 6, 1)
        self.design = design(self.file, {}, subjects, artefacts, ("S1",), today)
        sealed = seal(self.design.plan, seed, f"quick 1.0; {self.file.digest}")
        room: Any = Room()
        conduct = Conduct(
            self.run, self.clock, self.device, room, self.steps, artefacts, 5.0, ("S1",), lambda: self.stopped
        )
        said = statement(self.file, self.design, sealed, seed, "quick 1.0")
        history = broken_off(read_journal(self.run.journal.path), self.file.name)
        self.runner = Runner(conduct, self.file, self.design, said, sealed, history)

    def go(self) -> CampaignObservation:
        return self.runner.go()


def trials_in(run: Run) -> list[Any]:
    return [event.data for event in read_journal(run.journal.path) if event.type == "trial"]


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Set]:
    made = Set(tmp_path)
    yield made
    made.run.close()


# --- the way to a verdict


def test_a_device_that_resists_passes_before_all_is_shown(ready: Set) -> None:
    seen = ready.go()
    assert (seen.decided.end, seen.decided.verdict, seen.decided.used) == ("decided", "pass", 10)
    assert seen.decided.at_trial == len(seen.trials)
    assert "rates are biased" in seen.decided.statement
    assert {row.name: (row.errors, row.n, row.decision) for row in seen.species} == {
        "print": (0, 5, "pass"),
        "mask-3d": (0, 5, "pass"),
    }
    assert seen.bona_fide is not None
    assert (seen.bona_fide.errors, seen.bona_fide.n) == (0, 3)


def test_a_device_that_opens_fails_and_the_rates_are_those_of_the_trials(ready: Set) -> None:
    ready.device.accepts = lambda what: what != "P2"
    seen = ready.go()
    assert seen.decided.verdict == "fail"
    assert {row.name: row.decision for row in seen.species} == {"print": "pass", "mask-3d": "fail"} or {
        row.name: row.decision for row in seen.species
    } == {"print": "fail", "mask-3d": "fail"}
    for row in seen.species:
        valid = [each for each in seen.trials if each.species == row.name and not each.void]
        assert (row.n, row.errors) == (len(valid), sum(each.outcome == "accepted" for each in valid))


def test_every_trial_is_in_the_journal_before_the_next_thing_is_shown(ready: Set) -> None:
    seen = ready.go()
    assert ready.device.journalled == list(range(len(seen.trials)))
    rows = trials_in(ready.run)
    assert [(row["number"], row["outcome"], row["void"]) for row in rows] == [
        (each.number, each.outcome, bool(each.void)) for each in seen.trials
    ]


def test_the_plan_is_in_the_journal_before_the_first_trial_and_the_end_after_the_last(ready: Set) -> None:
    ready.go()
    kinds = [event.type for event in read_journal(ready.run.journal.path) if event.type in ("campaign", "trial")]
    assert (kinds[0], kinds[-1], kinds.count("campaign")) == ("campaign", "campaign", 2)
    first = next(event for event in read_journal(ready.run.journal.path) if event.type == "campaign")
    said = first.data["plan"]
    assert (first.data["state"], said["seed"]) == ("sealed", 1)
    assert said["file"] == ready.file.digest
    assert said["statement"]["maximum"] == ready.design.most
    assert said["statement"]["limits"][0]["text_status"] == "seen"


def test_the_same_seed_gives_the_same_order(tmp_path: Path) -> None:
    orders = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        (tmp_path / name).mkdir()
        made = Set(tmp_path / name, seed=seed)
        made.go()
        orders.append(made.device.shown)
    assert orders[0] == orders[1] != orders[2]


def test_the_observation_survives_the_record(ready: Set) -> None:
    seen = ready.go()
    ready.run.observation("attack_campaign", seen)
    event = next(each for each in read_journal(ready.run.journal.path) if each.type == "observation")
    assert ready.run.observed(CampaignObservation, event) == seen


def test_a_rejected_presentation_is_followed_by_the_pause_that_keeps_the_device_from_locking_out(ready: Set) -> None:
    seen = ready.go()
    after = {True: [], False: []}  # type: dict[bool, list[float]]
    for one, other in zip(seen.trials, seen.trials[1:], strict=False):
        after[one.outcome == "rejected"].append((other.at - one.at) / SECOND)
    assert min(after[True]) > 70
    assert max(after[False]) < 10


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.3, 0.6])
@pytest.mark.parametrize("rule", ["fixed, n: 6, c: 1", "bio-itc-artefact, first: 5, more: 4", "fixed, n: 8, c: 0"])
def test_the_curtailed_campaign_says_what_the_full_plan_says(tmp_path: Path, rule: str, rate: float) -> None:
    """End to end through the engine: the streams of outcomes that each cell would have had are run in full."""
    for seed in range(6):
        folder = tmp_path / str(seed)
        folder.mkdir()
        made = Set(folder, ("fixed, n: 6, c: 1", rule), seed=seed)
        rng = random.Random(f"{seed}/{rate}/{rule}")
        streams = {cell: [rng.random() < rate for _ in range(40)] for cell in made.design.plan.cells}
        left = {cell: iter(stream) for cell, stream in streams.items()}
        made.device.accepts = _accepting(made, left)
        seen = made.go()
        full = [run_in_full(plan, streams[cell]).decision for cell, plan in made.design.plan.cells.items()]
        assert Decision.CONTINUE not in full
        assert seen.decided.verdict == ("fail" if Decision.FAIL in full else "pass")
        by_name = {row.name: row.decision for row in seen.species}
        assert [by_name[cell[0]] for cell in made.design.plan.cells] == [each.value for each in full]


def _accepting(made: Set, left: dict[Any, Iterator[bool]]) -> Callable[[str], bool]:
    species = {shown.id: cell for cell, shows in made.design.shows.items() for shown in shows}
    return lambda what: True if what.startswith("S") else next(left[species[what]])


def test_the_annex_has_a_line_for_each_trial_and_no_formula(ready: Set) -> None:
    ready.device.before = lambda number, seen: replace(seen, lux=50.0) if number == 2 else seen
    seen = ready.go()
    strange = replace(seen, trials=(replace(seen.trials[0], said="=1+1"), *seen.trials[1:]))
    rows = list(csv.DictReader(annex(strange).decode().splitlines()))
    assert len(rows) == len(seen.trials)
    assert (rows[0]["said"], rows[1]["void"], rows[1]["lux"]) == ("'=1+1", "conditions", "50.0")


# --- trials that must not count


def void(ready: Set, number: int, change: Callable[[Recognised], Recognised]) -> CampaignObservation:
    ready.device.before = lambda which, seen: change(seen) if which == number else seen
    return ready.go()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda seen: replace(seen, lux=50.0), "conditions"),
        (lambda seen: replace(seen, answers=(), acted=(), locked_out=True), "lockout"),
        (lambda seen: replace(seen, answers=(Answer("rejected", seen.stimulus - 1),)), "answer-before-stimulus"),
        (lambda seen: replace(seen, answers=(*seen.answers, Answer("accepted", seen.ended))), "two-outcomes"),
        (lambda seen: replace(seen, restarted=True), "restart"),
        (lambda seen: replace(seen, appeared=False), "no-stimulus"),
    ],
)
def test_C02_C05_C06_a_void_trial_is_kept_with_its_reason_and_shown_again(
    ready: Set, change: Callable[[Recognised], Recognised], reason: str
) -> None:
    seen = void(ready, 3, change)
    bad = [each for each in seen.trials if each.void]
    assert [(each.number, each.void) for each in bad] == [(3, reason)]
    assert bad[0].said
    assert trials_in(ready.run)[2]["void"] is True
    assert trials_in(ready.run)[2]["reason"] == reason
    assert (seen.decided.verdict, seen.decided.used, seen.decided.void) == ("pass", 10, 1)
    rows = [*seen.species, seen.bona_fide]
    assert sum(row.void for row in rows if row) == 1
    assert sum(row.n for row in seen.species) == 10


def test_D01_a_trial_in_which_a_clock_steps_is_void(ready: Set) -> None:
    def step(number: int, seen: Recognised) -> Recognised:
        ready.steps.said = "the wall clock stepped by +3600.000 s" if number == 2 else ""
        return seen

    ready.device.before = step
    assert [each.void for each in ready.go().trials[:3]] == ["", "clock-step", ""]


def test_C05_a_lock_out_between_presentations_is_timed_and_no_rejection(ready: Set) -> None:
    def lock(number: int, seen: Recognised) -> Recognised:
        if number == 4:
            ready.device.locked_since = seen.ended
            ready.device.locked_until = seen.ended + 120 * SECOND
        return seen

    ready.device.before, ready.device.rejection_pause = lock, 0.0  # type: ignore[method-assign]
    seen = ready.go()
    (lockout,) = seen.lockouts
    assert lockout.after == 4
    assert lockout.seconds == pytest.approx(120, abs=lockout.resolution)
    assert (seen.decided.verdict, seen.decided.void) == ("pass", 0)
    assert all(each.outcome == "rejected" for each in seen.trials if not each.bona_fide)


def test_a_device_that_stays_locked_out_ends_the_campaign_without_a_verdict(ready: Set) -> None:
    ready.device.locked_until, ready.device.locked_since = 10**16, SECOND
    seen = ready.go()
    assert (seen.decided.end, seen.decided.verdict, seen.trials) == ("device", "", ())
    assert seen.lockouts[0].seconds is None


# --- ends that are no verdict


def test_I08_stopping_never_passes(ready: Set) -> None:
    ready.device.before = lambda number, seen: (setattr(ready, "stopped", number >= 5), seen)[1]
    seen = ready.go()
    assert (seen.decided.end, seen.decided.verdict, len(seen.trials)) == ("aborted", "", 5)
    assert seen.decided.at_trial is None


def test_a_signal_leaves_what_there_is_in_the_record(ready: Set) -> None:
    def interrupt(number: int, seen: Recognised) -> Recognised:
        if number == 4:
            raise KeyboardInterrupt
        return seen

    ready.device.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        ready.go()
    assert [row["reason"] for row in trials_in(ready.run)] == ["", "", "", "aborted"]
    ended = [event for event in read_journal(ready.run.journal.path) if event.type == "campaign"][-1]
    assert (ended.data["decided"]["end"], ended.data["decided"]["verdict"]) == ("aborted", "")
    kept = next(each for each in read_journal(ready.run.journal.path) if each.type == "observation")
    assert len(ready.run.observed(CampaignObservation, kept).trials) == 4


def test_a_fault_of_the_bench_voids_the_trial_and_is_not_swallowed(ready: Set) -> None:
    def pull(number: int, seen: Recognised) -> Recognised:
        if number == 3:
            raise LinkError("BEN-SER-002", "the test port went away")
        return seen

    ready.device.before = pull
    with pytest.raises(LinkError):
        ready.go()
    assert [row["reason"] for row in trials_in(ready.run)] == ["", "", "bench"]


def test_B22_light_that_stays_outside_ends_the_campaign(ready: Set) -> None:
    ready.device.before = lambda number, seen: replace(seen, lux=20.0 if number > 2 else 300.0)
    seen = ready.go()
    assert (seen.decided.end, seen.decided.verdict) == ("environment", "")
    assert len(seen.trials) == 2 + OUTSIDE
    assert "lux 20" in seen.decided.reason


def test_I09_at_the_maximum_of_trials_an_undecided_rule_has_no_verdict_and_its_numbers(ready: Set) -> None:
    ready.device.before = lambda number, seen: replace(seen, lux=20.0 if number % 3 else 300.0)
    seen = ready.go()
    assert (seen.decided.end, seen.decided.verdict) == ("maximum", "")
    assert len(seen.trials) == ready.design.most
    assert "undecided" in seen.decided.reason
    assert all(row.missing > 0 for row in seen.species if row.decision == "continue")


# --- plans that change, artefacts that wear


def test_I10_a_plan_that_is_edited_after_the_first_trial_is_refused(ready: Set) -> None:
    def edit(number: int, seen: Recognised) -> Recognised:
        if number == 2:
            ready.path.write_text(ready.path.read_text().replace("n: 6", "n: 5"))
        return seen

    ready.device.before = edit
    with pytest.raises(MethodError) as caught:
        ready.go()
    assert caught.value.code == "MET-BIO-024"
    assert 2 <= len(ready.device.shown) <= 4


def test_I10_the_same_campaign_with_other_numbers_is_refused_in_the_same_record(tmp_path: Path) -> None:
    first = Set(tmp_path)
    first.go()
    again = Set(tmp_path, ("n: 6, c: 1", "n: 5, c: 1"), run=first.run)
    with pytest.raises(MethodError) as caught:
        again.go()
    assert caught.value.code == "MET-BIO-024"
    assert again.device.shown == []


def test_numbers_that_change_in_memory_are_refused(ready: Set) -> None:
    def swap(number: int, seen: Recognised) -> Recognised:
        if number == 1:
            other = Set.__new__(Set)
            Set.__init__(other, _folder(ready), ("n: 6", "n: 4"))
            ready.path.write_text(PLAN)
            ready.runner.design = other.design
        return seen

    ready.device.before = swap
    with pytest.raises(MethodError) as caught:
        ready.go()
    assert caught.value.code == "MET-BIO-024"


def _folder(ready: Set) -> Path:
    folder = ready.path.parent / "other"
    folder.mkdir()
    return folder


def test_I05_an_artefact_is_not_shown_once_more_than_it_may_be(ready: Set) -> None:
    ready.runner.uses["M1"] = 498
    with pytest.raises(MethodError) as caught:
        ready.go()
    assert caught.value.code == "MET-STI-003"
    assert ready.device.shown.count("M1") == 2


# --- what counts as an error


def test_a_presentation_without_a_decision_counts_as_the_plan_says(tmp_path: Path) -> None:
    silent: Callable[[int, Recognised], Recognised] = lambda _, seen: replace(seen, answers=(), acted=())  # noqa: E731
    verdicts = {}
    for name, way in (("a", "resisted"), ("b", "success")):
        (tmp_path / name).mkdir()
        made = Set(tmp_path / name, ("stop_at_failure: false", f"stop_at_failure: false\nnon_responses: {way}"))
        made.device.before = silent
        seen = made.go()
        verdicts[way] = seen.decided.verdict
        assert all(row.non_response == row.n for row in seen.species)
    assert verdicts == {"resisted": "pass", "success": "fail"}


def test_a_genuine_presentation_that_is_rejected_is_an_error_of_the_bona_fide_row_only(ready: Set) -> None:
    ready.device.accepts = lambda what: False
    seen = ready.go()
    assert seen.decided.verdict == "pass"
    assert seen.bona_fide is not None
    assert seen.bona_fide.rate == 1.0
    assert {each.cell for each in seen.trials if each.bona_fide} == {GENUINE}
