"""Runs a campaign: seals its plan, presents block by block, voids what must not count, stops when the rule decides.

A campaign that was broken off goes through its recorded trials first, by the same way, and on from there. Every trial
is in the journal before the next thing is shown. Nothing here judges a clause.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_conformance.analysis.biometrics.campaign_tables import decided
from pytest_conformance.analysis.biometrics.campaigns import (
    CampaignObservation,
    End,
    Enrolment,
    LockoutSeen,
    PlanStatement,
    TrialRow,
    Void,
)
from pytest_conformance.analysis.biometrics.counting import Decision, QuantilePlan
from pytest_conformance.analysis.biometrics.plans import Campaign, Cell, SealedPlan
from pytest_conformance.clock import SECOND
from pytest_conformance.errors import ConformanceError, DeviceError, MethodError
from pytest_conformance.procedures.campaign_history import History, Step, Withdrawn, require_same_place
from pytest_conformance.procedures.campaign_rows import observation
from pytest_conformance.procedures.trial_judging import NONE, Judged, judge_trial
from pytest_conformance.stimulus.carriers import NotPresentedError
from pytest_conformance.stimulus.design import GENUINE, TIMES, Design, Showing, require_use

if TYPE_CHECKING:
    from pytest_conformance.clock import Clock
    from pytest_conformance.devices.roles import Recogniser
    from pytest_conformance.procedures.surroundings import Steps, Surroundings
    from pytest_conformance.record import Run
    from pytest_conformance.stimulus.planfile import PlanFile
    from pytest_conformance.stimulus.register import Artefacts

OUTSIDE = 5
"""Trials in a row that may be void for the same reason of surroundings or device before the campaign ends."""
FORGETS = 3
"""Times that the device may forget who is enrolled before the campaign ends."""
UNCOUNTED = ("broken-off", "not-enrolled")
"""Void trials that use up none of those that the plan permits; breaks happen, and FORGETS bounds the others."""
LOCKOUT_PATIENCE = 3600.0
"""Seconds of bench time after which a device that stays locked out ends the campaign."""


@dataclass
class Conduct:
    """What a campaign is run with. `stop` is asked before each trial whether somebody stopped the campaign."""

    run: Run
    clock: Clock
    device: Recogniser
    surroundings: Surroundings
    steps: Steps
    artefacts: Artefacts
    lockout_check: float
    enrolled: Sequence[str]
    stop: Callable[[], bool] = lambda: False


@dataclass
class Runner:
    """One campaign. `go` may be called once."""

    conduct: Conduct
    file: PlanFile
    design: Design
    statement: PlanStatement
    sealed: SealedPlan
    history: History | None = None
    """What is recorded of this campaign where it was broken off."""
    state: Campaign = field(init=False)
    trials: list[TrialRow] = field(default_factory=list)
    errors: dict[int, bool] = field(default_factory=dict)
    """Whether a valid trial ended wrongly, by its number."""
    lockouts: list[LockoutSeen] = field(default_factory=list)
    uses: dict[str, int] = field(default_factory=dict)
    presented: dict[Cell, int] = field(default_factory=dict)
    enrolments: list[Enrolment] = field(default_factory=list)
    steps: deque[Step] = field(init=False)
    """Recorded steps that were not gone through yet."""
    going_on: bool = field(init=False)
    """Whether the recorded part is being gone through; nothing is shown meanwhile."""
    sure: int = 0
    """The last trial after which it was certain that the device knows who is enrolled."""

    def __post_init__(self) -> None:
        self.state = Campaign(self.design.plan)
        self.steps = deque(self.history.steps if self.history is not None else ())
        self.going_on = self.history is not None

    def go(self) -> CampaignObservation:
        """Seal, present until the rule decides or the campaign must end, and return what was observed.

        Stopped by a signal it records what there is, with no verdict, and lets the stop go on. A fault of the bench
        voids the running trial and is raised. Raises MethodError MET-BIO-024 when the plan's file changes meanwhile,
        MET-CAM-009 when a broken-off campaign's recorded trials are not those of its plan.
        """
        self._require_first()
        if self.history is None:
            self._say("sealed", plan={**self.sealed.data, "file": self.file.digest, "statement": self.statement})
        else:
            self._say("resumed", trials=self.history.trials)
        end: End = "device"
        try:
            end, reason = self._blocks()
        except KeyboardInterrupt:
            self.conduct.run.observation(
                f"{self.statement.name} (stopped)", self._ended("aborted", "the run was stopped")
            )
            raise
        except Exception as error:
            self._ended("device" if getattr(error, "cause", "") == "dut" else "bench", str(error))
            raise
        return self._ended(end, reason)

    def _require_first(self) -> None:
        """Refuse a campaign whose plan was sealed in this record with other contents."""
        from pytest_conformance.record import iterate_journal

        for event in iterate_journal(self.conduct.run.journal.path):
            if event.type == "campaign" and event.data["campaign"] == self.statement.name:
                before = str(event.data["digest"])
                if before != self.sealed.digest:
                    raise self._changed(before)

    def _require_unchanged(self) -> None:
        """Refuse to go on under a plan whose file was edited after it was sealed, or whose numbers are others."""
        self.sealed.require_same(self.design.plan, self.statement.seed, str(self.sealed.data["profile"]))
        path = Path(self.file.document.name)
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != self.file.digest:
            raise self._changed(self.sealed.digest)

    def _changed(self, digest: str) -> MethodError:
        return MethodError(
            "MET-BIO-024",
            f"the plan {self.statement.name!r} was changed after it was sealed",
            where=self.file.document.name,
            expected=f"digest {digest[:16]}",
            todo="start a new campaign, in a run of its own; keep this one's trials",
        )

    def _blocks(self) -> tuple[End, str]:
        number = 0
        while self.state.decision is Decision.CONTINUE:
            number += 1
            self._require_unchanged()
            order = self.design.block(number, self.statement.seed, self.state.open_cells, dict(self.presented))
            for cell, shown in order:
                if cell not in self.state.open_cells and cell != GENUINE:
                    continue
                if not (self.going_on and self._recorded(number, cell, shown)):
                    ended = self._ends()
                    if ended is not None:
                        return ended
                    self._present(number, cell, shown)
                if self.state.decision is not Decision.CONTINUE:
                    break
        return "decided", f"the rule says {self.state.decision.value}"

    # --- the recorded part of a campaign that was broken off

    def _recorded(self, block: int, cell: Cell, shown: Showing) -> bool:
        """Take what is recorded for this place; False when the campaign broke off before it, and goes on with it."""
        self._take_between()
        while self.steps:
            row = self.steps.popleft()
            assert isinstance(row, TrialRow)
            require_same_place(row, block, cell, shown)
            self._use(shown)
            self._take(row)
            self.sure = len(self.trials)
            self._take_between()
            if row.void != "broken-off":
                return True
        self.going_on = False
        assert self.history is not None
        if self.history.under_way:
            self._use(shown)
            said = f"the run was broken off while {self.history.under_way} was shown"
            self._keep(block, cell, shown, Judged("none", "broken-off", said, NONE), self.conduct.clock.now())
        missing = self._forgotten()
        if missing:
            self.sure = len(self.trials)
            self._enrol_anew(f"after the run was broken off, {missing}")
        self.conduct.clock.sleep(self.conduct.device.rejection_pause)
        return False

    def _take_between(self) -> None:
        """Take what is recorded between this trial and the next."""
        while self.steps and not isinstance(self.steps[0], TrialRow):
            step = self.steps.popleft()
            if isinstance(step, Withdrawn):
                self._withdraw(step)
            elif isinstance(step, Enrolment):
                self.enrolments.append(step)
            elif isinstance(step, LockoutSeen):
                self.lockouts.append(step)

    # --- who is enrolled

    def _forgotten(self) -> str:
        """Return in words whom the device no longer knows of those that were enrolled; "" when it knows all."""
        known = set(self.conduct.device.known())
        missing = [each for each in self.conduct.enrolled if each not in known]
        return f"the device does not know {', '.join(missing)}" if missing else ""

    def _enrol_anew(self, why: str) -> None:
        """Enrol again and tell (fault case C09); what was rejected since the device was last sure is withdrawn."""
        conduct, after = self.conduct, len(self.trials)
        doubtful = [each.number for each in self.trials[self.sure :] if not each.void and each.outcome != "accepted"]
        if doubtful:
            gone = Withdrawn(frozenset(doubtful), why)
            self._say("withdrawn", trials=doubtful, reason=why)
            self._withdraw(gone)
        with conduct.run.step("Setup", f"Enrol {', '.join(conduct.enrolled)} again: {why}"):
            require_enrolled(conduct.device, conduct.enrolled)
        self.enrolments.append(Enrolment(len(self.enrolments) + 2, after, why))
        self._say("enrolled", **vars(self.enrolments[-1]))
        self.sure = after

    def _withdraw(self, gone: Withdrawn) -> None:
        """Leave trials out that counted, and bring the rule to where it is without them."""
        self.trials = [
            replace(each, void="not-enrolled", said=gone.reason) if each.number in gone.numbers else each
            for each in self.trials
        ]
        self.state, self.presented, self.errors = Campaign(self.design.plan), {}, {}
        for row in self.trials:
            self._count(row)

    # --- presenting

    def _ends(self) -> tuple[End, str] | None:
        """Return why the campaign must end before the next trial; None when it goes on."""
        if self.conduct.stop():
            return "aborted", "the operator stopped the campaign"
        if sum(each.void not in UNCOUNTED for each in self.trials) >= self.design.most:
            left = len(self.state.open_cells)
            return "maximum", f"{len(self.trials)} trials were used up and {left} cells are undecided"
        last = {each.void for each in self.trials[-OUTSIDE:]}
        if len(self.trials) >= OUTSIDE and len(last) == 1:
            (void,) = last
            if void in ("conditions", "no-stimulus"):
                return "environment", f"{OUTSIDE} trials in a row: {self.trials[-1].said}"
            if void == "operator":
                return "operator", f"{OUTSIDE} trials in a row: {self.trials[-1].said}"
            if void == "battery":
                return "device", f"{OUTSIDE} trials in a row: {self.trials[-1].said}"
            if void == "restart":
                return "device", f"the device started anew in {OUTSIDE} trials in a row"
        forgot = sum(not each.reason.startswith("after the run") for each in self.enrolments)
        if forgot > FORGETS:
            return "device", f"the device forgot {forgot} times who was enrolled"
        if not self._waited_out():
            return "device", f"the device was still locked out after {LOCKOUT_PATIENCE:g} s"
        return None

    def _waited_out(self) -> bool:
        """Wait while the device is locked out and note for how long; False when it stays so."""
        conduct = self.conduct
        since = conduct.device.locked_out()
        if since is None:
            return True
        until = conduct.clock.now() + int(LOCKOUT_PATIENCE * SECOND)
        while conduct.device.locked_out() is not None:
            if conduct.clock.now() >= until:
                self._say_locked_out(None)
                return False
            conduct.clock.sleep(conduct.lockout_check)
        self._say_locked_out((conduct.clock.now() - since) / SECOND)
        return True

    def _say_locked_out(self, seconds: float | None) -> None:
        self.lockouts.append(LockoutSeen(len(self.trials), seconds, self.conduct.lockout_check))
        self._say("locked-out", **vars(self.lockouts[-1]))

    def _present(self, block: int, cell: Cell, shown: Showing) -> None:
        conduct, number = self.conduct, len(self.trials) + 1
        self._say_progress(number, shown)
        self._use(shown)
        conduct.steps.mark()
        began = conduct.clock.now()
        try:
            seen = conduct.device.recognise(shown.id)
            conditions = conduct.surroundings.read(shown, seen.lux)
        except NotPresentedError as error:
            self._keep(block, cell, shown, Judged("none", "operator", str(error), NONE), began)
            return
        except (KeyboardInterrupt, ConformanceError) as error:
            void: Void = "aborted"
            if isinstance(error, ConformanceError):
                void = "device" if error.cause == "dut" else "bench"
            self._keep(block, cell, shown, Judged("none", void, f"{type(error).__name__}: {error}", NONE), began)
            raise
        judged = judge_trial(seen, conditions, self.file.conditions.ranges(), conduct.steps.stepped())
        own = shown.bona_fide and shown.subject in conduct.enrolled
        forgotten = self._forgotten() if seen.restarted or (own and judged.outcome != "accepted") else ""
        if forgotten and not judged.void:
            judged = replace(judged, void="not-enrolled", said=forgotten)
        self._keep(block, cell, shown, judged, seen.stimulus)
        if own and judged.outcome == "accepted" and not judged.void:
            self.sure = number
        elif self.state.decision is Decision.PASS and not forgotten:
            forgotten = self._forgotten()  # nothing is passed by a device that knew nobody
        if forgotten:
            self._enrol_anew(forgotten)
        if judged.outcome == "rejected" and not judged.void:
            conduct.clock.sleep(conduct.device.rejection_pause)

    def _use(self, shown: Showing) -> None:
        """Count the use of an artefact; MethodError MET-STI-003 when it may not be used once more."""
        if shown.artefact:
            require_use(self.conduct.artefacts.artefact(shown.artefact), self.uses.get(shown.artefact, 0))
            self.uses[shown.artefact] = self.uses.get(shown.artefact, 0) + 1

    def _keep(self, block: int, cell: Cell, shown: Showing, judged: Judged, at: int) -> None:
        """Journal the trial, then let the rule know of it."""
        number = len(self.trials) + 1
        row = TrialRow(
            number=number,
            block=block,
            cell=cell,
            subject=shown.subject,
            artefact=shown.artefact,
            series=shown.series,
            species=shown.species,
            bona_fide=shown.bona_fide,
            outcome=judged.outcome,
            void=judged.void,
            said=judged.said,
            conditions=judged.conditions,
            seconds=judged.seconds,
            score=judged.score,
            at=at,
            enrolment=len(self.enrolments) + 1,
        )
        plain = {**vars(row), "campaign": self.statement.name, "void": bool(row.void), "reason": row.void or row.said}
        self.conduct.run.event("trial", plain)
        self._take(row)

    def _take(self, row: TrialRow) -> None:
        self.trials.append(row)
        self._count(row)

    def _count(self, row: TrialRow) -> None:
        """Let the rule know of a trial, unless it is void."""
        if row.void:
            return
        cell = row.cell
        self.presented[cell] = self.presented.get(cell, 0) + 1
        self.errors[row.number] = self._is_error(row)
        if cell in self.state.open_cells:
            self.state = self.state.feed(cell, self.errors[row.number])

    def _is_error(self, row: TrialRow) -> bool:
        if row.cell == TIMES:
            plan = self.design.plan.cells[TIMES]
            slow = row.seconds is None or (isinstance(plan, QuantilePlan) and plan.is_error(row.seconds))
            return slow or row.outcome != "accepted"
        if row.cell == GENUINE:
            return row.outcome != "accepted"
        return row.outcome == "accepted" or (row.outcome == "none" and self.file.non_responses == "success")

    # --- telling

    def _say_progress(self, number: int, shown: Showing) -> None:
        done = {"showing": shown.id, "campaign": self.statement.name, "done": number - 1}
        self.conduct.run.event("progress", {**done, "planned": self.design.plan.most})

    def _say(self, state: str, **more: object) -> None:
        said = {"campaign": self.statement.name, "state": state, "digest": self.sealed.digest, **more}
        self.conduct.run.event("campaign", said)

    def _ended(self, end: End, reason: str) -> CampaignObservation:
        how = decided(self.state, end, self.trials, reason)
        self._say("ended", decided=vars(how))
        return observation(
            self.file, self.statement, self.state, self.trials, self.errors, self.lockouts, self.enrolments, how
        )


def require_enrolled(device: Recogniser, subjects: Sequence[str]) -> None:
    """Enrol `subjects` from factory state; DeviceError DUT-REC-001 when the device does not know all of them then."""
    missing = sorted(set(subjects) - set(device.enrol_subjects(subjects)))
    if missing:
        raise DeviceError("DUT-REC-001", f"not enrolled: {', '.join(missing)}", expected="their enrolled faces")
