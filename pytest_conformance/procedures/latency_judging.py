"""What clause tests ask of decision times: the bound of the 95th percentile, and the median, against a limit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_conformance.verdicts import Limit

if TYPE_CHECKING:
    from pytest_conformance.procedures.decision_latency import DecisionLatency
    from pytest_conformance.procedures.judged_by import Requires


def require_timely(found: DecisionLatency, limit: float, judgement: Requires) -> None:
    """Hold the upper bound of the 95th percentile, and the median, against `limit` seconds by the decision rule.

    Fewer trials than a bound needs are judged by their median alone. Raises AssertionError where the bound falls on a
    presentation without an answer: that is slower than any time. Else as `judgement.require` does.
    """
    within = Limit("s", upper=limit)
    n = len(found.seconds) + found.missed
    if found.bound is not None:
        assert math.isfinite(found.bound), (
            f"{found.missed} of {n} presentations of the enrolled face opened nothing: the 95th percentile of the "
            f"decision time has no bound, limit {within}"
        )
        judgement.require(
            "decision time by face, upper bound of the 95th percentile",
            found.bound,
            within,
            uncertainty=found.chain_uncertainty,
            n=n,
        )
    judgement.require("median decision time by face", found.median, within, uncertainty=found.uncertainty, n=n)
