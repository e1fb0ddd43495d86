"""A campaign that was broken off goes on to the verdict of an undisturbed one; enrolments are told apart (C09)."""

from __future__ import annotations

import itertools
import random
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_conformance.analysis.biometrics.campaigns import CampaignObservation, Enrolment
from pytest_conformance.declaration.profile import load_profile
from pytest_conformance.devices.roles import Recognised
from pytest_conformance.errors import DeviceError, MethodError
from pytest_conformance.procedures.campaign import Campaigns
from pytest_conformance.procedures.campaign_history import broken_off
from pytest_conformance.procedures.campaign_judging import require_decided
from pytest_conformance.procedures.campaigning import FORGETS
from pytest_conformance.record import Run, read_journal
from pytest_conformance.record.events import event_schemas
from pytest_conformance.resources import shipped
from pytest_conformance.stimulus.register import Artefacts, Subjects
from pytest_conformance.yamlfile import parse
from tests.procedures.test_campaigning import ARTEFACTS, PLAN, SUBJECTS, Device, FastClock, Set, trials_in

RULE = "fixed, n: 6, c: 1"


class Killed(BaseException):
    """The process is gone: nothing catches it and nothing is written after it."""


def counted(run: Run) -> int:
    gone = [number for each in read_journal(run.journal.path) for number in _withdrawn(each)]
    return sum(not each["void"] for each in trials_in(run)) - len(gone)


def _withdrawn(event: Any) -> list[int]:
    return event.data["trials"] if event.type == "campaign" and event.data["state"] == "withdrawn" else []


def ready(folder: Path, rate: float, *replaced: tuple[str, str], seed: int = 1, run: Run | None = None) -> Set:
    """A campaign whose device answers the n-th presentation that counts always alike, however often it is killed."""
    made = Set(folder, *replaced, seed=seed, run=run)
    draws = random.Random(f"{seed}/{rate}")
    stream = [draws.random() < rate for _ in range(400)]
    made.device.accepts = lambda what: what.startswith("S") or stream[counted(made.run)]
    return made


def killed_after(made: Set, events: int) -> bool:
    """Run until the record holds `events` more events; False when the campaign came to its end before."""
    left = itertools.count(1)

    def kill(_: Any) -> None:
        if next(left) == events:
            raise Killed

    made.run.listen(kill)
    try:
        made.go()
    except Killed:
        return True
    finally:
        made.run._listeners.remove(kill)
    return False


def going_on(made: Set, *replaced: tuple[str, str], rate: float, seed: int = 1) -> Set:
    made.run.event("resumed", {"finished": 0, "void": ["attack_campaign"]})
    return ready(made.path.parent, rate, *replaced, seed=seed, run=made.run)


def essence(seen: CampaignObservation) -> Any:
    shown = [(each.block, each.cell, each.artefact, each.outcome) for each in seen.valid]
    rows = [(row.name, row.n, row.errors, row.decision, row.missing) for row in seen.species]
    return seen.decided.end, seen.decided.verdict, seen.decided.used, shown, rows


@pytest.mark.parametrize(
    ("rule", "rate"),
    [(RULE, 0.0), (RULE, 0.35), ("bio-itc-artefact, first: 5, more: 4", 0.25), ("fixed, n: 8, c: 0", 0.1)],
)
def test_F09_wherever_it_was_broken_off_it_ends_as_if_it_had_not_been(tmp_path: Path, rule: str, rate: float) -> None:
    other = (RULE, rule)
    (tmp_path / "whole").mkdir()
    whole = ready(tmp_path / "whole", rate, other).go()
    for events in itertools.count(1):
        folder = tmp_path / str(events)
        folder.mkdir()
        first = ready(folder, rate, other)
        if not killed_after(first, events):
            break
        before = trials_in(first.run)
        under_way = [each.type for each in read_journal(first.run.journal.path)][-1] == "progress"
        again = going_on(first, other, rate=rate)
        seen = again.go()
        assert essence(seen) == essence(whole)
        rows = trials_in(first.run)
        assert rows[: len(before)] == before
        assert len(again.device.shown) == len(rows) - len(before) - under_way, "a finished trial was shown again"
        assert [(each["number"], each["reason"]) for each in rows if each["void"]] == (
            [(len(before) + 1, "broken-off")] if under_way else []
        )
        assert [each.number for each in seen.trials] == list(range(1, len(rows) + 1))
        first.run.close()
    assert events > 2 * len(whole.trials)


