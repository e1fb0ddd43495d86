"""Plans of campaigns as data: cells with a counting plan each, the shipped methods, and the seal that fixes a plan.

A campaign is fed outcomes by cell (species, or species, person and artefact) and says when its verdict stands.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from pytest_conformance.analysis.biometrics.counting import (
    ArtefactPlan,
    CountPlan,
    Decision,
    FixedPlan,
    PadPlanResult,
    PassProbability,
    QuantilePlan,
    Tally,
    run,
    run_in_full,
    sequential_pad_plan,
    sequential_pad_plan_pass_probability,
    zero_failure_plan,
)
from pytest_conformance.analysis.biometrics.exact import whole
from pytest_conformance.analysis.biometrics.sprt import Risks, SequentialPlan
from pytest_conformance.errors import MethodError

__all__ = [
    "ArtefactPlan",
    "Campaign",
    "CampaignPlan",
    "Cell",
    "CountPlan",
    "Decision",
    "FixedPlan",
    "PadPlanResult",
    "PassProbability",
    "QuantilePlan",
    "Risks",
    "SealedPlan",
    "SequentialPlan",
    "Tally",
    "bio_itc_face_level_1",
    "per_species_plan",
    "plan_from_data",
    "run",
    "run_in_full",
    "seal",
    "sequential_pad_plan",
    "sequential_pad_plan_pass_probability",
    "zero_failure_plan",
]

Cell = tuple[str, ...]
Plan = FixedPlan | ArtefactPlan | SequentialPlan | QuantilePlan
TextStatus = Literal["verbatim", "seen", "paraphrase", "memory", "unsure"]

_KINDS: Mapping[str, type[Plan]] = {
    "fixed": FixedPlan,
    "bio-itc-artefact": ArtefactPlan,
    "sprt": SequentialPlan,
    "order-statistic": QuantilePlan,
}


@dataclass(frozen=True)
class CampaignPlan:
    """One counting plan per cell; the campaign passes when every cell does and fails when one does.

    `stop_at_failure` ends the campaign at the first failed cell, since nothing can change the verdict then; without
    it every cell is brought to its own decision, for a complete table with the same verdict. `source` and
    `text_status` say where the numbers come from and how their text is known. Raises MethodError MET-BIO-020
    without cells.
    """

    cells: Mapping[Cell, CountPlan]
    source: str = ""
    text_status: TextStatus = "unsure"
    stop_at_failure: bool = True

    def __post_init__(self) -> None:
        if not self.cells:
            raise MethodError("MET-BIO-020", "a campaign without cells", expected="at least one species")
        object.__setattr__(self, "cells", MappingProxyType(dict(self.cells)))

    @property
    def most(self) -> int:
        """Return the largest number of presentations that the plan can ask for."""
        return sum(each.most for each in self.cells.values())


@dataclass(frozen=True)
class Campaign:
    """The state of a campaign. `tallies` holds the cells that were presented."""

    plan: CampaignPlan
    tallies: Mapping[Cell, Tally] = field(default_factory=dict)
    used: int = 0
    passed: int = 0
    failed: tuple[Cell, ...] = ()

    @property
    def decision(self) -> Decision:
        """The verdict, or CONTINUE while a presentation could still change it (or a table is to be completed)."""
        if self.failed and (self.plan.stop_at_failure or self.passed + len(self.failed) == len(self.plan.cells)):
            return Decision.FAIL
        return Decision.PASS if self.passed == len(self.plan.cells) else Decision.CONTINUE

    @property
    def open_cells(self) -> tuple[Cell, ...]:
        """The cells that still want presentations; none when the campaign has decided."""
        if self.decision is not Decision.CONTINUE:
            return ()
        done = {cell for cell, tally in self.tallies.items() if tally.decision is not Decision.CONTINUE}
        return tuple(cell for cell in self.plan.cells if cell not in done)

    def feed(self, cell: Cell, error: bool) -> Campaign:
        """Return the state after one valid presentation in `cell`.

        Raises MethodError MET-BIO-021 when the campaign or the cell has decided, -022 for a cell that is not planned.
        """
        if self.decision is not Decision.CONTINUE:
            raise MethodError(
                "MET-BIO-021", f"the campaign decided {self.decision.value!r}", expected="no presentation"
            )
        if cell not in self.plan.cells:
            raise MethodError("MET-BIO-022", f"{'/'.join(cell)} is not planned", expected="a cell of the plan")
        before = self.tallies.get(cell)
        tally = (before or Tally(self.plan.cells[cell])).feed(error)
        failed = (*self.failed, cell) if tally.decision is Decision.FAIL else self.failed
        passed = self.passed + (tally.decision is Decision.PASS)
        return Campaign(self.plan, {**self.tallies, cell: tally}, self.used + 1, passed, failed)

    def require_decision(self) -> Decision:
        """Return PASS or FAIL. Raises MethodError MET-BIO-026, with the open cells, while the plan is unfinished."""
        if self.decision is Decision.CONTINUE:
            left = self.open_cells
            raise MethodError(
                "MET-BIO-026",
                f"the plan is unfinished: {len(left)} of {len(self.plan.cells)} cells are open, as {'/'.join(left[0])}",
                expected="all planned presentations, valid",
                todo="present the rest; an unequal or cut-off campaign has no verdict",
            )
        return self.decision


def per_species_plan(
    counts: Mapping[str, FixedPlan], source: str = "", text_status: TextStatus = "unsure", stop_at_failure: bool = True
) -> CampaignPlan:
    """Return a plan with (n, c) by species, for example from a profile."""
    return CampaignPlan({(name,): each for name, each in counts.items()}, source, text_status, stop_at_failure)


def bio_itc_face_level_1(
    species: Sequence[str],
    people: Sequence[str],
    artefacts: Sequence[str] = ("1", "2", "3"),
    stop_at_failure: bool = True,
) -> CampaignPlan:
    """Return the BIO-iTC face level 1 plan: 8 species x 3 people x 3 artefacts, each by the 10 (+ 10) rule.

    Raises MethodError MET-BIO-020 for other numbers or for names that stand twice.
    """
    for what, names, due in (("species", species, 8), ("people", people, 3), ("artefacts", artefacts, 3)):
        if len(names) != due or len(set(names)) != due:
            raise MethodError("MET-BIO-020", f"{len(set(names))} different {what}", expected=f"{due}, by the method")
    cells: dict[Cell, CountPlan] = {
        (one, person, each): ArtefactPlan() for one in species for person in people for each in artefacts
    }
    return CampaignPlan(cells, "BIO-iTC PAD Toolbox Overview v1.2 (2024-10-15)", "seen", stop_at_failure)


def run_campaign(plan: CampaignPlan, outcomes: Iterable[tuple[Cell, bool]]) -> Campaign:
    """Feed outcomes in the order given, leaving out cells that have decided, until the campaign decides."""
    state = Campaign(plan)
    for cell, error in outcomes:
        if state.decision is not Decision.CONTINUE:
            break
        tally = state.tallies.get(cell)
        if tally is None or tally.decision is Decision.CONTINUE:
            state = state.feed(cell, error)
    return state


def plan_from_data(data: Mapping[str, Any]) -> Plan:
    """Return the counting plan that `data` describes by its `kind`: fixed, bio-itc-artefact, sprt, order-statistic.

    Raises MethodError MET-BIO-020 for another kind and for keys that are missing or unknown.
    """
    given = dict(data)
    kind = given.pop("kind", None)
    if kind not in _KINDS:
        raise MethodError("MET-BIO-020", f"unknown kind of plan {kind!r}", expected=", ".join(_KINDS))
    try:
        return _KINDS[kind](**given)
    except TypeError as error:
        raise MethodError("MET-BIO-020", f"plan of kind {kind!r}: {error}", expected="the keys of this kind") from error


def plan_as_data(plan: CountPlan) -> dict[str, Any]:
    """Return `plan` as plain data with its `kind`, as `plan_from_data` reads it."""
    for kind, cls in _KINDS.items():
        if isinstance(plan, cls):
            return {"kind": kind, **asdict(plan)}
    raise MethodError("MET-BIO-020", f"{type(plan).__name__} cannot be written as data", expected=", ".join(_KINDS))


@dataclass(frozen=True)
class SealedPlan:
    """A plan with its seed and the version of its profile, fixed before trial 1; `digest` is their SHA-256."""

    data: Mapping[str, Any]
    digest: str

    def require_same(self, plan: CampaignPlan, seed: int, profile: str) -> None:
        """Raise MethodError MET-BIO-024 when plan, seed or profile are not those that were sealed."""
        now = seal(plan, seed, profile)
        if now.digest != self.digest:
            parts = [key for key, value in self.data.items() if now.data[key] != value]
            raise MethodError(
                "MET-BIO-024",
                f"the plan was changed after it was sealed: {', '.join(parts)}",
                expected=f"digest {self.digest[:16]}",
                todo="start a new campaign under the new plan; keep this one's trials",
            )


def seal(plan: CampaignPlan, seed: int, profile: str) -> SealedPlan:
    """Return what is journalled before trial 1: every number of the plan, the seed and the profile's version."""
    data: dict[str, Any] = {
        "cells": [[*cell, plan_as_data(each)] for cell, each in plan.cells.items()],
        "source": plan.source,
        "text_status": plan.text_status,
        "stop_at_failure": plan.stop_at_failure,
        "seed": whole(seed, "seed"),
        "profile": profile,
    }
    written = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return SealedPlan(data, hashlib.sha256(written.encode()).hexdigest())
