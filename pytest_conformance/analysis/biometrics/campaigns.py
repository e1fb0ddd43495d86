"""What a campaign observed, as plain data: its plan, every trial, rates with their intervals, and how it ended.

Nothing here drives a device; `procedures.campaign` fills it, judgements and pictures read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pytest_conformance.analysis.biometrics.intervals import Interval

Outcome = Literal["accepted", "rejected", "none"]
"""What the device did; "none": no decision within its time (a non-response)."""

Void = Literal[
    "",
    "conditions",
    "lockout",
    "answer-before-stimulus",
    "two-outcomes",
    "clock-step",
    "no-stimulus",
    "restart",
    "battery",
    "operator",
    "not-enrolled",
    "broken-off",
    "device",
    "bench",
    "aborted",
]
"""Why a trial is left out of the statistics; "" for a trial that counts."""

End = Literal["decided", "maximum", "environment", "operator", "device", "bench", "aborted"]
"""Why a campaign ended: its rule decided; all permitted trials were used up; the surroundings stayed outside the
method; nobody presented; the device no longer took part; the bench failed; somebody stopped it."""


@dataclass(frozen=True)
class StatedLimit:
    """A limit with how its text is known ("verbatim", "seen", "paraphrase", "memory", "unsure") and where it stands.

    `value` is the decimal that a reader sees ("7 %", "1 s"), so that the report and the rule use the same number.
    """

    name: str
    value: str
    text_status: str
    source: str


@dataclass(frozen=True)
class PlanStatement:
    """The plan as it was sealed before trial 1. `sealed` is all of it; `digest` is its SHA-256.

    `rule` says it in one sentence; `risks` holds what the rule names of alpha, beta, p0, p1, n, c, confidence as
    texts. `presentations` is the most valid presentations that the rule can ask for, `maximum` that of trials with
    the void ones.
    """

    name: str
    version: str
    title: str
    kind: str
    rule: str
    risks: Mapping[str, str]
    confidence: str
    source: str
    text_status: str
    limits: tuple[StatedLimit, ...]
    seed: int
    profile: str
    presentations: int
    maximum: int
    stop_at_failure: bool
    digest: str
    sealed: Mapping[str, Any]


@dataclass(frozen=True)
class Conditions:
    """What was measured or known of one trial; None where the bench has no instrument for it.

    Illuminance in lux, distance in millimetres, pose (yaw, pitch, roll) in degrees, temperature in degrees Celsius,
    charge of the device's battery from 0 to 1, as the device tells it.
    `measured` names those that an instrument read; the others are as declared in the register.
    """

    lux: float | None = None
    distance: float | None = None
    yaw: float | None = None
    pitch: float | None = None
    roll: float | None = None
    temperature: float | None = None
    battery: float | None = None
    measured: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrialRow:
    """One presentation. `species` is "" for a bona fide one, whose `artefact` and `series` are "" too.

    `cell` is the cell of the plan that it belongs to. `void` is the reason not to count it, `said` its explanation.
    `seconds` is from the stimulus to the decision, `score` a similarity where the device gives one. `at` is bench
    time in ns when the stimulus began. `enrolment` is the one that the device compared with, 1 for the first.
    """

    number: int
    block: int
    cell: tuple[str, ...]
    subject: str
    artefact: str
    series: str
    species: str
    bona_fide: bool
    outcome: Outcome
    void: Void
    said: str
    conditions: Conditions
    seconds: float | None
    score: float | None
    at: int
    enrolment: int


@dataclass(frozen=True)
class RateRow:
    """The rate of one species (errors: accepted attacks), or of the bona fide trials (errors: rejections).

    `name` is the species, or "bona fide". `n` counts valid trials, `errors` those that ended wrongly, `non_response`
    those without a decision, `void` those that were left out. `rate` is errors over n. `interval` is two-sided
    Clopper-Pearson and `upper` its one-sided upper bound, both for independent trials; `clustered` and
    `clustered_upper` take trials of one subject or artefact as belonging together, and are None when there are
    fewer than two of these (`clustering` says by what they are clustered, or why not). All at the plan's confidence.
    `limit` is the plan's, `decision` what its rule says of this row: "pass", "fail" or "continue".
    """

    name: str
    n: int
    errors: int
    non_response: int
    void: int
    subjects: int
    artefacts: int
    rate: float | None
    interval: Interval | None
    upper: float | None
    clustered: Interval | None
    clustered_upper: float | None
    design_effect: float | None
    clustering: str
    limit: str
    decision: str
    missing: int
    """Valid presentations that the rule would still need; 0 when it decided."""
    apart: tuple[tuple[int, int, int], ...] = ()
    """Enrolment, errors and valid trials of each enrolment, where there was more than one."""


@dataclass(frozen=True)
class LockoutSeen:
    """The device locked itself after trial `after`; it refused for `seconds` (None: not waited out)."""

    after: int
    seconds: float | None
    resolution: float


@dataclass(frozen=True)
class Enrolment:
    """Who is imitated was enrolled anew after trial `after`; the first enrolment, before all trials, is not listed."""

    number: int
    after: int
    reason: str


@dataclass(frozen=True)
class Decided:
    """How the campaign ended. `verdict` is that of the plan's rule over all cells; "" when there is none.

    `at_trial` is the trial with which the verdict fell. `statement` is what a report must say of an early stop;
    "" when the plan was run in full.
    """

    end: End
    verdict: Literal["pass", "fail", ""]
    at_trial: int | None
    used: int
    void: int
    reason: str
    statement: str


@dataclass(frozen=True)
class CampaignObservation:
    """A campaign from its plan to its end, trial by trial; see the classes of its fields."""

    plan: PlanStatement
    trials: tuple[TrialRow, ...]
    species: tuple[RateRow, ...]
    bona_fide: RateRow | None
    lockouts: tuple[LockoutSeen, ...]
    decided: Decided
    enrolments: tuple[Enrolment, ...] = ()
    """Enrolments after the first; the trials of each are kept apart by their `enrolment`."""
    evidence: tuple[str, ...] = ()

    @property
    def valid(self) -> tuple[TrialRow, ...]:
        """The trials that count."""
        return tuple(each for each in self.trials if not each.void)

    @property
    def worst(self) -> RateRow | None:
        """The row with the highest rate among those that got a decision; None when there is none."""
        known = [each for each in self.species if each.rate is not None and each.n > each.non_response]
        return max(known, key=lambda each: each.rate or 0.0, default=None)
