"""Cluster bootstrap over subjects and artefacts: whole clusters are drawn again, never single trials. Seeded.

Narrow below some 50 clusters (docs/statistics.md); for a plain rate prefer `clusters.effective_interval`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_conformance.analysis.biometrics.exact import Number, confidence_level, rate, whole
from pytest_conformance.errors import MethodError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

Labels = Sequence[Hashable]


@dataclass(frozen=True, eq=False)
class BootstrapInterval:
    """The percentile interval of `resamples`; `undefined` of those drawn had no trial to form the rate from."""

    estimate: float
    lower: float
    upper: float
    resamples: Floats
    undefined: int
    seed: int


@dataclass(frozen=True)
class TrialLabels:
    """To which subject, or artefact, each mated and each non-mated score belongs; None where the side has none.

    Bona fide presentations have no artefact. A label that stands on both sides is one cluster, drawn once for both.
    """

    mated: Labels | None
    non_mated: Labels | None


def bootstrap_rate(
    outcomes: Sequence[bool],
    subjects: Labels,
    artefacts: Labels | None = None,
    *,
    seed: int,
    resamples: int = 1000,
    confidence: Number = 0.95,
) -> BootstrapInterval:
    """Return the bootstrap interval of an error rate; `outcomes` are errors (True) by trial.

    With `artefacts`, subjects and artefacts are drawn independently and a trial counts as often as both were drawn
    (the pigeonhole bootstrap, Owen 2007). Raises MethodError MET-BIO-011 for fewer than two clusters or unequal
    lengths, -012 when every trial ended alike: resampling them shows no spread and would claim certainty.
    """
    import numpy as np

    errors = np.asarray(outcomes, dtype=bool)
    _same_length(len(errors), subjects, artefacts)
    if errors.all() or not errors.any():
        raise MethodError(
            "MET-BIO-012",
            f"all {len(errors)} trials ended alike: resampling shows no spread",
            expected="at least one error and one success",
            todo="use effective_interval",
        )
    rows, row_count = _codes(subjects, "subjects")
    columns, column_count = _codes(artefacts, "artefacts") if artefacts is not None else (np.zeros_like(rows), 1)
    trials, failed = np.zeros((row_count, column_count)), np.zeros((row_count, column_count))
    np.add.at(trials, (rows, columns), 1)
    np.add.at(failed, (rows, columns), errors)
    generator = np.random.default_rng(seed)
    down = _draws(generator, row_count, whole(resamples, "resamples", 100))
    across = _draws(generator, column_count, resamples) if artefacts is not None else np.ones((resamples, 1))
    above = np.einsum("ij,ij->i", down @ failed, across)
    below = np.einsum("ij,ij->i", down @ trials, across)
    drawn = above[below > 0] / below[below > 0]
    return _interval(float(errors.mean()), drawn, resamples, confidence, seed)


def bootstrap_scores(
    mated_scores: Sequence[float] | Floats,
    non_mated_scores: Sequence[float] | Floats,
    subjects: TrialLabels,
    artefacts: TrialLabels | None = None,
    *,
    seed: int,
    target_fmr: Number | None = None,
    resamples: int = 1000,
    confidence: Number = 0.95,
) -> BootstrapInterval:
    """Return the bootstrap interval of FNMR at `target_fmr`, or of the EER (range-midpoint) when it is None.

    The threshold is found anew in every resample, so that its uncertainty is in the interval. Scores are sorted
    once; a resample is a weight on each of them. Raises as `bootstrap_rate`, and MET-BIO-006 for the scores.
    """
    import numpy as np

    weighing = _Weighing.of(mated_scores, non_mated_scores, subjects, artefacts)
    measure: Callable[[Any, Any], float] = weighing.eer
    if target_fmr is not None:
        share = float(rate(target_fmr, "target FMR"))

        def measure(mated: Any, others: Any) -> float:
            return weighing.fnmr_at_fmr(mated, others, share)

    ones = [np.ones(len(each)) for each in (weighing.mated, weighing.non_mated)]
    estimate = measure(*ones)
    generator = np.random.default_rng(seed)
    drawn = np.empty(whole(resamples, "resamples", 100))
    for index in range(resamples):
        drawn[index] = measure(*weighing.draw(generator))
    return _interval(estimate, drawn[~np.isnan(drawn)], resamples, confidence, seed)


@dataclass(frozen=True, eq=False)
class _Weighing:
    """Scores in rising order with the codes of their clusters.

    `mated_before` and `non_mated_before` count the scores below each distinct one; `rank` counts the mated scores not
    above each non-mated one.
    """

    mated: Floats
    non_mated: Floats
    codes: tuple[tuple[Ints | None, Ints | None, int], ...]
    mated_before: Ints
    non_mated_before: Ints
    rank: Ints

    @classmethod
    def of(
        cls, mated_scores: object, non_mated_scores: object, subjects: TrialLabels, artefacts: TrialLabels | None
    ) -> _Weighing:
        import numpy as np

        from pytest_conformance.analysis.biometrics.scores import sorted_scores

        mated, others = _array(mated_scores), _array(non_mated_scores)
        first, second = sorted_scores(mated, "mated scores"), sorted_scores(others, "non-mated scores")
        orders = np.argsort(mated, kind="stable"), np.argsort(others, kind="stable")
        codes = []
        for what, labels in (("subjects", subjects), ("artefacts", artefacts)):
            if labels is None:
                continue
            sides = (labels.mated, mated), (labels.non_mated, others)
            for side, scores in sides:
                _same_length(len(scores), side)
            found, size = _codes([each for side, _ in sides for each in side or ()], what)
            first_code = len(labels.mated or ())
            codes.append((_ordered(found[:first_code], orders[0]), _ordered(found[first_code:], orders[1]), size))
        observed = np.unique(np.concatenate([first, second]))
        return cls(
            first,
            second,
            tuple(codes),
            np.searchsorted(first, observed),
            np.searchsorted(second, observed),
            np.searchsorted(first, second, side="right"),
        )

    def draw(self, generator: Any) -> tuple[Floats, Floats]:
        """Return how often each mated and each non-mated score was drawn."""
        import numpy as np

        weights = [np.ones(len(self.mated)), np.ones(len(self.non_mated))]
        for mated, others, size in self.codes:
            drawn = np.bincount(generator.integers(0, size, size), minlength=size).astype(np.float64)
            for side, codes in enumerate((mated, others)):
                if codes is not None:
                    weights[side] *= drawn[codes]
        return weights[0], weights[1]

    def fnmr_at_fmr(self, mated: Floats, others: Floats, share: float) -> float:
        """Return the lowest FNMR of the weighted scores with FMR <= share; NaN when a side was not drawn at all."""
        import numpy as np

        accepted = np.cumsum(others[::-1])
        total, all_mated = accepted[-1], mated.sum()
        if not total or not all_mated:
            return math.nan
        first = int(np.searchsorted(accepted, share * total * (1 + 1e-12), side="right"))
        if first == len(accepted):
            return 0.0
        return float(mated[: self.rank[len(accepted) - 1 - first]].sum() / all_mated)

    def eer(self, mated: Floats, others: Floats) -> float:
        """Return the equal error rate (range-midpoint) of the weighted scores; NaN when a side was not drawn.

        FMR falls and FNMR rises with the threshold, so that the crossing is found by halving.
        """
        rejected, passed = _sums(mated), _sums(others)
        all_mated, total = float(rejected[-1]), float(passed[-1])
        if not all_mated or not total:
            return math.nan

        def rates(place: int) -> tuple[float, float]:
            """Return FMR and FNMR in units of 1 / (total * all_mated), whole numbers that compare exactly."""
            if place == len(self.mated_before):
                return 0.0, total * all_mated
            accepted = total - float(passed[self.non_mated_before[place]])
            return accepted * all_mated, float(rejected[self.mated_before[place]]) * total

        low, high = 0, len(self.mated_before)
        while high - low > 1:
            middle = (low + high) // 2
            fmr, fnmr = rates(middle)
            low, high = (low, middle) if fmr <= fnmr else (middle, high)
        after = rates(high)
        best = sum(after) if after[0] == after[1] else min(sum(rates(low)), sum(after))
        return best / (2 * total * all_mated)


def _sums(weights: Floats) -> Floats:
    import numpy as np

    sums = np.zeros(len(weights) + 1)
    np.cumsum(weights, out=sums[1:])
    return sums


def _ordered(codes: Ints, order: Ints) -> Ints | None:
    return codes[order] if len(codes) else None


def _array(scores: object) -> Floats:
    import numpy as np

    try:
        return np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MethodError("MET-BIO-006", f"scores are not numbers: {error}", expected="a list of scores") from error


def _codes(labels: Labels | None, what: str) -> tuple[Ints, int]:
    import numpy as np

    known: dict[Hashable, int] = {}
    codes = np.fromiter((known.setdefault(each, len(known)) for each in labels or ()), dtype=np.int64)
    if len(known) < 2:
        raise MethodError("MET-BIO-011", f"{len(known)} {what} cannot be drawn again", expected=f"at least two {what}")
    return codes, len(known)


def _draws(generator: Any, size: int, resamples: int) -> Floats:
    import numpy as np

    return np.asarray(generator.multinomial(size, np.full(size, 1 / size), size=resamples), dtype=np.float64)


def _same_length(trials: int, *labels: Labels | None) -> None:
    for each in labels:
        if each is not None and len(each) != trials:
            raise MethodError("MET-BIO-011", f"{len(each)} labels for {trials} trials", expected="one per trial")


def _interval(estimate: float, drawn: Floats, resamples: int, confidence: Number, seed: int) -> BootstrapInterval:
    import numpy as np

    if len(drawn) < 0.95 * resamples:
        raise MethodError(
            "MET-BIO-011",
            f"{resamples - len(drawn)} of {resamples} resamples had no trial to form the rate from",
            expected="at most 5 % of them",
            todo="too few subjects or artefacts: use effective_interval, or present more of them",
        )
    tail = float(1 - confidence_level(confidence)) / 2
    lower, upper = np.quantile(drawn, [tail, 1 - tail])
    return BootstrapInterval(estimate, float(lower), float(upper), drawn, resamples - len(drawn), seed)
