"""The randomised volume experiment: schedule, rank test, bounds by inversion, sequential test, lag scan.

Pure statistics on numbers of bytes per slot (design, section 9); no packets here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Slots = NDArray[np.float64]
"""Bytes per slot, shape (blocks, slots per block)."""

DRAWS = 9999
SEQUENTIAL = (0.02, 0.03, 0.05, 0.10, 0.80)
"""Betting weights of the sequential test for blocks of five slots, lowest rank first (design, section 9.4)."""


@dataclass(frozen=True)
class Schedule:
    """Which slot of each block gets the event, and when each slot starts (seconds from the start of the run)."""

    seed: int
    events: tuple[int, ...]
    shams: int
    slot: float
    gap: float

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return len(self.events)

    def starts(self) -> list[list[float]]:
        """Return the start of every slot, block by block."""
        width = self.slot + self.gap
        per = self.shams + 1
        return [[(block * per + slot) * width for slot in range(per)] for block in range(self.blocks)]


def schedule(seed: int, blocks: int = 12, shams: int = 4, slot: float = 10.0, gap: float = 5.0) -> Schedule:
    """Draw the event slot of each block uniformly; the seed is stored with the run."""
    drawn = np.random.default_rng(seed).integers(0, shams + 1, blocks)
    return Schedule(seed, tuple(int(value) for value in drawn), shams, slot, gap)


def mid_ranks(slots: Slots) -> Slots:
    """Return the mid-rank of each slot within its block, 1 for the smallest."""
    x = np.asarray(slots, np.float64)
    below = (x[:, None, :] < x[:, :, None]).sum(axis=2)
    equal = (x[:, None, :] == x[:, :, None]).sum(axis=2)
    return np.asarray(below + (equal + 1) / 2)


@dataclass(frozen=True)
class TestResult:
    """A one-sided test: statistic, p-value, number of blocks, and whether the null was exact."""

    __test__ = False

    statistic: float
    p: float
    blocks: int
    exact: bool


def rank_test(slots: Slots, events: Sequence[int]) -> TestResult:
    """Test whether event slots carry more than sham slots: sum of mid-ranks, exact null over the event slots.

    The null redraws the event slot uniformly in each block; it is computed exactly by convolution of the blocks'
    rank distributions (ties included, in half ranks).
    """
    ranks = mid_ranks(slots)
    observed = float(sum(ranks[i, j] for i, j in enumerate(events)))
    p = _tail(ranks, observed)
    return TestResult(observed, p, len(events), True)


def _tail(ranks: Slots, observed: float) -> float:
    """P(sum of one uniformly drawn rank per block >= observed), by convolution in units of half a rank."""
    doubled = np.rint(2 * ranks).astype(int)
    top = int(doubled.max()) if doubled.size else 0
    null = np.array([1.0])
    for row in doubled:
        block = np.bincount(row, minlength=top + 1) / len(row)
        null = np.convolve(null, block)
    return float(min(1.0, null[max(round(2 * observed), 0) :].sum()))


def sum_test(
    slots: Slots, events: Sequence[int], seed: int, cap: float | None = None, draws: int = DRAWS
) -> TestResult:
    """Supplementary test on plain (or capped) sums; p = (1 + #{T* >= T}) / (1 + draws)."""
    x = np.asarray(slots, np.float64)
    if cap is not None:
        x = np.minimum(x, cap)
    index = np.arange(len(x))
    observed = float(x[index, list(events)].sum())
    picks = np.random.default_rng(seed).integers(0, x.shape[1], (draws, len(x)))
    drawn = x[index[None, :], picks].sum(axis=1)
    return TestResult(observed, float((1 + np.count_nonzero(drawn >= observed - 1e-9)) / (1 + draws)), len(x), False)


def holm(values: Sequence[float]) -> list[float]:
    """Adjust p-values for a family of tests (Holm 1979)."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    out = [0.0] * len(values)
    worst = 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (len(values) - rank) * values[index]))
        out[index] = worst
    return out


def _shifted(slots: Slots, events: Sequence[int], delta: float) -> Slots:
    out = np.array(slots, np.float64)
    out[np.arange(len(out)), list(events)] -= delta
    return out


def bounds(slots: Slots, events: Sequence[int], alpha: float = 0.01) -> tuple[float, float]:
    """Return one-sided (lower, upper) bounds on the excess per event, each at level 1 - alpha, by inversion.

    The lower bound is the largest shift at which the test that events carry more still rejects; the upper the
    smallest at which the test that they carry less rejects. -inf and inf where the design allows no rejection.
    """
    x = np.asarray(slots, np.float64)
    events = list(events)
    others = np.delete(x.reshape(-1), [i * x.shape[1] + j for i, j in enumerate(events)]).reshape(len(x), -1)
    taken = x[np.arange(len(x)), events]
    shifts = np.unique((taken[:, None] - others).reshape(-1))
    low = _last(shifts, lambda d: rank_test(_shifted(x, events, d), events).p <= alpha)
    high = _first(shifts, lambda d: rank_test(-_shifted(x, events, d), events).p <= alpha)
    return low, high


def _last(shifts: NDArray[np.float64], rejects: object) -> float:
    """The largest point below which a falling condition holds, over intervals between critical shifts."""
    low, high = -1, len(shifts)
    while high - low > 1:
        middle = (low + high) // 2
        if rejects(_inside(shifts, middle)):  # type: ignore[operator]
            low = middle
        else:
            high = middle
    return float(shifts[low]) if low >= 0 else -math.inf


def _first(shifts: NDArray[np.float64], rejects: object) -> float:
    low, high = -1, len(shifts)
    while high - low > 1:
        middle = (low + high) // 2
        if rejects(_inside(shifts, middle, above=True)):  # type: ignore[operator]
            high = middle
        else:
            low = middle
    return float(shifts[high]) if high < len(shifts) else math.inf


def _inside(shifts: NDArray[np.float64], index: int, above: bool = False) -> float:
    """A point just below (or above) a critical shift, where no ties with it exist."""
    value = float(shifts[index])
    step = 1e-6 * max(1.0, abs(value))
    return value + step if above else value - step


def sequential(slots: Slots, events: Sequence[int], seed: int, alpha: float = 0.01) -> tuple[float, int | None]:
    """Return (e-value after all blocks, number of blocks at which it first reached 1/alpha, or None).

    Valid at any stopping time: with ties broken at random the rank of the event slot is uniform under the null.
    Blocks must have five slots.
    """
    x = np.asarray(slots, np.float64)
    if x.shape[1] != len(SEQUENTIAL):
        raise ValueError("the sequential test is made for blocks of five slots")
    noise = np.random.default_rng(seed).random(x.shape)
    value, stop = 1.0, None
    for i, j in enumerate(events):
        rank = int(((x[i] < x[i, j]) | ((x[i] == x[i, j]) & (noise[i] < noise[i, j]))).sum())
        value *= len(SEQUENTIAL) * SEQUENTIAL[rank]
        if stop is None and value >= 1 / alpha:
            stop = i + 1
    return value, stop


def lag_scan(flat: Sequence[float], plan: Schedule, most: int = 60, draws: int = 999) -> tuple[float, int]:
    """Return (p, lag in slots) of the best delay between events and bytes; the maximum over lags is in the null.

    `flat` are bytes per slot over the run and its tail, shams and events in order.
    """
    x = np.asarray(flat, np.float64)
    order = x.argsort(kind="stable").argsort(kind="stable")
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    sums = np.bincount(inverse, weights=order.astype(float))
    scores = (sums / counts)[inverse]
    per = plan.shams + 1
    lags = np.arange(0, min(most, len(x) - 1) + 1)

    def best(picks: NDArray[np.int64]) -> tuple[float, int]:
        places = np.arange(len(picks)) * per + picks
        means = []
        for lag in lags:
            moved = places + lag
            moved = moved[moved < len(x)]
            means.append(scores[moved].mean() if len(moved) * 2 >= len(picks) else -np.inf)
        top = int(np.argmax(means))
        return float(means[top]), int(lags[top])

    observed, lag = best(np.asarray(plan.events, np.int64))
    drawn = np.random.default_rng(plan.seed + 1).integers(0, per, (draws, plan.blocks))
    beyond = sum(best(row)[0] >= observed for row in drawn)
    return (1 + beyond) / (1 + draws), lag


def events_needed(size: float, sigma: float, shams: int = 4, alpha: float = 0.01, power: float = 0.95) -> int:
    """Return the number of blocks by normal approximation (design, section 9.3), never below what p can reach."""
    from statistics import NormalDist

    z = NormalDist().inv_cdf(1 - alpha) + NormalDist().inv_cdf(power)
    least = math.ceil(math.log(1 / alpha) / math.log(shams + 1))
    return max(least, math.ceil(z * z * (1 + 1 / shams) * (sigma / size) ** 2)) if size > 0 else 1 << 30


def is_constant_rate(slots: Slots) -> bool:
    """Tell whether a flow pads to a constant rate: coefficient of variation of its slots below 2 %."""
    x = np.asarray(slots, np.float64).reshape(-1)
    mean = float(x.mean()) if x.size else 0.0
    return x.size >= 10 and mean > 0 and float(x.std()) / mean < 0.02


def rounds_test(counts: Sequence[int], totals: Sequence[float], seed: int, draws: int = DRAWS) -> float:
    """Test for a batch at the end: rank correlation of a round's bytes with its number of events, by permutation."""
    from scipy.stats import rankdata

    k, y = rankdata(counts), rankdata(totals)
    observed = float(((k - k.mean()) * (y - y.mean())).sum())
    generator = np.random.default_rng(seed)
    shuffled = generator.permuted(np.tile(k - k.mean(), (draws, 1)), axis=1)
    drawn = shuffled @ (y - y.mean())
    return float((1 + np.count_nonzero(drawn >= observed - 1e-9)) / (1 + draws))


def change_point(slots: Sequence[float], seed: int, kappa: float = 0.25, draws: int = 999) -> tuple[float, int]:
    """One-sided CUSUM on normalised ranks; return (p by permuting the slots, index at which the sum starts to rise)."""
    from scipy.stats import rankdata

    ranks = rankdata(slots)
    z = (ranks - ranks.mean()) / (ranks.std() or 1.0)

    def peak(values: NDArray[np.float64]) -> tuple[float, int]:
        total, top, start, at = 0.0, 0.0, 0, 0
        for i, value in enumerate(values):
            if total == 0.0:
                start = i
            total = max(0.0, total + float(value) - kappa)
            if total > top:
                top, at = total, start
        return top, at

    observed, where = peak(z)
    generator = np.random.default_rng(seed)
    beyond = sum(peak(generator.permutation(z))[0] >= observed for _ in range(draws))
    return (1 + beyond) / (1 + draws), where
