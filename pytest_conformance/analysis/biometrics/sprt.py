"""Wald's sequential test with truncation, with risks that are kept exactly rather than approximately."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from pytest_conformance.analysis.biometrics.counting import Decision
from pytest_conformance.analysis.biometrics.exact import Number, rate, whole
from pytest_conformance.errors import MethodError


@dataclass(frozen=True)
class Risks:
    """What a device with a given true rate meets: probability to pass, and presentations used on average."""

    pass_probability: float
    expected_presentations: float


@dataclass(frozen=True)
class _Lines:
    """By number of presentations: pass at most this many errors, fail at least this many; and errors at the end."""

    accept: tuple[int, ...]
    reject: tuple[int, ...]
    last: int


@dataclass(frozen=True)
class SequentialPlan:
    """Sequential probability ratio test of rate p0 (to pass) against p1 (to fail), at most `most` presentations.

    A device at `p1` passes with probability at most `beta`, one at `p0` fails with at most `alpha`: boundaries
    ln(1/alpha) and ln(beta) (Wald 1947, 3.2), and at the end as many errors as keep `beta`. Rates are texts, so that
    the plan in the journal is the plan that ran. Raises MethodError MET-BIO-025 for p0 >= p1, risks outside
    (0, 0.5), and a maximum so small that the truncated plan cannot keep `alpha`.
    """

    p0: str
    p1: str
    alpha: str
    beta: str
    most: int

    def __post_init__(self) -> None:
        p0, p1, alpha, beta = self._numbers()
        if not 0 < p0 < p1 < 1:
            raise MethodError("MET-BIO-025", f"p0 = {self.p0}, p1 = {self.p1}", expected="0 < p0 < p1 < 1")
        if not (0 < alpha < Fraction(1, 2) and 0 < beta < Fraction(1, 2)):
            raise MethodError("MET-BIO-025", f"alpha = {self.alpha}, beta = {self.beta}", expected="0 to 0.5")
        whole(self.most, "maximum", 1)
        failing = 1 - self.risks(p0).pass_probability
        if failing > float(alpha):
            raise MethodError(
                "MET-BIO-025",
                f"with {self.most} presentations a device at p0 = {self.p0} fails with probability {failing:.3g}",
                expected=f"at most alpha = {self.alpha}",
                todo="allow more presentations, or widen p0 to p1",
            )

    def _numbers(self) -> tuple[Fraction, Fraction, Fraction, Fraction]:
        return rate(self.p0, "p0"), rate(self.p1, "p1"), rate(self.alpha, "alpha"), rate(self.beta, "beta")

    def decide(self, used: int, errors: int) -> Decision:
        """Decide at a boundary, at the end, or when no continuation could decide otherwise.

        More errors never help, so the best continuation has none and the worst nothing else; if the best cannot
        pass or the worst cannot fail, the verdict stands.
        """
        decision = self.decide_in_full(used, errors)
        if decision is not Decision.CONTINUE:
            return decision
        lines = _lines(self)
        if errors > lines.last:
            return Decision.FAIL
        if errors + self.most - used <= min(lines.last, lines.reject[self.most] - 1):
            return Decision.PASS
        return Decision.CONTINUE

    def decide_in_full(self, used: int, errors: int) -> Decision:
        """Decide at a boundary, or at the end."""
        lines = _lines(self)
        if errors >= lines.reject[used]:
            return Decision.FAIL
        if errors <= lines.accept[used]:
            return Decision.PASS
        if used < self.most:
            return Decision.CONTINUE
        return Decision.PASS if errors <= lines.last else Decision.FAIL

    def risks(self, true_rate: Number) -> Risks:
        """Return the exact probability to pass and mean number of presentations at `true_rate`, curtailed."""
        p = float(rate(true_rate, "true rate"))
        alive, passed, expected = {0: 1.0}, 0.0, 0.0
        for used in range(1, self.most + 1):
            expected += sum(alive.values())
            alive, after = _step(alive, p), {}
            for errors, weight in alive.items():
                decision = self.decide(used, errors)
                if decision is Decision.PASS:
                    passed += weight
                elif decision is Decision.CONTINUE:
                    after[errors] = weight
            alive = after
        return Risks(passed, expected)


def _step(alive: dict[int, float], p: float) -> dict[int, float]:
    after: dict[int, float] = {}
    for errors, weight in alive.items():
        after[errors] = after.get(errors, 0.0) + weight * (1 - p)
        after[errors + 1] = after.get(errors + 1, 0.0) + weight * p
    return after


@lru_cache(maxsize=64)
def _lines(plan: SequentialPlan) -> _Lines:
    p0, p1, alpha, beta = (float(each) for each in plan._numbers())
    scale = math.log(p1 / p0) + math.log((1 - p0) / (1 - p1))
    slope = math.log((1 - p0) / (1 - p1)) / scale
    low, high = math.log(beta) / scale, -math.log(alpha) / scale
    accept = tuple(math.floor(low + slope * used) for used in range(plan.most + 1))
    reject = tuple(math.ceil(high + slope * used) for used in range(plan.most + 1))
    return _Lines(accept, reject, _last(accept, reject, p1, beta))


def _last(accept: tuple[int, ...], reject: tuple[int, ...], p1: float, beta: float) -> int:
    """Return the most errors at the end with which a device at p1 still passes with probability <= beta."""
    alive, passed = {0: 1.0}, 0.0
    for used in range(1, len(accept)):
        alive = _step(alive, p1)
        passed += sum(weight for errors, weight in alive.items() if errors <= accept[used])
        alive = {errors: weight for errors, weight in alive.items() if accept[used] < errors < reject[used]}
    last = accept[-1]
    for errors in sorted(alive):
        passed += alive[errors]
        if passed > beta:
            break
        last = errors
    return last
