"""What zero or few false matches among cross-comparisons show, between the two extreme cases of their dependence."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_conformance.analysis.biometrics.exact import Number, confidence_level, counts
from pytest_conformance.analysis.biometrics.intervals import clopper_pearson
from pytest_conformance.analysis.biometrics.sizes import cross_comparison_count


@dataclass(frozen=True)
class FmrExtremeCases:
    """One-sided upper bounds of the FMR.

    `independent_upper` takes all `comparisons` as independent trials, the best that can be; `dependent_upper` takes
    only disjoint pairs of people as independent (`independent_pairs`), the least that is certain. The truth lies
    between; a report gives both and says which one the method permits (BIO-iTC BS_SD v2.0 permits the first).
    """

    fmr: float
    comparisons: int
    independent_upper: float
    independent_pairs: int
    dependent_upper: float


def fmr_extreme_cases(
    false_matches: int,
    subjects: int,
    sets_or_samples: int = 1,
    ordered_pairs: bool = False,
    confidence: Number = 0.95,
) -> FmrExtremeCases:
    """Return the Clopper-Pearson bounds of the FMR for both extremes; at 0 false matches the zero-failure bounds.

    In the dependent case the same rate is observed over half as many pairs as there are people (ISO/IEC 19795-1
    on cross-comparison; the two extremes are our reading). Raises MethodError MET-BIO-002, -004.
    """
    comparisons = cross_comparison_count(subjects, sets_or_samples, ordered_pairs)
    errors, _ = counts(false_matches, comparisons, "false matches")
    tail = float(1 - confidence_level(confidence))
    pairs, fmr = subjects // 2, errors / comparisons
    return FmrExtremeCases(
        fmr,
        comparisons,
        clopper_pearson(errors, comparisons, tail).upper,
        pairs,
        clopper_pearson(fmr * pairs, pairs, tail).upper,
    )
