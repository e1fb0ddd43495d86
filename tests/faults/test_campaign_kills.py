"""A campaign whose run is killed goes on at the next presentation, and ends as the undisturbed one; a face is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.record import Event, read_journal, verify_run
from pytest_conformance.record.findings import LEFT_BY_A_KILL
from pytest_conformance.resources import shipped
from tests.system.conftest import HEAD, Ran, command, conduct_in, surroundings

KILLS = 20 if os.environ.get("FAULTS") else 2
"""SIGKILLs of one campaign, at random moments between its trials and in them."""
SEED = int(os.environ.get("FAULTS_SEED", "20260304"))
PLAN = """\
schema: conformance-plan/1
name: short
version: "1"
title: a short plan
kind: attack
cells: species
rules: {attack: {kind: fixed, n: 6, c: 1}}
bona_fide_every: 6
stop_at_failure: false
conditions: {lux: {lower: 100 lx, upper: 1000 lx}}
limits: [{name: IAPAR, value: 40 %, text_status: unsure, source: this test}]
source: this test
text_status: unsure
"""
SUITE = """
from pytest_conformance.procedures.campaign_judging import report_rates, require_awake, require_decided
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.analysis.biometrics.campaigns import CampaignObservation

@procedure
def attacks(campaign, recogniser) -> CampaignObservation:
    "Attack by the short plan."
    return campaign.run({plan!r}, recogniser)

