"""Rates over similarity scores: DET points, FNMR at FMR, EER, BPCER at APCER. A score is accepted iff >= threshold."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from pytest_conformance.analysis.biometrics.exact import Number, rate, whole
from pytest_conformance.errors import MethodError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]

EerConvention = Literal["range-midpoint", "closest"]
"""`range-midpoint`: middle of the range between the two observed thresholds around the crossing, the one with the
smaller sum (FVC2000; pyeer). `closest`: (FMR + FNMR)/2 at the threshold of the smallest difference (bob.measure)."""


@dataclass(frozen=True, eq=False)
class DetPoints:
    """FMR and FNMR at thresholds in rising order; three arrays of one shape."""

    thresholds: Floats
    fmr: Floats
    fnmr: Floats

    def rows(self) -> list[tuple[float, float, float]]:
        """Return (threshold, FMR, FNMR) by threshold."""
        return list(zip(self.thresholds.tolist(), self.fmr.tolist(), self.fnmr.tolist(), strict=True))


@dataclass(frozen=True)
class OperatingPoint:
    """Rates at one threshold; `threshold` is infinite where nobody may be accepted."""

    threshold: float
    fmr: float
    fnmr: float


@dataclass(frozen=True)
class EqualErrorRate:
    """The equal error rate by the named `convention`, with the two rates that it lies between."""

    eer: float
    low: float
    high: float
    threshold: float
    convention: EerConvention


@dataclass(frozen=True)
class AttackOperatingPoint:
    """BPCER at the lowest threshold whose APCER, the worst species', is within the target."""

    threshold: float
    bpcer: float
    apcer_max: float
    apcer: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class ScoreSet:
    """Mated and non-mated scores, sorted once; every rate is read off them. Build with `score_set`."""

    mated: Floats
    non_mated: Floats

    def at(self, threshold: float) -> OperatingPoint:
        """Return the rates at `threshold`; a score equal to it is accepted."""
        accepted, rejected = self._counts(threshold)
        return OperatingPoint(float(threshold), accepted / len(self.non_mated), rejected / len(self.mated))

    def det_points(self) -> DetPoints:
        """Return the rates at every distinct score: a merge of both lists. `det_curve` is for pictures."""
        import numpy as np

        every = np.sort(np.concatenate([self.mated, self.non_mated]))
        starts = np.concatenate([[0], np.flatnonzero(every[1:] != every[:-1]) + 1])
        thresholds = every[starts]
        fewer = min(self.mated, self.non_mated, key=len)
        held = np.bincount(np.searchsorted(thresholds, fewer), minlength=len(thresholds))
        below = np.cumsum(held) - held
        rejected, passed = (below, starts - below) if fewer is self.mated else (starts - below, below)
        others = len(self.non_mated)
        return DetPoints(thresholds, (others - passed) / others, rejected / len(self.mated))

    def det_curve(self, points: int = 1000) -> DetPoints:
        """Return at most `points` of the DET points: the best FNMR for FMR 0 and for FMR spread evenly by logarithm.

        Each is an exact operating point at an observed score; none is interpolated.
        """
        import numpy as np

        size = len(self.non_mated)
        whole(points, "points", 2)
        allowed = np.unique(np.concatenate([[0], np.geomspace(1, size, points - 1).astype(np.int64)]))
        return self._rates(np.unique(self._lowest_thresholds(allowed)))

    def fnmr_at_fmr(self, target: Number) -> OperatingPoint:
        """Return the operating point with the lowest FNMR among thresholds with FMR <= `target`."""
        import numpy as np

        allowed = math.floor(rate(target, "target FMR") * len(self.non_mated))
        return self.at(float(self._lowest_thresholds(np.array([allowed]))[0]))

    def eer(self, convention: EerConvention = "range-midpoint") -> EqualErrorRate:
        """Return the equal error rate by `convention`; MethodError MET-BIO-005 for one that is not known."""
        if convention not in get_args(EerConvention):
            raise MethodError(
                "MET-BIO-005", f"unknown EER convention {convention!r}", expected=", ".join(get_args(EerConvention))
            )
        before, after = self._around_the_crossing()
        sign = -1 if convention == "closest" else 1
        best = min((before, after), key=lambda threshold: abs(self._balance(threshold, sign)))
        point = self.at(best)
        low, high = sorted((point.fmr, point.fnmr))
        return EqualErrorRate((low + high) / 2, low, high, point.threshold, convention)

    def _counts(self, threshold: float) -> tuple[int, int]:
        """Return how many non-mated scores are accepted and how many mated ones rejected at `threshold`."""
        import numpy as np

        accepted = len(self.non_mated) - int(np.searchsorted(self.non_mated, threshold))
        return accepted, int(np.searchsorted(self.mated, threshold))

    def _balance(self, threshold: float, sign: int = -1) -> int:
        """Return FMR + sign * FNMR at `threshold` in whole numbers, so that ties are ties."""
        accepted, rejected = self._counts(threshold)
        return accepted * len(self.mated) + sign * rejected * len(self.non_mated)

    def _around_the_crossing(self) -> tuple[float, float]:
        """Return the last observed threshold with FMR > FNMR and the first with FMR <= FNMR (twice it when equal)."""

        def first(scores: Any) -> float:
            index = bisect_left(scores, True, key=lambda score: self._balance(score) <= 0)
            return float(scores[index]) if index < len(scores) else math.inf

        after = min(first(self.mated), first(self.non_mated))
        if self._balance(after) == 0:
            return after, after
        below = [float(scores[i - 1]) for scores in (self.mated, self.non_mated) if (i := bisect_left(scores, after))]
        return max(below), after

    def _lowest_thresholds(self, allowed: Counts) -> Floats:
        """Return for each number of false matches the smallest observed score that makes no more of them."""
        return _lowest_thresholds(self.non_mated, allowed, (self.mated, self.non_mated))

    def _rates(self, thresholds: Floats) -> DetPoints:
        import numpy as np

        accepted = len(self.non_mated) - np.searchsorted(self.non_mated, thresholds)
        rejected = np.searchsorted(self.mated, thresholds)
        return DetPoints(thresholds, accepted / len(self.non_mated), rejected / len(self.mated))


