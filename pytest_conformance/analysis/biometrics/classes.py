"""Class bars that platforms and protection profiles publish. Numeric bars only, compared as exact fractions.

Meeting the numbers is not belonging to the class: requirements on the pipeline's security are judged elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

from pytest_conformance.analysis.biometrics.exact import Number, rate

Level = TypeVar("Level")


@dataclass(frozen=True)
class ClassResult(Generic[Level]):
    """The best level whose bars are met (None: not even the lowest), why no better one is, and where it stands."""

    level: Level | None
    reasons: tuple[str, ...]
    source: str
    text_status: str


@dataclass(frozen=True)
class _Bar:
    name: str
    value: Fraction
    meets: Callable[[Fraction], bool]
    text: str


def _up_to(name: str, value: Fraction, limit: str) -> _Bar:
    return _Bar(name, value, lambda given: given <= Fraction(limit), f"at most {limit}")


def _below(name: str, value: Fraction, limit: str) -> _Bar:
    return _Bar(name, value, lambda given: given < Fraction(limit), f"less than {limit}")


def _best(ladder: list[tuple[Level, list[_Bar]]], source: str) -> ClassResult[Level]:
    """Return the first level of `ladder` (best first) of which every bar is met."""
    reasons: list[str] = []
    for level, bars in ladder:
        missed = [
            f"{level}: {bar.name} {float(bar.value):g} is not {bar.text}" for bar in bars if not bar.meets(bar.value)
        ]
        if not missed:
            return ClassResult(level, tuple(reasons), source, "seen")
        reasons += missed
    return ClassResult(None, tuple(reasons), source, "seen")


def android_biometric_class(far: Number, sar: Number) -> ClassResult[int]:
    """Return class 3, 2 or 1 by Android CDD 7.3.10 (Android 12 text): FAR < 0.002 %, SAR/IAR <= 7 % or <= 20 %.

    `sar` is the worst species' rate. Bars per species level of later releases are not modelled.
    """
    accept, spoof = rate(far, "FAR"), rate(sar, "SAR")
    always = _below("FAR", accept, "0.00002")
    return _best(
        [
            (3, [always, _up_to("SAR", spoof, "0.07")]),
            (2, [always, _up_to("SAR", spoof, "0.20")]),
            (1, [always]),
        ],
        "Android CDD 7.3.10 [C-1-1], [C-2-2], [C-3-3], Android 12",
    )


def openharmony_atl(far: Number, sar: Number) -> ClassResult[str]:
    """Return the authentication trust level ATL4 to ATL1 by the table of the OpenHarmony documentation.

    The bars hold at FRR = 10 %. Editions disagree on the FAR of ATL4 (0.0003 %, 0.003 %); 0.001 % is the current
    one. Reading the table as "best level whose bars are met" is ours.
    """
    accept, spoof = rate(far, "FAR"), rate(sar, "SAR")
    rows = (
        ("ATL4", "0.00001", "0.03"),
        ("ATL3", "0.00002", "0.07"),
        ("ATL2", "0.00002", "0.20"),
        ("ATL1", "0.01", "0.20"),
    )
    return _best(
        [(name, [_up_to("FAR", accept, most), _up_to("SAR", spoof, worst)]) for name, most, worst in rows],
        "OpenHarmony documentation, authentication trust levels, at FRR = 10 %",
    )


def bio_itc_class(far_upper: Number, frr_upper: Number, iapar: Number | None = None) -> ClassResult[str]:
    """Return "PAD-L2", "PAD-L1" or "verification" by the BIO-iTC PP-Module v2.0.

    `far_upper` and `frr_upper` are upper confidence bounds (80 % or more): at most 0.01 % and 5 % (FIA_MBV_EXT.1.2);
    `iapar` of the worst species at most 7 % or 15 % (FIA_MBV_EXT.3.1), None when attacks were not tried.
    """
    always = [
        _up_to("FAR bound", rate(far_upper, "FAR bound"), "0.0001"),
        _up_to("FRR bound", rate(frr_upper, "FRR bound"), "0.05"),
    ]
    ladder: list[tuple[str, list[_Bar]]] = []
    if iapar is not None:
        spoof = rate(iapar, "IAPAR")
        ladder += [
            ("PAD-L2", [*always, _up_to("IAPAR", spoof, "0.07")]),
            ("PAD-L1", [*always, _up_to("IAPAR", spoof, "0.15")]),
        ]
    ladder.append(("verification", always))
    return _best(ladder, "BIO-iTC collaborative PP-Module v2.0, FIA_MBV_EXT.1.2 and FIA_MBV_EXT.3.1")
