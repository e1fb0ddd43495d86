"""Runs a campaign: seals its plan, presents block by block, voids what must not count, stops when the rule decides.

Every trial is in the journal before the next thing is shown. Nothing here judges a clause.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_conformance.analysis.biometrics.campaign_tables import decided
from pytest_conformance.analysis.biometrics.campaigns import (
    CampaignObservation,
    End,
    LockoutSeen,
    PlanStatement,
    TrialRow,
    Void,
)
from pytest_conformance.analysis.biometrics.counting import Decision, QuantilePlan
from pytest_conformance.analysis.biometrics.plans import Campaign, Cell, SealedPlan
from pytest_conformance.clock import SECOND
from pytest_conformance.errors import ConformanceError, MethodError
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
    stop: Callable[[], bool] = lambda: False


@dataclass
class Runner:
    """One campaign. `go` may be called once."""

    conduct: Conduct
    file: PlanFile
    design: Design
    statement: PlanStatement
    sealed: SealedPlan
    state: Campaign = field(init=False)
    trials: list[TrialRow] = field(default_factory=list)
    errors: dict[int, bool] = field(default_factory=dict)
    """Whether a valid trial ended wrongly, by its number."""
    lockouts: list[LockoutSeen] = field(default_factory=list)
    uses: dict[str, int] = field(default_factory=dict)
    presented: dict[Cell, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = Campaign(self.design.plan)

    def go(self) -> CampaignObservation:
        """Seal, present until the rule decides or the campaign must end, and return what was observed.

        Stopped by a signal it records what there is, with no verdict, and lets the stop go on. A fault of the bench
        voids the running trial and is raised. Raises MethodError MET-BIO-024 when the plan's file changes meanwhile.
        """
        self._require_first()
        self._say("sealed", plan={**self.sealed.data, "file": self.file.digest, "statement": self.statement})
        end: End = "device"
        try:
            end, reason = self._blocks()
        except KeyboardInterrupt:
            self.conduct.run.observation(
                f"{self.statement.name} (stopped)", self._ended("aborted", "the run was stopped")
            )
            raise
        except ConformanceError as error:
            self._ended("device" if error.cause == "dut" else "bench", str(error))
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

    # --- presenting

    def _blocks(self) -> tuple[End, str]:
        number = 0
        while self.state.decision is Decision.CONTINUE:
            number += 1
            self._require_unchanged()
            order = self.design.block(number, self.statement.seed, self.state.open_cells, dict(self.presented))
            for cell, shown in order:
                if cell not in self.state.open_cells and cell != GENUINE:
                    continue
                ended = self._ends()
                if ended is not None:
                    return ended
                self._present(number, cell, shown)
                if self.state.decision is not Decision.CONTINUE:
                    break
        return "decided", f"the rule says {self.state.decision.value}"

    def _ends(self) -> tuple[End, str] | None:
        """Return why the campaign must end before the next trial; None when it goes on."""
        if self.conduct.stop():
            return "aborted", "the operator stopped the campaign"
        if len(self.trials) >= self.design.most:
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
                self.lockouts.append(LockoutSeen(len(self.trials), None, conduct.lockout_check))
                return False
            conduct.clock.sleep(conduct.lockout_check)
        seconds = (conduct.clock.now() - since) / SECOND
        self.lockouts.append(LockoutSeen(len(self.trials), seconds, conduct.lockout_check))
        return True

    def _present(self, block: int, cell: Cell, shown: Showing) -> None:
        conduct, number = self.conduct, len(self.trials) + 1
        self._say_progress(number, shown)
        if shown.artefact:
            require_use(conduct.artefacts.artefact(shown.artefact), self.uses.get(shown.artefact, 0))
            self.uses[shown.artefact] = self.uses.get(shown.artefact, 0) + 1
        conduct.steps.mark()
        began = conduct.clock.now()
        try:
            seen = conduct.device.recognise(shown.id)
            conditions = conduct.surroundings.read(shown, seen.lux)
        except NotPresentedError as error:
            self._keep(block, cell, shown, Judged("none", "operator", str(error), NONE), began)
            return
        except (KeyboardInterrupt, ConformanceError) as error:
            void: Void = "bench" if isinstance(error, ConformanceError) else "aborted"
            self._keep(block, cell, shown, Judged("none", void, f"{type(error).__name__}: {error}", NONE), began)
            raise
        judged = judge_trial(seen, conditions, self.file.conditions.ranges(), conduct.steps.stepped())
        self._keep(block, cell, shown, judged, seen.stimulus)
        if judged.outcome == "rejected" and not judged.void:
            conduct.clock.sleep(conduct.device.rejection_pause)

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
        )
        plain = {**vars(row), "campaign": self.statement.name, "void": bool(row.void), "reason": row.void or row.said}
        self.conduct.run.event("trial", plain)
        self.trials.append(row)
        if row.void:
            return
        self.presented[cell] = self.presented.get(cell, 0) + 1
        self.errors[number] = self._is_error(row)
        if cell in self.design.plan.cells and self.state.decision is Decision.CONTINUE:
            self.state = self.state.feed(cell, self.errors[number])

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
        return observation(self.file, self.statement, self.state, self.trials, self.errors, self.lockouts, how)