def test_F09_it_may_be_broken_off_again_and_again(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = ready(tmp_path / "whole", 0.35).go()
    made, kills = ready(tmp_path, 0.35), 0
    while killed_after(made, 6):
        kills += 1
        made = going_on(made, rate=0.35)
    (observed,) = (each for each in read_journal(made.run.journal.path) if each.data.get("state") == "ended")
    assert kills > 4
    assert observed.data["decided"]["verdict"] == whole.decided.verdict
    assert observed.data["decided"]["used"] == whole.decided.used


def test_many_breaks_use_up_no_trials_of_the_plan(tmp_path: Path) -> None:
    made = ready(tmp_path, 0.0)
    for _ in range(made.design.most):
        assert killed_after(made, 2)  # it is sealed or goes on, and begins to show something
        made = going_on(made, rate=0.0)
    assert made.go().decided.verdict == "pass"


def test_F10_it_does_not_go_on_under_another_plan_or_seed(tmp_path: Path) -> None:
    made = ready(tmp_path, 0.0)
    assert killed_after(made, 8)
    for other in (going_on(made, ("n: 6, c: 1", "n: 5, c: 1"), rate=0.0), going_on(made, rate=0.0, seed=2)):
        with pytest.raises(MethodError) as caught:
            other.go()
        assert caught.value.code == "MET-BIO-024"
        assert other.device.shown == []
        made.path.write_text(PLAN)


def test_recorded_trials_that_are_not_those_of_the_plan_are_refused(tmp_path: Path) -> None:
    made = ready(tmp_path, 0.0)
    assert killed_after(made, 12)
    again = going_on(made, rate=0.0)
    assert again.runner.history is not None
    place, row = next((at, each) for at, each in enumerate(again.runner.steps) if getattr(each, "artefact", ""))
    again.runner.steps[place] = replace(row, artefact="P9")  # type: ignore[arg-type]
    with pytest.raises(MethodError, match="P9") as caught:
        again.go()
    assert caught.value.code == "MET-CAM-009"
    assert again.device.shown == []


def test_a_campaign_that_ended_or_was_not_broken_off_has_nothing_to_go_on_with(tmp_path: Path) -> None:
    made = ready(tmp_path, 0.0)
    assert killed_after(made, 8)
    assert broken_off(read_journal(made.run.journal.path), "small") is None
    made.run.event("resumed", {"finished": 0, "void": []})
    assert broken_off(read_journal(made.run.journal.path), "other") is None
    found = broken_off(read_journal(made.run.journal.path), "small")
    assert found is not None
    assert (found.seed, found.trials) == (1, len(trials_in(made.run)))
    seen = going_on(made, rate=0.0).go()
    made.run.observation("attack_campaign", seen)
    made.run.event("resumed", {"finished": 0, "void": []})
    assert broken_off(read_journal(made.run.journal.path), "small") is None


def test_a_fault_that_nobody_foresaw_ends_a_campaign_and_leaves_nothing_to_go_on_with(tmp_path: Path) -> None:
    made = ready(tmp_path, 0.0)

    def fault(number: int, seen: Recognised) -> Recognised:
        raise ZeroDivisionError(number)

    made.device.before = fault
    with pytest.raises(ZeroDivisionError):
        made.go()
    made.run.event("resumed", {"finished": 0, "void": []})
    assert broken_off(read_journal(made.run.journal.path), "small") is None


def test_a_device_that_remembers_is_not_enrolled_again_and_one_that_does_not_is(tmp_path: Path) -> None:
    for knows, reasons in ((["S1"], []), ([], ["after the run was broken off, the device does not know S1"])):
        folder = tmp_path / str(len(knows))
        folder.mkdir()
        made = ready(folder, 0.0)
        assert killed_after(made, 11)
        again = going_on(made, rate=0.0)
        again.device.knows = list(knows)
        seen = again.go()
        assert again.device.enrolled == len(reasons)
        assert [each.reason for each in seen.enrolments] == reasons
        assert not [each for each in seen.trials if each.void == "not-enrolled"]
        assert seen.decided.verdict == "pass"


class Whole:
    """What `Campaigns` needs of a real bench: no instruments, no simulation."""

    mode, file = "lab", None

    def __init__(self) -> None:
        self.clock = FastClock()

    def has(self, role: str) -> bool:
        return False


def test_on_a_real_bench_it_goes_on_with_the_seed_that_was_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter([7, 8, 9])
    monkeypatch.setattr(secrets, "randbits", lambda bits: next(drawn))
    plan = tmp_path / "small.yaml"
    plan.write_text(PLAN)
    profile = load_profile(shipped("fixtures") / "profiles" / "quick.yaml")
    registers = (parse("s.yaml", SUBJECTS).validate(Subjects), parse("a.yaml", ARTEFACTS).validate(Artefacts))
    run = Run.start(tmp_path, {"bench": "lab1"})

    def conduct() -> tuple[Device, CampaignObservation]:
        bench: Any = Whole()
        device = Device(bench.clock, run)
        return device, Campaigns(bench, run, profile, registers, tmp_path).run(str(plan), device)

    left = itertools.count(1)

    def kill(event: Any) -> None:
        if event.type == "trial" and next(left) == 5:
            raise Killed

    run.listen(kill)
    with pytest.raises(Killed):
        conduct()
    run.event("resumed", {"finished": 0, "void": []})
    device, seen = conduct()

    assert seen.plan.seed == 7
    assert (seen.decided.verdict, len(device.shown)) == ("pass", len(seen.trials) - 5)
    run.observation("attack_campaign", seen)
    assert [each.number for each in seen.trials] == list(range(1, len(seen.trials) + 1))


# --- a second enrolment


def forgetful(made: Set, *numbers: int) -> Callable[[int, Recognised], Recognised]:
    """Let the device forget everybody just before each of these presentations."""
    knows = made.device.accepts
    made.device.accepts = lambda what: bool(made.device.knows) and knows(what)

    def before(number: int, seen: Recognised) -> Recognised:
        if number + 1 in numbers:
            made.device.knows = []
        return seen

    return before


def test_C09_a_second_enrolment_is_told_from_the_first(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = ready(tmp_path / "whole", 0.0).go()
    made = ready(tmp_path, 0.0)
    made.device.before = forgetful(made, 7)
    seen = made.go()

    assert made.device.enrolled == 1, "the runner was given an enrolled device and enrols it once more"
    (anew,) = seen.enrolments
    gone = [each.number for each in seen.trials if each.void == "not-enrolled"]
    first = next(each.number for each in seen.trials if each.bona_fide and each.number >= 7)
    assert gone == [*range(gone[0], first), first]
    assert all(number < 7 or number in gone for number in range(1, first + 1))
    assert anew == Enrolment(2, first, "the device does not know S1")
    assert {each.enrolment for each in seen.trials[:first]} == {1}
    assert {each.enrolment for each in seen.trials[first:]} == {2}
    assert (seen.decided.verdict, seen.decided.used) == (whole.decided.verdict, whole.decided.used)
    for row in [*seen.species, seen.bona_fide]:
        assert row is not None
        valid = [each for each in seen.valid if (each.species or "bona fide") == row.name]
        assert row.apart == tuple((number, 0, sum(each.enrolment == number for each in valid)) for number in (1, 2))
    events = read_journal(made.run.journal.path)
    states = [each.data["state"] for each in events if each.type == "campaign"]
    assert states == ["sealed", "withdrawn", "enrolled", "ended"]
    for event in events:
        jsonschema.validate(event._asdict(), event_schemas()[event.type])
    made.run.observation("attack_campaign", seen)
    (kept,) = (each for each in read_journal(made.run.journal.path) if each.type == "observation")
    assert made.run.observed(CampaignObservation, kept) == seen


def test_C09_nothing_is_passed_by_a_device_that_forgot_before_the_last_trials(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    last = ready(tmp_path / "whole", 0.0).go().trials[-1]
    assert not last.bona_fide
    made = ready(tmp_path, 0.0)
    made.device.before = forgetful(made, last.number)
    seen = made.go()
    assert seen.trials[last.number - 1].void == "not-enrolled"
    assert (seen.decided.verdict, len(seen.enrolments)) == ("pass", 1)
    assert seen.decided.used == len(seen.valid) - sum(each.bona_fide for each in seen.valid)


def test_C09_what_was_accepted_stands_whoever_was_enrolled(tmp_path: Path) -> None:
    made = ready(tmp_path, 0.0, (RULE, "fixed, n: 6, c: 0"))
    made.device.before = forgetful(made, 2)
    others = made.device.accepts
    made.device.accepts = lambda what: what == "M1" or others(what)
    seen = made.go()
    first = next(each for each in seen.trials if each.artefact == "M1")
    assert (first.enrolment, first.outcome, first.void) == (1, "accepted", "")
    assert {each.outcome for each in seen.trials if each.void == "not-enrolled"} == {"rejected"}
    assert {row.name: row.decision for row in seen.species} == {"print": "pass", "mask-3d": "fail"}


def test_C09_a_device_that_forgets_all_the_time_ends_the_campaign(tmp_path: Path) -> None:
    made = ready(tmp_path, 0.0)
    made.device.before = forgetful(made, *range(1, 200))
    seen = made.go()
    assert (seen.decided.end, seen.decided.verdict) == ("device", "")
    assert len(seen.enrolments) == FORGETS + 1
    with pytest.raises(DeviceError, match="forgot") as caught:
        require_decided(seen)
    assert caught.value.code == "DUT-CAM-001"


@pytest.mark.parametrize("rate", [0.0, 0.35])
def test_C09_it_goes_on_after_a_break_with_its_withdrawn_trials(tmp_path: Path, rate: float) -> None:
    (tmp_path / "whole").mkdir()
    undisturbed = ready(tmp_path / "whole", rate)
    undisturbed.device.before = forgetful(undisturbed, 7)
    whole = undisturbed.go()
    assert whole.enrolments
    compared = 0
    for events in itertools.count(8):
        folder = tmp_path / str(events)
        folder.mkdir()
        first = ready(folder, rate)
        first.device.before = forgetful(first, 7)
        if not killed_after(first, events):
            break
        if any(each.data.get("state") == "enrolled" for each in read_journal(first.run.journal.path)):
            assert essence(going_on(first, rate=rate).go()) == essence(whole)
            compared += 1
        first.run.close()
    assert compared > 10


def test_C09_rates_of_enrolments_that_differ_are_not_put_together(tmp_path: Path) -> None:
    seen = ready(tmp_path, 0.0).go()
    assert require_decided(seen) == "pass"
    row = replace(seen.species[0], apart=((1, 0, 40), (2, 9, 40)))
    with pytest.raises(MethodError, match="9 of 40 with enrolment 2") as caught:
        require_decided(replace(seen, species=(row, *seen.species[1:])))
    assert caught.value.code == "MET-CAM-010"
    alike = replace(row, apart=((1, 2, 40), (2, 3, 40)))
    assert require_decided(replace(seen, species=(alike, *seen.species[1:]))) == "pass"
    failed = replace(seen, species=(row,), decided=replace(seen.decided, verdict="fail"))
    assert require_decided(failed) == "fail"
