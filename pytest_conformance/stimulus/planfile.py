"""Plan files: what a campaign shows, how often, when it stops, under which conditions. Schema `conformance-plan/1`.

Data only. `design.py` puts a plan and the registers together, `procedures.campaign` runs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, StrictBool

from pytest_conformance.analysis.biometrics.counting import CountPlan
from pytest_conformance.analysis.biometrics.plans import TextStatus, plan_from_data
from pytest_conformance.errors import MethodError
from pytest_conformance.quantities import Celsius, Degrees, Fraction, Lux, Millimetres, Seconds
from pytest_conformance.resources import shipped
from pytest_conformance.yamlfile import Fault, load
from pytest_conformance.yamlfile.lookup import find
from pytest_conformance.yamlfile.model import Count, FileModel, Name, Part, Positive, Text
from pytest_conformance.yamlfile.scalars import as_written

Sample = Literal["presentations", "spoofs", "latency", "passers_by"]
"""Sample sizes of a profile that a rule may take its n from."""


def _share(value: object) -> object:
    from pydantic_core import PydanticCustomError

    from pytest_conformance.analysis.biometrics.exact import rate

    text = str(as_written(value))
    try:
        rate(text)
    except MethodError as error:
        raise PydanticCustomError("share", "{message}", {"message": error.what}) from error
    return text


Share = Annotated[str, BeforeValidator(_share), Field(max_length=40, json_schema_extra={"examples": ["7 %", "0.07"]})]
"""A rate from 0 to 1, kept as the decimal that a reader sees: `7 %`, `0.07`, `1/10000`."""


class FixedRule(Part):
    """n presentations, pass with at most c errors. `n_from` takes n from the profile's samples."""

    kind: Literal["fixed"]
    n: Positive | None = None
    n_from: Sample | None = None
    c: Count = 0


class ZeroFailureRule(Part):
    """As many presentations without an error as show a rate of at most `limit` at `confidence`."""

    kind: Literal["zero-failure"]
    limit: Share
    confidence: Share = "95 %"


class ArtefactRule(Part):
    """`first` presentations: 0 or 1 error passes, 2 ask for `more`, a third fails."""

    kind: Literal["bio-itc-artefact"]
    first: Positive = 10
    more: Positive = 10


class SequentialRule(Part):
    """Wald's test of the rate p0 (passes) against p1 (fails), truncated at `most` presentations."""

    kind: Literal["sprt"]
    p0: Share
    p1: Share
    alpha: Share
    beta: Share
    most: Positive


class QuantileRule(Part):
    """Timed trials that show "the quantile is within `limit`" by an order statistic."""

    kind: Literal["order-statistic"]
    limit: Seconds
    quantile: Share = "0.95"
    confidence: Share = "0.95"
    exceedances: Count = 0


Rule = Annotated[
    FixedRule | ZeroFailureRule | ArtefactRule | SequentialRule | QuantileRule, Field(discriminator="kind")
]


class Rules(Part):
    """The rule of each kind of cell: attacks, genuine presentations, impostors without an artefact, decision times."""

    attack: Rule | None = None
    genuine: Rule | None = None
    impostor: Rule | None = None
    time: QuantileRule | None = None


class Range(Part):
    """The base of ranges; both ends are inside."""


class LuxRange(Range):
    """Illuminance at the device, lux."""

    lower: Lux
    upper: Lux


class DistanceRange(Range):
    """From the device to what is shown, millimetres."""

    lower: Millimetres
    upper: Millimetres


class AngleRange(Range):
    """An angle of the pose, degrees."""

    lower: Degrees
    upper: Degrees


class TemperatureRange(Range):
    """Temperature of the air, degrees Celsius."""

    lower: Celsius
    upper: Celsius


class ChargeRange(Range):
    """Charge of the device's battery, a share from 0 to 1."""

    lower: Fraction
    upper: Fraction = 1.0


class ConditionLimits(Part):
    """What the method permits; a trial outside is void. Only what is named here is limited."""

    lux: LuxRange | None = None
    distance: DistanceRange | None = None
    yaw: AngleRange | None = None
    pitch: AngleRange | None = None
    roll: AngleRange | None = None
    temperature: TemperatureRange | None = None
    battery: ChargeRange | None = None

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Return lower and upper end by name, of those that are limited."""
        named = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: (each.lower, each.upper) for name, each in named.items() if each is not None}


class PlannedLimit(Part):
    """A limit that the plan's rule stands for, and how its text is known."""

    name: Text
    value: Text
    text_status: TextStatus
    source: Text