@clause("CN-LOCK-GB-B")
def test_attacks(attacks, judgement):
    report_rates(attacks, judgement)
    failed = [row.name for row in attacks.species if row.decision == "fail"]
    assert require_decided(attacks) == "pass", f"accepted: {{', '.join(failed)}}"
    require_awake(attacks)
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A bench whose lock accepts a third of some species, so that every outcome matters; and the plan."""
    folder = tmp_path_factory.mktemp("bench")
    text = (shipped("benches") / "mock-campaign.yaml").read_text()
    for species in ("mask-latex: 5 %", "mask-silicone: 5 %", "print-glossy: 1 %"):
        assert species in text
        text = text.replace(species, f"{species.partition(':')[0]}: 30 %")
    (folder / "truth.yaml").write_text(text)
    (folder / "short.yaml").write_text(PLAN)
    return str(folder / "truth.yaml"), SUITE.format(plan=str(folder / "short.yaml"))


@pytest.fixture(scope="module")
def undisturbed(bench: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return conduct_in(tmp_path_factory.mktemp("undisturbed"), bench[1], "--profile=quick", bench=bench[0])


def trials(events: Sequence[Event]) -> list[Any]:
    return [each.data for each in events if each.type == "trial"]


def shown(events: Sequence[Event]) -> list[tuple[Any, ...]]:
    """What counted, in its order: where in the plan, what was shown, what came of it."""
    names = ("block", "cell", "subject", "artefact", "outcome")
    return [tuple(each[name] for name in names) for each in trials(events) if not each["void"]]


def kill_when(here: Path, options: Sequence[str], ready: Callable[[Sequence[Event]], bool], more: float) -> int:
    """Start the run, kill it `more` seconds after its record is `ready`; return its exit status."""
    process = subprocess.Popen(
        command("mine", *options),
        cwd=here,
        env=surroundings(),
        stdin=subprocess.DEVNULL,
        stdout=(here / "out").open("ab"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        journals = list((here / "runs").glob("*/journal.jsonl"))
        if journals and ready(read_journal(journals[0])):
            break
        time.sleep(0.02)
    time.sleep(more)
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    return process.wait()


def test_F09_a_killed_campaign_goes_on_and_ends_as_the_undisturbed_one(
    bench: tuple[str, str], undisturbed: Ran, tmp_path: Path
) -> None:
    assert undisturbed.clauses["CN-LOCK-GB-B"]["verdict"] == "FAIL", undisturbed.out
    whole, rng = shown(undisturbed.events), random.Random(SEED)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "test_mine.py").write_text(HEAD + bench[1])
    options, kept, kills = [f"--bench={bench[0]}", "--profile=quick"], 0, 0
    while kills < KILLS:
        due = kept + rng.randint(1, max(2, len(whole) // (KILLS + 1)))
        status = kill_when(tmp_path, options, lambda seen, due=due: len(trials(seen)) >= due, rng.uniform(0, 0.03))  # type: ignore[misc]
        if status != -signal.SIGKILL:
            break
        kills += 1
        folder = Ran(status, "", tmp_path).folder
        kept = len(trials(read_journal(folder / "journal.jsonl")))
        assert {each.code for each in verify_run(folder)} <= LEFT_BY_A_KILL
        options = [f"--resume={folder.name}"]
    done = subprocess.run(
        command("mine", *options), cwd=tmp_path, env=surroundings(), capture_output=True, text=True, check=False
    )

    ran = Ran(done.returncode, done.stdout + done.stderr, tmp_path)
    assert kills == KILLS
    assert ran.code == undisturbed.code, ran.out
    assert shown(ran.events) == whole
    void = [each for each in trials(ran.events) if each["void"]]
    assert {each["reason"] for each in void} <= {"broken-off"}
    assert len(void) <= kills
    assert [each["number"] for each in trials(ran.events)] == list(range(1, len(whole) + len(void) + 1))
    states = [each.data["state"] for each in ran.of_type("campaign")]
    assert (states[0], states[-1], set(states[1:-1])) == ("sealed", "ended", {"resumed", "enrolled"})
    assert states[-2] == "enrolled", "what ended it was compared with an enrolment of its own"
    assert 1 <= states.count("enrolled") <= states.count("resumed") <= kills  # a kill may fall between the two
    rows = [{key: row[key] for key in ("verdict", "cause", "reason")} for row in (
        ran.clauses["CN-LOCK-GB-B"], undisturbed.clauses["CN-LOCK-GB-B"])]  # fmt: skip
    assert rows[0] == rows[1]
    assert verify_run(ran.folder) == []


def test_F10_a_killed_campaign_does_not_go_on_under_an_edited_plan(bench: tuple[str, str], tmp_path: Path) -> None:
    plan = tmp_path / "short.yaml"
    plan.write_text(PLAN)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "test_mine.py").write_text(HEAD + SUITE.format(plan=str(plan)))
    options = [f"--bench={bench[0]}", "--profile=quick"]
    assert kill_when(tmp_path, options, lambda seen: len(trials(seen)) >= 5, 0.0) == -signal.SIGKILL
    folder = Ran(0, "", tmp_path).folder
    before = len(trials(read_journal(folder / "journal.jsonl")))
    plan.write_text(PLAN.replace("c: 1", "c: 5"))

    done = subprocess.run(
        command("mine", f"--resume={folder.name}"), cwd=tmp_path, env=surroundings(), capture_output=True, check=False
    )

    ran = Ran(done.returncode, "", tmp_path)
    row = ran.clauses["CN-LOCK-GB-B"]
    assert (row["verdict"], row["cause"]) == ("INCONCLUSIVE", "method")
    assert row["reason"].startswith("MET-BIO-024")
    assert len(trials(ran.events)) == before


LOSES = """
class Losing:
    "Shows what it is told to; before the tenth thing somebody deletes S2 from the lock, in the app."

    def __init__(self, recogniser, lock):
        self.inner, self.lock, self.shown = recogniser, lock, 0

    def __getattr__(self, name):
        return getattr(self.inner, name)

    rejection_pause = property(lambda self: self.inner.rejection_pause)

    def enrol_subjects(self, subjects):
        return self.inner.enrol_subjects(subjects)

    def known(self):
        return self.inner.known()

    def locked_out(self):
        return self.inner.locked_out()

    def recognise(self, what):
        self.shown += 1
        if self.shown == 10:
            assert self.lock.delete_user("S2-" + self.lock.token[:6]).ok
        return self.inner.recognise(what)
"""


def test_C09_a_face_that_is_lost_half_way_is_enrolled_anew_and_its_trials_are_kept_apart(
    bench: tuple[str, str], undisturbed: Ran, tmp_path: Path
) -> None:
    source = bench[1].replace("campaign, recogniser)", "campaign, recogniser, lock)")
    source = source.replace(", recogniser)\n", ", Losing(recogniser, lock))\n")
    assert "Losing(" in source

    ran = conduct_in(tmp_path, LOSES + source, "--profile=quick", bench=bench[0])

    states = [each.data["state"] for each in ran.of_type("campaign")]
    assert states in (["sealed", "withdrawn", "enrolled", "ended"], ["sealed", "enrolled", "ended"]), ran.out
    (anew,) = (each.data for each in ran.of_type("campaign") if each.data["state"] == "enrolled")
    assert anew["reason"] == "the device does not know S2"
    after = {each["number"]: each["enrolment"] for each in trials(ran.events)}
    assert {each for number, each in after.items() if number <= anew["after"]} == {1}
    assert {each for number, each in after.items() if number > anew["after"]} == {2}
    names = {each["name"] for each in ran.clauses["CN-LOCK-GB-B"]["measurements"]}
    assert {"FRR, enrolment 1", "FRR, enrolment 2"} <= names
    assert "enrolled anew after trial" in (ran.folder / "report.html").read_text("utf-8")
