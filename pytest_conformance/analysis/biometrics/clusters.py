"""Rates of trials that belong together, by subject or artefact: intervals that do not take them for independent."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_conformance.analysis.biometrics.exact import Number, confidence_level, counts, rate
from pytest_conformance.analysis.biometrics.intervals import Side, clopper_pearson, two_sided_z
from pytest_conformance.errors import MethodError

Basis = Literal["observed spread", "assumed correlation", "one trial per cluster"]


@dataclass(frozen=True)
class ClusteredRate:
    """The normal interval of ISO/IEC 19795-1 for several attempts per subject, and how much clustering widens it."""

    p: float
    variance: float
    lower: float
    upper: float
    binomial_variance: float
    design_effect: float


@dataclass(frozen=True)
class EffectiveInterval:
    """An exact interval at the number of independent trials that the clustered ones are worth.

    `design_effect` is how many clustered trials carry as much as one independent trial; `basis` is how it is known.
    """

    rate: float
    lower: float
    upper: float
    design_effect: float
    effective_trials: float
    clusters: int
    basis: Basis


def clustered_rate_interval(
    errors_per_subject: Sequence[int], attempts_per_subject: Sequence[int], confidence_two_sided: Number = 0.95
) -> ClusteredRate:
    """Return rate, variance between subjects and the two-sided normal interval (ISO/IEC 19795-1, B.3; from memory).

    Narrow when there are few subjects or errors: judge by `effective_interval`. Raises MethodError MET-BIO-011 for
    fewer than two subjects, -012 when there is no spread to estimate from (no error, or nothing but errors).
    """
    pairs = _paired(errors_per_subject, attempts_per_subject)
    errors, trials = sum(e for e, _ in pairs), sum(n for _, n in pairs)
    if errors in (0, trials):
        raise MethodError(
            "MET-BIO-012",
            f"{errors} errors in {trials} attempts show no spread between subjects",
            expected="at least one error and one success",
            todo="use effective_interval, which has a bound for this",
        )
    p = errors / trials
    variance = _cluster_variance(pairs)
    plain = p * (1 - p) / trials
    half = two_sided_z(confidence_two_sided) * math.sqrt(variance)
    return ClusteredRate(p, variance, max(0.0, p - half), min(1.0, p + half), plain, variance / plain)


def effective_interval(
    errors_per_cluster: Sequence[int],
    trials_per_cluster: Sequence[int],
    confidence: Number = 0.95,
    side: Side = "two-sided",
    assumed_correlation: Number | None = None,
) -> EffectiveInterval:
    """Return the Clopper-Pearson interval at the effective sample size (after Korn and Graubard 1998).

    The design effect is the variance between clusters over the binomial one, never below 1. Few clusters, or few
    that hold the errors, know that variance badly: the t quantile has at most clusters - 1 degrees of freedom, and
    fewer when few clusters carry the spread (see docs/statistics.md for the coverage that this was set by). The
    effective size is never below that of fully correlated clusters. Without any error (or success) there is no
    spread: then `assumed_correlation` within clusters gives it, and without that every cluster counts as a single
    trial. Raises MethodError MET-BIO-011 for fewer than two clusters.
    """
    pairs = _paired(errors_per_cluster, trials_per_cluster)
    return _effective([pairs], _cluster_variance(pairs), confidence, side, assumed_correlation)


def two_way_interval(
    outcomes: Sequence[bool],
    subjects: Sequence[Hashable],
    artefacts: Sequence[Hashable],
    confidence: Number = 0.95,
    side: Side = "two-sided",
    assumed_correlation: Number | None = None,
) -> EffectiveInterval:
    """Return the effective interval of trials that share subjects in one way and artefacts in another.

    Variance: between subjects plus between artefacts minus between their pairs (Cameron, Gelbach and Miller 2011),
    never below the larger one; degrees of freedom by the fewer of the two. `outcomes` are errors (True) by trial.
    """
    if not len(outcomes) == len(subjects) == len(artefacts):
        raise MethodError(
            "MET-BIO-011",
            f"{len(outcomes)} outcomes, {len(subjects)} subjects, {len(artefacts)} artefacts",
            expected="one of each per trial",
        )
    one, other = grouped(outcomes, subjects), grouped(outcomes, artefacts)
    both = grouped(outcomes, list(zip(subjects, artefacts, strict=True)))
    ways = [_cluster_variance(_checked(each)) for each in (one, other)]
    variance = max(*ways, sum(ways) - (_cluster_variance(both) if len(both) > 1 else 0.0))
    return _effective([one, other], variance, confidence, side, assumed_correlation)


def grouped(outcomes: Sequence[bool], clusters: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Return (errors, trials) of each cluster, in the order in which clusters first appear."""
    found: dict[Hashable, tuple[int, int]] = {}
    for outcome, cluster in zip(outcomes, clusters, strict=True):
        errors, trials = found.get(cluster, (0, 0))
        found[cluster] = (errors + bool(outcome), trials + 1)
    return list(found.values())