class Numbers(Part):
    """How many species, people and artefacts of each species and person the method asks for; None: what there is."""

    species: Positive | None = None
    people: Positive | None = None
    artefacts: Positive | None = None


class PlanFile(FileModel):
    """A plan of a campaign. Name, version and digest are journalled before its first trial."""

    format: Literal["conformance-plan/1"] = Field(alias="schema")
    name: Name
    version: Text
    title: Text
    kind: Literal["attack", "verification", "latency"]
    cells: Literal["species", "species-person-artefact", "whole"]
    """What has a rule of its own: each species; each artefact of each person and species; all trials together."""
    numbers: Numbers = Numbers()
    rules: Rules
    confidence: Share = "95 %"
    non_responses: Literal["resisted", "success"] = "resisted"
    """What an attack without a decision counts as in the rule; the table shows all three ways."""
    stop_at_failure: StrictBool = True
    """End at the first failed cell; otherwise each cell is brought to its own decision, for a complete table."""
    bona_fide_every: Positive | None = None
    """One genuine presentation after so many attacks; None: none in between."""
    spare: Share = "25 %"
    """Trials beyond the rule's own that void ones may cost, as a share of it (at least 3)."""
    conditions: ConditionLimits = ConditionLimits()
    limits: Annotated[tuple[PlannedLimit, ...], Field(min_length=1)]
    source: Text
    text_status: TextStatus

    def contradictions(self) -> Iterable[Fault]:
        """Return rules that the kind of campaign lacks or does not know, and rules that cannot be followed."""
        due = {"attack": {"attack"}, "verification": {"genuine", "impostor"}, "latency": {"time"}}[self.kind]
        given = {name for name in Rules.model_fields if getattr(self.rules, name) is not None}
        if not given & due:
            yield Fault(("rules",), f"a plan of kind {self.kind!r} needs a rule for {' or '.join(sorted(due))}")
        for name in sorted(given - due):
            yield Fault(("rules", name), f"a plan of kind {self.kind!r} has no {name} trials", on_key=True)
        for name in sorted(given & due):
            yield from self._contradictions_of(name, getattr(self.rules, name))
        for name, (lower, upper) in self.conditions.ranges().items():
            if lower > upper:
                yield Fault(("conditions", name, "lower"), f"{lower:g} is above the upper end {upper:g}")

    def _contradictions_of(self, name: str, rule: Rule) -> Iterable[Fault]:
        if isinstance(rule, FixedRule) and (rule.n is None) == (rule.n_from is None):
            yield Fault(("rules", name), "give either n or n_from")
            return
        if isinstance(rule, QuantileRule) and name != "time":
            yield Fault(("rules", name, "kind"), "an order statistic is a rule for times")
            return
        try:
            counting(rule, dict.fromkeys(get_args(Sample), 10**9))
        except MethodError as error:
            yield Fault(("rules", name), error.what)


def counting(rule: Rule, samples: Mapping[str, int]) -> CountPlan:
    """Return the counting plan of `rule`; `samples` are the profile's sample sizes.

    Raises MethodError (MET-BIO-...) for numbers that no plan can be made of.
    """
    if isinstance(rule, ZeroFailureRule):
        from pytest_conformance.analysis.biometrics.counting import zero_failure_plan

        return zero_failure_plan(rule.limit, rule.confidence)
    if isinstance(rule, FixedRule):
        n = rule.n if rule.n is not None else samples[str(rule.n_from)]
        return plan_from_data({"kind": "fixed", "n": n, "c": rule.c})
    if isinstance(rule, QuantileRule):
        data = rule.model_dump()
        limit = data.pop("limit")
        return plan_from_data({**data, "limit_s": limit})
    return plan_from_data(rule.model_dump())


def find_plan(name: str, here: Path) -> Path:
    """Return the plan that `name` means: a path, or NAME.yaml in `here`/fixtures/plans or among the shipped.

    Raises UsageError USE-PLN-001 naming the nearest names.
    """
    return find(name, [here / "fixtures" / "plans", shipped("fixtures") / "plans"], "plan", "USE-PLN-001")


def load_plan(path: Path) -> PlanFile:
    """Read and check the plan at `path`; FileError lists everything that is wrong with file, line and column."""
    return load(path, PlanFile)