def _lowest_thresholds(attacks: Floats, allowed: Counts, observed: Sequence[Floats]) -> Floats:
    import numpy as np

    size = len(attacks)
    last = np.where(allowed >= size, -np.inf, attacks[np.clip(size - 1 - allowed, 0, size - 1)])
    return np.asarray(np.minimum.reduce([_next_above(scores, last) for scores in observed]))


def _next_above(scores: Floats, values: Floats) -> Floats:
    import numpy as np

    places = np.searchsorted(scores, values, side="right")
    return np.where(places < len(scores), scores[np.minimum(places, len(scores) - 1)], np.inf)


def sorted_scores(scores: Sequence[float] | Floats, what: str) -> Floats:
    """Return the scores as a sorted array of floats.

    Raises MethodError MET-BIO-006 for no scores, NaN, infinite scores and what is no list of numbers: a missing
    score is a failure to acquire and counted as such, never as a rejection.
    """
    import numpy as np

    try:
        found = np.sort(np.asarray(scores, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise MethodError("MET-BIO-006", f"{what} are not numbers: {error}", expected="a list of scores") from error
    if found.ndim != 1 or found.size == 0:
        raise MethodError("MET-BIO-006", f"there are no {what}", expected="at least one, in one dimension")
    if np.isnan(found[-1]):
        raise MethodError(
            "MET-BIO-006",
            f"{int(np.isnan(found).sum())} of {found.size} {what} are NaN",
            expected="a number for every comparison",
            todo="count a presentation without a score as a failure to acquire or a non-response",
        )
    if math.isinf(found[0]) or math.isinf(found[-1]):
        raise MethodError("MET-BIO-006", f"{what} hold an infinite score", expected="finite scores")
    return found


def score_set(mated_scores: Sequence[float] | Floats, non_mated_scores: Sequence[float] | Floats) -> ScoreSet:
    """Return both lists of similarity scores, sorted; every rate below can be asked of it. Raises MET-BIO-006."""
    return ScoreSet(sorted_scores(mated_scores, "mated scores"), sorted_scores(non_mated_scores, "non-mated scores"))


def det_points(mated_scores: Sequence[float] | Floats, non_mated_scores: Sequence[float] | Floats) -> DetPoints:
    """Return FMR and FNMR at every observed score (ISO/IEC 19795-1). Raises MethodError MET-BIO-006."""
    return score_set(mated_scores, non_mated_scores).det_points()


def fnmr_at_fmr(
    mated_scores: Sequence[float] | Floats, non_mated_scores: Sequence[float] | Floats, target_fmr: Number
) -> OperatingPoint:
    """Return the lowest FNMR over thresholds with FMR <= `target_fmr`, and the smallest observed score that has it."""
    return score_set(mated_scores, non_mated_scores).fnmr_at_fmr(target_fmr)


def eer(
    mated_scores: Sequence[float] | Floats,
    non_mated_scores: Sequence[float] | Floats,
    convention: EerConvention = "range-midpoint",
) -> EqualErrorRate:
    """Return the equal error rate by a named convention; libraries disagree, so never compare across conventions."""
    return score_set(mated_scores, non_mated_scores).eer(convention)


def bpcer_at_apcer(
    bona_fide_scores: Sequence[float] | Floats,
    species_scores: Mapping[str, Sequence[float] | Floats],
    target_apcer: Number,
) -> AttackOperatingPoint:
    """Return the lowest BPCER over thresholds where no species' APCER is above `target_apcer` (ISO/IEC 30107-3).

    A presentation is classified as bona fide iff its score >= threshold. Raises MethodError MET-BIO-006, or -007
    without species.
    """
    import numpy as np

    if not species_scores:
        raise MethodError("MET-BIO-007", "there is no species to take a maximum over", expected="at least one species")
    bona_fide = sorted_scores(bona_fide_scores, "bona fide scores")
    species = {name: sorted_scores(each, f"scores of species {name!r}") for name, each in species_scores.items()}
    target = rate(target_apcer, "target APCER")
    observed = (bona_fide, *species.values())
    threshold = -math.inf
    for each in species.values():
        allowed = np.array([math.floor(target * len(each))])
        threshold = max(threshold, float(_lowest_thresholds(each, allowed, observed)[0]))
    apcer = {name: (len(each) - int(np.searchsorted(each, threshold))) / len(each) for name, each in species.items()}
    rejected = int(np.searchsorted(bona_fide, threshold))
    return AttackOperatingPoint(threshold, rejected / len(bona_fide), max(apcer.values()), apcer)