def _effective(
    ways: Sequence[Sequence[tuple[int, int]]], variance: float, confidence: Number, side: Side, assumed: Number | None
) -> EffectiveInterval:
    if side not in ("two-sided", "upper", "lower"):
        raise MethodError("MET-BIO-005", f"unknown side {side!r}", expected="two-sided, upper or lower")
    fewest = min(ways, key=len)
    errors, trials = sum(e for e, _ in fewest), sum(n for _, n in fewest)
    p, typical = errors / trials, max(sum(n * n for _, n in way) / trials for way in ways)
    tail = float(1 - confidence_level(confidence)) / (2 if side == "two-sided" else 1)
    basis: Basis
    if 0 < errors < trials:
        basis, effect = "observed spread", max(1.0, variance / (p * (1 - p) / trials))
        shrink = (_t(trials - 1, tail) / _t(min(_degrees_of_freedom(way) for way in ways), tail)) ** 2
        size = min(float(trials), max(trials / effect * shrink, trials / typical))
    elif assumed is not None:
        basis, effect = "assumed correlation", 1 + (typical - 1) * float(rate(assumed, "assumed correlation"))
        size = trials / effect
    else:
        basis, size = "one trial per cluster", float(len(fewest))
        effect = trials / size
    bounds = clopper_pearson(p * size, size, tail)
    lower = 0.0 if side == "upper" else bounds.lower
    return EffectiveInterval(p, lower, 1.0 if side == "lower" else bounds.upper, effect, size, len(fewest), basis)


def _t(degrees: float, tail: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 1 - tail))


def _degrees_of_freedom(pairs: Sequence[tuple[int, int]]) -> float:
    """Return how well the variance between clusters is known: 1 to clusters - 1.

    From the number of clusters that effectively carry it, (sum z)^2 / sum z^2 with z their squared residuals: it is
    a third of the clusters for normal residuals, and small when the errors sit in few. The factor 1.5 was set by
    simulation, so that one-sided bounds cover in 93 % and more at a correlation of 0.2.
    """
    p = sum(e for e, _ in pairs) / sum(n for _, n in pairs)
    squares = [(e - p * n) ** 2 for e, n in pairs]
    carrying = math.fsum(squares) ** 2 / math.fsum(each * each for each in squares) if any(squares) else math.inf
    return max(1.0, min(len(pairs) - 1.0, 1.5 * carrying - 1))


def _paired(errors: Sequence[int], trials: Sequence[int]) -> list[tuple[int, int]]:
    if len(errors) != len(trials):
        raise MethodError(
            "MET-BIO-011", f"errors of {len(errors)} clusters, trials of {len(trials)}", expected="one each per cluster"
        )
    return _checked([counts(e, n) for e, n in zip(errors, trials, strict=True)])


def _checked(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    if len(pairs) < 2:
        raise MethodError(
            "MET-BIO-011",
            f"{len(pairs)} cluster shows no spread between clusters",
            expected="at least two subjects or artefacts",
        )
    return pairs


def _cluster_variance(pairs: Sequence[tuple[int, int]]) -> float:
    """Return the variance of the ratio estimate: sum (e - p n)^2 / (mean n)^2 / (c (c - 1))."""
    clusters, trials = len(pairs), sum(n for _, n in pairs)
    p = sum(e for e, _ in pairs) / trials
    return math.fsum((e - p * n) ** 2 for e, n in pairs) * clusters / (clusters - 1) / trials**2
