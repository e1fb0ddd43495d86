"""Plans over one stream of outcomes: fixed (n, c), order statistics, the artefact rule of BIO-iTC; and their state.

Pure: a state is fed an outcome and gives the next state. Nothing here waits, writes or draws at random.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Literal, Protocol

from pytest_conformance.analysis.biometrics.exact import Number, rate, whole
from pytest_conformance.analysis.biometrics.sizes import samples_for_quantile_claim, zero_failure_sample_size
from pytest_conformance.errors import MethodError


class Decision(Enum):
    """What a plan says after an outcome."""

    CONTINUE = "continue"
    PASS = "pass"
    FAIL = "fail"


class CountPlan(Protocol):
    """A plan whose decision follows from how many presentations there were and how many of them were errors."""

    @property
    def most(self) -> int:
        """Return the largest number of presentations that the plan can ask for."""
        ...

    def decide(self, used: int, errors: int) -> Decision:
        """Return the decision, given as soon as the remaining presentations cannot change it."""
        ...

    def decide_in_full(self, used: int, errors: int) -> Decision:
        """Return the decision of the plan as written, without curtailment."""
        ...


@dataclass(frozen=True, slots=True)
class Tally:
    """The state of one stream: presentations used, errors among them, and the decision so far."""

    plan: CountPlan
    used: int = 0
    errors: int = 0
    decision: Decision = Decision.CONTINUE

    def feed(self, error: bool) -> Tally:
        """Return the state after one more valid presentation; `error` is a match, an acceptance, a slow answer.

        Void presentations are not fed. Raises MethodError MET-BIO-021 when the plan has already decided.
        """
        if self.decision is not Decision.CONTINUE:
            raise MethodError(
                "MET-BIO-021",
                f"the plan decided {self.decision.value!r} after {self.used} presentations",
                expected="no further presentation",
            )
        used, errors = self.used + 1, self.errors + bool(error)
        return Tally(self.plan, used, errors, self.plan.decide(used, errors))


def run(plan: CountPlan, outcomes: Iterable[bool]) -> Tally:
    """Feed outcomes until the plan decides or there are no more; later outcomes are not looked at."""
    state = Tally(plan)
    for each in outcomes:
        if state.decision is not Decision.CONTINUE:
            break
        state = state.feed(each)
    return state


def run_in_full(plan: CountPlan, outcomes: Iterable[bool]) -> Tally:
    """Feed outcomes to the plan as written, without curtailment: what the curtailed run is compared with."""
    used = errors = 0
    decision = Decision.CONTINUE
    for each in outcomes:
        if decision is not Decision.CONTINUE:
            break
        used, errors = used + 1, errors + bool(each)
        decision = plan.decide_in_full(used, errors)
    return Tally(plan, used, errors, decision)


@dataclass(frozen=True)
class FixedPlan:
    """n presentations, pass with at most c errors. Raises MethodError MET-BIO-020 unless 0 <= c < n."""

    n: int
    c: int = 0

    def __post_init__(self) -> None:
        if not 0 <= whole(self.c, "c") < whole(self.n, "n", 1):
            raise MethodError("MET-BIO-020", f"a plan with n = {self.n} and c = {self.c}", expected="0 <= c < n")

    @property
    def most(self) -> int:
        """Return n."""
        return self.n

    def decide(self, used: int, errors: int) -> Decision:
        """Fail at error c + 1; pass when even errors from now on would leave at most c."""
        if errors > self.c:
            return Decision.FAIL
        return Decision.PASS if errors + self.n - used <= self.c else Decision.CONTINUE

    def decide_in_full(self, used: int, errors: int) -> Decision:
        """Decide after n presentations."""
        if used < self.n:
            return Decision.CONTINUE
        return Decision.PASS if errors <= self.c else Decision.FAIL


def zero_failure_plan(limit: Number, confidence: Number = 0.95) -> FixedPlan:
    """Return the plan that shows a rate of at most `limit` at `confidence` when no presentation is an error."""
    return FixedPlan(zero_failure_sample_size(limit, confidence), 0)


@dataclass(frozen=True)
class ArtefactPlan:
    """First `first` presentations: at most one match passes, two ask for `more`; any third match fails.

    BIO-iTC PAD Toolbox Overview v1.2 (2024-10-15), table "Pass/Fail Criteria" (seen): 10 and 10.
    """

    first: int = 10
    more: int = 10

    def __post_init__(self) -> None:
        if whole(self.first, "first") < 3 or whole(self.more, "more") < 1:
            raise MethodError("MET-BIO-020", f"{self.first} and {self.more} presentations", expected="3 and 1 or more")

    @property
    def most(self) -> int:
        """Return the presentations with the extension."""
        return self.first + self.more

    def decide(self, used: int, errors: int) -> Decision:
        """As written, and pass one presentation early when a single match more would still pass."""
        if used < self.first and errors + self.first - used <= 1:
            return Decision.PASS
        return self.decide_in_full(used, errors)

    def decide_in_full(self, used: int, errors: int) -> Decision:
        """Fail at the third match; pass at `first` with at most one, at `first` + `more` with two."""
        if errors > 2:
            return Decision.FAIL
        if (used == self.first and errors <= 1) or used >= self.most:
            return Decision.PASS
        return Decision.CONTINUE


@dataclass(frozen=True)
class QuantilePlan:
    """Timed trials that show "the `quantile` is within `limit_s` seconds" by an order statistic.

    As many trials as `samples_for_quantile_claim` asks for; at most `exceedances` may be slower than the limit.
    """

    limit_s: float
    quantile: str = "0.95"
    confidence: str = "0.95"
    exceedances: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.limit_s) and self.limit_s > 0):
            raise MethodError("MET-BIO-020", f"a limit of {self.limit_s} s", expected="a time above 0")
        samples_for_quantile_claim(self.quantile, self.confidence, self.exceedances)

    @property
    def most(self) -> int:
        """Return the number of timed trials."""
        return _by_order_statistic(self).n

    def decide(self, used: int, errors: int) -> Decision:
        """As the fixed plan over "slower than the limit"."""
        return _by_order_statistic(self).decide(used, errors)

    def decide_in_full(self, used: int, errors: int) -> Decision:
        """As the fixed plan over "slower than the limit"."""
        return _by_order_statistic(self).decide_in_full(used, errors)

    def is_error(self, seconds: float) -> bool:
        """Tell whether a valid trial was slower than the limit; MethodError MET-BIO-006 for what is no duration."""
        if not (math.isfinite(seconds) and seconds >= 0):
            raise MethodError("MET-BIO-006", f"{seconds} is not a duration", todo="void the trial and say why")
        return seconds > self.limit_s


@lru_cache(maxsize=64)
def _by_order_statistic(plan: QuantilePlan) -> FixedPlan:
    return FixedPlan(samples_for_quantile_claim(plan.quantile, plan.confidence, plan.exceedances), plan.exceedances)


@dataclass(frozen=True)
class PadPlanResult:
    """What the BIO-iTC rule says of one artefact's presentations; "incomplete" when it needs more of them."""

    verdict: Literal["pass", "fail", "incomplete"]
    presentations_used: int
    matches: int


