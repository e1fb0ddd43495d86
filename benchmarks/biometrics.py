"""Cost and honesty of the biometric statistics: ratios in one run, coverage by truth, and what curtailment saves.

python benchmarks/biometrics.py [scores] [bootstrap] [coverage] [curtailment]   (all, when none is named)
Prints tables and exits with 1 when a stated bound is broken. `docs/statistics.md` shows one run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_conformance.analysis.biometrics import (
    TrialLabels,
    binomial_interval,
    bootstrap_scores,
    clustered_rate_interval,
    effective_interval,
    score_set,
    two_way_interval,
)
from pytest_conformance.analysis.biometrics.plans import (
    CampaignPlan,
    Decision,
    FixedPlan,
    SequentialPlan,
    bio_itc_face_level_1,
    per_species_plan,
    run_campaign,
    run_in_full,
)

RATES = (0.01, 0.05, 0.07, 0.15, 0.20, 0.30)
CAMPAIGNS = 10_000
COVERED = 2_000
broken: list[str] = []


def bound(name: str, value: float, limit: float) -> None:
    """Print a ratio beside its bound and remember when it is broken."""
    kept = value <= limit
    print(f"  {name}: {value:.3f} (bound {limit:.3f}) {'kept' if kept else 'BROKEN'}")
    if not kept:
        broken.append(name)


def best(function: Callable[[], Any], repeats: int) -> float:
    """Return the shortest of several durations in seconds: what the work costs when nothing disturbs it."""
    shortest = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        shortest = min(shortest, time.perf_counter() - started)
    return shortest


def scores() -> None:
    """Rates and DET of 10 million scores, against one numpy sort of them."""
    generator = np.random.default_rng(1)
    print("scores: 10 million, shuffled")
    for mated_count in (1_000_000, 5_000_000):
        mated = generator.normal(1.5, 1, mated_count)
        others = generator.normal(-1.5, 1, 10_000_000 - mated_count)
        together = generator.permutation(np.concatenate([mated, others]))

        def rates(mated: Any = mated, others: Any = others) -> None:
            made = score_set(mated, others)
            made.det_curve(1000)
            made.eer()
            for target in ("0.1", "0.01", "0.001", "0.0001"):
                made.fnmr_at_fmr(target)

        ours, plain = float("inf"), float("inf")
        for _ in range(5):
            plain = min(plain, best(lambda together=together: np.sort(together), 1))  # type: ignore[misc]
            ours = min(ours, best(rates, 1))
        print(f"  {mated_count:,} mated: sort {plain * 1e3:.0f} ms, all rates and 1,000 DET points {ours * 1e3:.0f} ms")
        bound(f"rates and DET / sort, {mated_count:,} mated", ours / plain, 1.2)
        every = best(lambda mated=mated, others=others: score_set(mated, others).det_points(), 2)  # type: ignore[misc]
        print(f"  for comparison, a point at every distinct score: {every / plain:.1f} x the sort")


def bootstrap() -> None:
    """1,000 cluster-bootstrap resamples of 100,000 scores, against a loop over scikit-learn."""
    try:
        from sklearn.metrics import roc_curve
    except ImportError:
        broken.append("bootstrap: scikit-learn is not installed")
        print("bootstrap: not run, scikit-learn is not installed (pip install scikit-learn)")
        return
    generator = np.random.default_rng(2)
    people, each = 500, 100
    subject = np.repeat(np.arange(people), each)
    mated = generator.normal(1.5, 1, people * each) + generator.normal(0, 0.5, people)[subject]
    others = generator.normal(-1.5, 1, people * each)
    labels = TrialLabels(subject.tolist(), subject.tolist())
    values = np.concatenate([mated, others])
    truth = np.repeat([1, 0], people * each)
    members = [np.flatnonzero(np.concatenate([subject, subject]) == one) for one in range(people)]

    def theirs() -> float:
        drawn = np.concatenate([members[one] for one in generator.integers(0, people, people)])
        fmr, tpr, _ = roc_curve(truth[drawn], values[drawn])
        place = int(np.argmin(np.abs(fmr - (1 - tpr))))
        return float(fmr[place] + 1 - tpr[place]) / 2

    print("bootstrap: 100,000 scores of 500 people, 1,000 resamples")
    rounds = 20
    loop, ours = float("inf"), float("inf")
    for _ in range(3):
        loop = min(loop, best(lambda: [theirs() for _ in range(rounds)], 1) / rounds * 1000)
        ours = min(ours, best(lambda: bootstrap_scores(mated, others, labels, seed=1), 1))
    print(f"  EER: {ours:.2f} s; a loop over scikit-learn's roc_curve {loop:.1f} s (from {rounds} resamples)")
    bound("cluster bootstrap of the EER / scikit-learn loop", ours / loop, 1 / 15)
    mine, his = bootstrap_scores(mated, others, labels, seed=1), [theirs() for _ in range(200)]
    low, high = np.quantile(his, [0.025, 0.975])
    print(f"  intervals: ours {mine.lower:.4f} to {mine.upper:.4f}, theirs {low:.4f} to {high:.4f}")


def coverage() -> None:
    """How often 95 % intervals hold the truth over 2,000 campaigns: independent, clustered in one way and in two."""
    generator = np.random.default_rng(3)
    print(f"coverage, independent trials: {COVERED} campaigns of 150 and 900, two-sided 95 %")
    for n in (150, 900):
        for rate in (0.01, 0.07, 0.15, 0.30):
            errors = generator.binomial(n, rate, COVERED).tolist()
            row = [
                np.mean([rate in binomial_interval(k, n, 0.95, method) for k in errors])  # type: ignore[arg-type]
                for method in ("clopper-pearson", "wilson", "agresti-coull", "jeffreys")
            ]
            print(f"  n {n:3} rate {rate:.2f}: " + "  ".join(f"{share:.3f}" for share in row))
            bound(f"Clopper-Pearson misses, n {n}, rate {rate}", 1 - float(row[0]), 0.055)
    print(f"coverage, rho = 0.2 within subjects: {COVERED} campaigns (effective, plain, normal of 19795-1)")
    for people, each in ((10, 15), (15, 10), (30, 10), (50, 6), (20, 45)):
        for rate in (0.02, 0.07, 0.15, 0.30):
            rates = generator.beta(rate * 4, (1 - rate) * 4, (COVERED, people))
            campaigns, sizes = generator.binomial(each, rates).tolist(), [each] * people
            two, upper, plain, normal = (
                np.mean(part) for part in zip(*(_held(c, sizes, rate) for c in campaigns), strict=True)
            )
            print(f"  {people:2} x {each:2} rate {rate:.2f}: {two:.3f} (upper {upper:.3f})  {plain:.3f}  {normal:.3f}")
            bound(f"clustered misses, {people} x {each}, rate {rate}", 1 - float(two), 0.07)
    _two_ways(generator)


def _held(errors: list[int], sizes: list[int], rate: float) -> tuple[bool, bool, bool, bool]:
    two = effective_interval(errors, sizes)
    upper = effective_interval(errors, sizes, side="upper").upper
    plain = binomial_interval(sum(errors), sum(sizes))
    normal = False
    if 0 < sum(errors) < sum(sizes):
        each = clustered_rate_interval(errors, sizes)
        normal = each.lower <= rate <= each.upper
    return two.lower <= rate <= two.upper, rate <= upper, rate in plain, normal


def _two_ways(generator: np.random.Generator) -> None:
    print(f"coverage, subjects and artefacts crossed: {COVERED} campaigns (two ways, subjects only)")
    for people, artefacts, each in ((12, 9, 5), (20, 12, 3)):
        who = np.repeat(np.arange(people), artefacts * each).tolist()
        what = np.tile(np.repeat(np.arange(artefacts), each), people).tolist()
        for rate in (0.07, 0.15):
            both, one, truth = 0, 0, rate * _clipping(rate)
            for _ in range(COVERED):
                subject = generator.gamma(2, 0.5, people)
                artefact = generator.gamma(2, 0.5, artefacts)
                chance = np.minimum(rate * np.outer(subject, artefact), 1)
                outcomes = generator.random((people, artefacts, each)) < chance[:, :, None]
                two = two_way_interval(outcomes.ravel().tolist(), who, what)
                single = effective_interval(outcomes.sum(axis=(1, 2)).tolist(), [artefacts * each] * people)
                both += two.lower <= truth <= two.upper
                one += single.lower <= truth <= single.upper
            print(f"  {people} x {artefacts} x {each} rate {rate:.2f}: {both / COVERED:.3f}  {one / COVERED:.3f}")
            bound(f"two-way misses, {people} x {artefacts} x {each}, rate {rate}", 1 - both / COVERED, 0.07)


def _clipping(rate: float) -> float:
    """Return by how much cutting chances above 1 lowers the true rate."""
    generator = np.random.default_rng(99)
    product = generator.gamma(2, 0.5, 4_000_000) * generator.gamma(2, 0.5, 4_000_000)
    return float(np.minimum(rate * product, 1).mean() / rate)


def curtailment() -> None:
    """Verdicts and presentations of curtailed and full campaigns, 10,000 of each plan over six true rates."""
    species = [f"species-{number}" for number in range(1, 9)]
    plans: dict[str, CampaignPlan] = {
        "BIO-iTC face level 1": bio_itc_face_level_1(species, ("1", "2", "3")),
        "8 species x (42, 0)": per_species_plan({name: FixedPlan(42, 0) for name in species}),
        "8 species x (150, 5)": per_species_plan({name: FixedPlan(150, 5) for name in species}),
    }
    generator = np.random.default_rng(4)
    for name, plan in plans.items():
        print(f"curtailment, {name}: {CAMPAIGNS} campaigns")
        for rate in RATES:
            share = [_campaign(plan, rate, generator) for _ in range(CAMPAIGNS // len(RATES) + 1)]
            differ = sum(not same for same, _, _, _ in share)
            full, used, passed = (float(np.mean([each[part] for each in share])) for part in (1, 2, 3))
            print(
                f"  {rate:4.0%}: full {full:7.1f}, used {used:7.1f}, saved {1 - used / full:4.0%}, pass {passed:6.1%}"
            )
            bound(f"different verdicts, {name} at {rate:.0%}", differ, 0)
    print("sequential test p0 = 1 %, p1 = 15 %, alpha = beta = 5 %, at most 60, one species (exact)")
    sequential = SequentialPlan("0.01", "0.15", "0.05", "0.05", 60)
    for rate in RATES:
        found = sequential.risks(rate)
        print(f"  {rate:4.0%}: used {found.expected_presentations:5.1f} of 60, pass {found.pass_probability:6.1%}")


def _campaign(plan: CampaignPlan, rate: float, generator: np.random.Generator) -> tuple[bool, int, int, bool]:
    """Return whether the verdicts agree, presentations of the full plan, those used, and whether it passed."""
    cells = list(plan.cells)
    longest = max(each.most for each in plan.cells.values())
    drawn = (generator.random((len(cells), longest)) < rate).tolist()
    outcomes = dict(zip(cells, drawn, strict=True))
    full = [run_in_full(plan.cells[cell], each) for cell, each in outcomes.items()]
    due = Decision.FAIL if any(each.decision is Decision.FAIL for each in full) else Decision.PASS
    order = generator.permutation(np.repeat(np.arange(len(cells)), longest)).tolist()
    feeds = [iter(each) for each in drawn]
    found = run_campaign(plan, ((cells[index], next(feeds[index])) for index in order))
    return found.decision is due, sum(each.used for each in full), found.used, due is Decision.PASS


def main(names: list[str]) -> int:
    """Run the parts named, or all; return 1 when a bound was broken."""
    parts = {each.__name__: each for each in (scores, bootstrap, coverage, curtailment)}
    for name in names or parts:
        if name not in parts:
            print(f"no part {name!r}; there are {', '.join(parts)}")
            return 2
        parts[name]()
    print(f"{len(broken)} bounds broken" + "".join(f"\n  {each}" for each in broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
