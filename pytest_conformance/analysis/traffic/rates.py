"""How often: exact bounds on a rate from a count (design, section 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_conformance.analysis.traffic.model import Check
from pytest_conformance.analysis.traffic.rulings import fail, passed, unclear

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection


def rate_bounds(count: int, time: float, alpha: float) -> tuple[float, float]:
    """One-sided exact Poisson bounds on a rate: chi2.ppf(alpha, 2k)/2T and chi2.ppf(1 - alpha, 2k + 2)/2T."""
    from scipy.stats import chi2

    low = float(chi2.ppf(alpha, 2 * count)) / (2 * time) if count else 0.0
    return low, float(chi2.ppf(1 - alpha, 2 * count + 2)) / (2 * time)


def judge_rate(inspection: Inspection, name: str) -> Check:
    """Compare the rate of transmissions to each destination with the declared one (per `rate_period`)."""
    policy = inspection.context.policy
    assert policy.rate_limit is not None
    limit = policy.rate_limit / policy.rate_period
    spans = [
        (f.tally.first, f.tally.last)
        for f in inspection.captures
        if f.tally.first is not None and f.tally.last is not None
    ]
    time = sum(last - first for first, last in spans if first is not None and last is not None)
    if time <= 0:
        return unclear(name, "window-short", "the capture has no duration")
    bursts = _bursts(sorted(t for flow in inspection.upstream("internet") for t, _ in flow.samples))
    low, high = rate_bounds(bursts, time, policy.rate_alpha)
    figures: dict[str, Any] = {
        "count": bursts,
        "seconds": time,
        "low": low * policy.rate_period,
        "high": high * policy.rate_period,
        "limit": policy.rate_limit,
    }
    text = f"{bursts} transmissions in {time:.0f} s"
    if low > limit:
        return fail(name, "rate-above-limit", text, (), **figures)
    if high < limit:
        return passed(name, "rate-below-limit", text, **figures)
    return unclear(name, "rate-between", text, "observe for longer", **figures)


def _bursts(times: list[float], pause: float = 2.0) -> int:
    """Count bursts of upstream packets that are `pause` seconds apart."""
    return sum(1 for i, t in enumerate(times) if i == 0 or t - times[i - 1] > pause)