@dataclass(frozen=True)
class PassProbability:
    """Probability that a device with a true match rate passes one artefact, and all of them."""

    pass_one_artefact: float
    pass_all: float


def sequential_pad_plan(match_outcomes: Iterable[int]) -> PadPlanResult:
    """Return the verdict of the BIO-iTC rule as written over 0/1 outcomes; those after the decision are not used.

    Raises MethodError MET-BIO-006 for an outcome other than 0 and 1.
    """
    outcomes = list(match_outcomes)
    if strange := [each for each in outcomes if each not in (0, 1)]:
        raise MethodError("MET-BIO-006", f"outcome {strange[0]!r}", expected="0 (no match) or 1 (match)")
    state = run_in_full(ArtefactPlan(), [bool(each) for each in outcomes])
    verdicts: dict[Decision, Literal["pass", "fail", "incomplete"]] = {
        Decision.PASS: "pass",
        Decision.FAIL: "fail",
        Decision.CONTINUE: "incomplete",
    }
    return PadPlanResult(verdicts[state.decision], state.used, state.errors)


def sequential_pad_plan_pass_probability(true_rate: Number, artefacts: int = 9) -> PassProbability:
    """Return how often a device with `true_rate` passes the BIO-iTC rule: its operating characteristic.

    A rate of 15 %, the limit itself, passes one artefact in 60 %.
    """
    p, plan = float(rate(true_rate, "true rate")), ArtefactPlan()

    def probability(errors: int, n: int) -> float:
        return math.comb(n, errors) * p**errors * (1 - p) ** (n - errors)

    one = probability(0, plan.first) + probability(1, plan.first)
    one += probability(2, plan.first) * probability(0, plan.more)
    return PassProbability(one, one ** whole(artefacts, "artefacts", 1))
