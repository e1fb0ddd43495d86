"""The attack potential of a presentation attack: points by factor, as BIO-iTC BS_SD v2.0 rates them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_conformance.errors import MethodError

IDENTIFICATION: Mapping[str, Mapping[str, int]] = {
    "elapsed": {"<=1d": 0, "<=1w": 1, "<=2w": 2, "<=1m": 4, ">1m": 8},
    "expertise": {"layman": 0, "proficient": 2, "expert": 4, "multiple_experts": 8},
    "knowledge": {"public": 0, "restricted": 2, "sensitive": 4, "critical": 8},
    "toe_access": {"easy": 0, "moderate": 2, "difficult": 4},
    "equipment": {"standard": 0, "specialised": 2, "bespoke": 4},
}
EXPLOITATION: Mapping[str, Mapping[str, int]] = {
    "elapsed": {"<=1d": 0, "<=1w": 2, "<=2w": 4, "<=1m": 8, ">1m": 16},
    "expertise": {"layman": 0, "proficient": 4, "expert": 8},
    "toe_access": {"easy": 0, "moderate": 4, "difficult": 8},
    "bio_access": {"without_notice": 0, "non_cooperative": 2, "cooperative": 4},
    "equipment": {"standard": 0, "specialised": 4, "bespoke": 8},
}
"""Points, table "Calculation of attack potential for general biometric system", BIO-iTC BS_SD v2.0 (seen)."""

_BANDS = ((10, "<10"), (20, "10-19"), (30, "20-29"), (40, "30-39"))
_OTHER_WORDS = {
    "<=1mo": "<=1m",
    ">1mo": ">1m",
    "multiple": "multiple_experts",
    "specialized": "specialised",
    "noncooperative": "non_cooperative",
}


@dataclass(frozen=True)
class AttackPotential:
    """Total points of an attack, its numeric band (level names differ between sources), and points by factor."""

    total: int
    band: str
    points: Mapping[str, int]


def attack_potential(identification: Mapping[str, str], exploitation: Mapping[str, str]) -> AttackPotential:
    """Add up the points of both phases. Every factor of a phase must be given, no other may be.

    Raises MethodError MET-BIO-010 that names the factor or the level.
    """
    points = {
        **_points("identification", IDENTIFICATION, identification),
        **_points("exploitation", EXPLOITATION, exploitation),
    }
    total = sum(points.values())
    band = next((name for below, name in _BANDS if total < below), ">=40")
    return AttackPotential(total, band, points)


def _points(phase: str, table: Mapping[str, Mapping[str, int]], given: Mapping[str, str]) -> dict[str, int]:
    for factor in (*table, *given):
        if factor not in table or factor not in given:
            state = "missing" if factor in table else "not rated"
            raise MethodError(
                "MET-BIO-010", f"factor {factor!r} is {state} in the {phase} phase", expected=", ".join(table)
            )
    return {f"{phase}.{factor}": _level(phase, factor, levels, given[factor]) for factor, levels in table.items()}


def _level(phase: str, factor: str, levels: Mapping[str, int], given: str) -> int:
    word = str(given).strip().lower().replace("-", "_").replace(" ", "_")
    word = _OTHER_WORDS.get(word, word)
    if word not in levels:
        raise MethodError(
            "MET-BIO-010", f"{factor} in the {phase} phase has no level {given!r}", expected=", ".join(levels)
        )
    return levels[word]
