"""Runs known-answer cases (schema known-answers/pad-and-matching/1) against this package: a lab's method validation.

Reads no file: a case is the parsed JSON object. Says what differs, case by case.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pytest_conformance.analysis import biometrics
from pytest_conformance.analysis.biometrics.plans import sequential_pad_plan, sequential_pad_plan_pass_probability
from pytest_conformance.errors import ConformanceError, MethodError

SCHEMA = "known-answers/pad-and-matching/1"
RULES = {
    "det_points": "accept iff score >= threshold",
    "fnmr_at_fmr": "lowest FNMR over thresholds with FMR <= target",
    "bpcer_at_apcer": "APCER = max over species; classified bona fide iff score >= threshold",
}
"""What each function over scores does; a case that states another rule is refused."""

Case = Mapping[str, Any]
Inputs = Mapping[str, Any]


def differences(case: Case) -> list[str]:
    """Return what this package answers differently from `case`; an empty list when it agrees.

    A case that expects a refusal agrees when a ConformanceError is raised; one that lists several conventions of the
    EER agrees when one of them does (the schema's own rule). Raises MethodError MET-BIO-015 for a
    function that this package does not have.
    """
    expected = case["expected"]
    try:
        found = answer(case)
    except ConformanceError as error:
        if error.code == "MET-BIO-015":
            raise
        return [] if expected.get("raises") is True else [f"refused: {error}"]
    if expected.get("raises") is True:
        return [f"answered {found} where a refusal is due"]
    allowed = float(case.get("tolerance", {}).get("abs", 0))
    wrong = _compare(expected, found, allowed, "")
    if case["function"] == "eer" and any(
        name in found and not _compare(expected[name], found[name], allowed, "") for name in expected
    ):
        wrong = []
    for name, trap in case.get("must_not_equal", {}).items():
        for key, value in found.items():
            if name.startswith(key) and isinstance(value, int | float) and abs(value - trap) <= max(allowed, 1e-12):
                wrong.append(f"{key} is {value}, the answer of a known mistake ({name})")
    return wrong


def answer(case: Case) -> dict[str, Any]:
    """Return this package's answer to `case`, as the keys that the schema names."""
    function, inputs = case["function"], dict(case["inputs"])
    if function not in _ANSWERS:
        raise MethodError("MET-BIO-015", f"no function {function!r}", expected=", ".join(sorted(_ANSWERS)))
    stated = inputs.pop("rule", RULES.get(function))
    if stated != RULES.get(function):
        raise MethodError("MET-BIO-005", f"rule {stated!r}", where=function, expected=RULES.get(function, "none"))
    return _ANSWERS[function](inputs, case)


def _compare(expected: Any, found: Any, allowed: float, where: str) -> list[str]:
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            return [f"{where}: {found!r} instead of {expected!r}"]
        if where.endswith(("per_species", "apcer_ap")) and set(found) != set(expected):
            return [f"{where}: keys {sorted(found)} instead of {sorted(expected)}"]
        return [
            line
            for key, value in expected.items()
            for line in (
                _compare(value, found[key], allowed, f"{where}/{key}") if key in found else [f"no {where}/{key}"]
            )
        ]
    if isinstance(expected, list):
        if not isinstance(found, Sequence) or isinstance(found, str) or len(found) != len(expected):
            return [f"{where}: {found!r} instead of {expected!r}"]
        pairs = enumerate(zip(expected, found, strict=True))
        return [line for index, (one, other) in pairs for line in _compare(one, other, allowed, f"{where}[{index}]")]
    if isinstance(expected, bool) or not isinstance(expected, int | float):
        same = expected == found and type(expected) is type(found)
    else:
        same = isinstance(found, int | float) and not isinstance(found, bool) and abs(found - expected) <= allowed
    return [] if same else [f"{where}: {found!r} instead of {expected!r} (within {allowed:g})"]


def _plain(function: Callable[..., Any]) -> Callable[[Inputs, Case], dict[str, Any]]:
    return lambda inputs, _case: asdict(function(**inputs))


def _single(function: Callable[..., Any], key: str) -> Callable[[Inputs, Case], dict[str, Any]]:
    return lambda inputs, _case: {key: function(**inputs)}


def _threshold(value: float) -> float | str:
    return "inf" if math.isinf(value) else value


def _normal_upper_bound(inputs: Inputs, case: Case) -> dict[str, Any]:
    found = biometrics.normal_upper_bound(**inputs)
    limit = case["expected"].get("limit")
    judged = {} if limit is None else {"limit": limit, "passes": found.upper <= limit}
    return {"upper": found.upper, "rounded_3": round(found.upper, 3), **judged}


def _apcer_table(inputs: Inputs, _case: Case) -> dict[str, Any]:
    table = biometrics.apcer_table(**inputs)
    per_species = {
        name: {
            "n": each.n,
            "apnrr": each.non_response_rate,
            "apcer_responding": each.responding,
            "apcer_all": each.all,
            "apcer_worst": each.worst,
        }
        for name, each in table.per_species.items()
    }
    found: dict[str, Any] = {
        "per_species": per_species,
        "apcer_max": table.maximum,
        "worst_species": list(table.worst_species),
    }
    return found if table.by_potential is None else {**found, "apcer_ap": dict(table.by_potential)}


def _det_points(inputs: Inputs, _case: Case) -> dict[str, Any]:
    return {"points_threshold_fmr_fnmr": [list(row) for row in biometrics.det_points(**inputs).rows()]}


def _operating_point(function: Callable[..., Any]) -> Callable[[Inputs, Case], dict[str, Any]]:
    def found(inputs: Inputs, _case: Case) -> dict[str, Any]:
        point = asdict(function(**inputs))
        return {**point, "threshold": _threshold(point["threshold"])}

    return found


def _eer(inputs: Inputs, case: Case) -> dict[str, Any]:
    """Answer by both conventions; where a case names another threshold with the same rates, that one is as good."""
    scores = biometrics.score_set(**inputs)
    middle, closest = scores.eer(), scores.eer("closest")
    threshold = closest.threshold
    named = case["expected"].get("bob_measure", {}).get("threshold")
    if named is not None and {*_rates(scores.at(named))} == {*_rates(scores.at(threshold))}:
        threshold = named
    found: dict[str, Any] = {"pyeer": {"low": middle.low, "high": middle.high, "eer": middle.eer}}
    return {**found, "bob_measure": {"eer": closest.eer, "threshold": threshold}}


def _rates(point: biometrics.OperatingPoint) -> tuple[float, float]:
    return point.fmr, point.fnmr


_ANSWERS: Mapping[str, Callable[[Inputs, Case], dict[str, Any]]] = {
    "binomial_interval": _plain(biometrics.binomial_interval),
    "normal_upper_bound": _normal_upper_bound,
    "zero_failure_sample_size": _single(biometrics.zero_failure_sample_size, "n"),
    "samples_for_quantile_claim": _single(biometrics.samples_for_quantile_claim, "n"),
    "rule_of_three": _plain(biometrics.rule_of_three),
    "relative_halfwidth_90": _plain(biometrics.relative_halfwidth_90),
    "trials_for_thirty_errors": _single(biometrics.trials_for_thirty_errors, "trials"),
    "max_allowed_errors": _single(biometrics.max_allowed_errors, "max_errors"),
    "point_estimate_limit": _plain(biometrics.point_estimate_limit),
    "cross_comparison_count": _single(biometrics.cross_comparison_count, "count"),
    "apcer_table": _apcer_table,
    "bpcer": _plain(biometrics.bpcer),
    "riapar": _single(biometrics.riapar, "riapar"),
    "system_rates_single_attempt": _plain(biometrics.system_rates_single_attempt),
    "transaction_rates": _plain(biometrics.transaction_rates),
    "independent_attempts_rate": _plain(biometrics.independent_attempts_rate),
    "det_points": _det_points,
    "fnmr_at_fmr": _operating_point(biometrics.fnmr_at_fmr),
    "bpcer_at_apcer": _operating_point(biometrics.bpcer_at_apcer),
    "eer": _eer,
    "clustered_rate_interval": _plain(biometrics.clustered_rate_interval),
    "attack_potential": _plain(biometrics.attack_potential),
    "sequential_pad_plan": _plain(sequential_pad_plan),
    "sequential_pad_plan_pass_probability": _plain(sequential_pad_plan_pass_probability),
    "percentiles": _plain(biometrics.percentiles),
    "android_biometric_class": _plain(biometrics.android_biometric_class),
    "openharmony_atl": _plain(biometrics.openharmony_atl),
}
