"""Put together what a campaign observed: its plan's statement before it, its rows after it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_conformance.analysis.biometrics.campaign_tables import one_rule, rate_row
from pytest_conformance.analysis.biometrics.campaigns import (
    CampaignObservation,
    Conditions,
    Decided,
    Enrolment,
    LockoutSeen,
    PlanStatement,
    RateRow,
    StatedLimit,
    TrialRow,
)
from pytest_conformance.stimulus.design import GENUINE, IMPOSTOR, Design

if TYPE_CHECKING:
    from pytest_conformance.analysis.biometrics.plans import Campaign, Cell, SealedPlan
    from pytest_conformance.stimulus.planfile import PlanFile

BONA_FIDE = "bona fide"


def statement(file: PlanFile, design: Design, sealed: SealedPlan, seed: int, profile: str) -> PlanStatement:
    """Return what is said of the plan before trial 1, and in the report."""
    rule, risks = one_rule(design.plan)
    return PlanStatement(
        name=file.name,
        version=file.version,
        title=file.title,
        kind=file.kind,
        rule=rule,
        risks=risks,
        confidence=file.confidence,
        source=file.source,
        text_status=file.text_status,
        limits=tuple(StatedLimit(each.name, each.value, each.text_status, each.source) for each in file.limits),
        seed=seed,
        profile=profile,
        presentations=design.plan.most,
        maximum=design.most,
        stop_at_failure=file.stop_at_failure,
        digest=sealed.digest,
        sealed=sealed.data,
    )


def observation(
    file: PlanFile,
    said: PlanStatement,
    state: Campaign,
    trials: Sequence[TrialRow],
    errors: Mapping[int, bool],
    lockouts: Sequence[LockoutSeen],
    enrolments: Sequence[Enrolment],
    how: Decided,
) -> CampaignObservation:
    """Return the observation of a campaign in `state`; `errors` tells of each valid trial whether it ended wrongly."""
    limit = _limit(file)
    rows: dict[str, list[TrialRow]] = {}
    for trial in trials:
        rows.setdefault(_name(trial), []).append(trial)
    for cell in state.plan.cells:
        rows.setdefault(_row_of(cell), [])
    made = {
        name: rate_row(
            name,
            each,
            errors,
            confidence=file.confidence,
            limit=limit,
            tallies=[
                (plan, state.tallies.get(cell)) for cell, plan in state.plan.cells.items() if _row_of(cell) == name
            ],
        )
        for name, each in rows.items()
    }
    bona_fide: RateRow | None = made.pop(BONA_FIDE, None)
    return CampaignObservation(
        said, tuple(trials), tuple(made.values()), bona_fide, tuple(lockouts), how, tuple(enrolments)
    )


def annex(observed: CampaignObservation) -> bytes:
    """Return the trials as a table (CSV, UTF-8), for a report's annex; no cell is a formula (H19)."""
    measured = [name for name in Conditions.__dataclass_fields__ if name != "measured"]
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    plain = [
        "number",
        "block",
        "subject",
        "species",
        "artefact",
        "series",
        "outcome",
        "void",
        "said",
        "seconds",
        "score",
        "enrolment",
    ]
    writer.writerow([*plain, *measured])
    for trial in observed.trials:
        row = [getattr(trial, name) for name in plain] + [getattr(trial.conditions, name) for name in measured]
        writer.writerow([_harmless(each) for each in row])
    return target.getvalue().encode()


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple("=+-@\t\r") and cell else cell


def _name(trial: TrialRow) -> str:
    if trial.species:
        return trial.species
    return IMPOSTOR[0] if trial.cell == IMPOSTOR else BONA_FIDE


def _row_of(cell: Cell) -> str:
    """Return the row that a cell of the plan belongs to: its species, the impostors, or the bona fide trials."""
    return cell[0] if cell not in (GENUINE, ("decision time",)) else BONA_FIDE


def _limit(file: PlanFile) -> str:
    """Return the last stated limit's value: plans state the limit of a whole species last."""
    return file.limits[-1].value
