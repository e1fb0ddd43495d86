"""Class bars: decided exactly on the bar, with the reason why no better class is given."""

from __future__ import annotations

import pytest

from pytest_conformance.analysis.biometrics import android_biometric_class, bio_itc_class, openharmony_atl
from pytest_conformance.errors import MethodError


@pytest.mark.parametrize(
    ("far", "sar", "level"),
    [
        ("0.0000199", "7 %", 3),
        ("0.0000199", "7.0001 %", 2),
        ("0.0000199", "20 %", 2),
        ("0.0000199", "1", 1),
        ("0.002 %", "0", None),
    ],
)
def test_android_classes_on_their_bars(far: str, sar: str, level: int | None) -> None:
    assert android_biometric_class(far, sar).level == level


def test_the_reason_for_a_lower_class_is_given_with_its_source() -> None:
    found = android_biometric_class("0.00001", "0.08")
    assert found.reasons == ("3: SAR 0.08 is not at most 0.07",)
    assert found.text_status == "seen"
    assert "7.3.10" in found.source


@pytest.mark.parametrize(
    ("far", "sar", "level"),
    [
        ("0.001 %", "3 %", "ATL4"),
        ("0.0011 %", "3 %", "ATL3"),
        ("0.002 %", "20 %", "ATL2"),
        ("1 %", "20 %", "ATL1"),
        ("1 %", "20.1 %", None),
    ],
)
def test_trust_levels_on_their_bars(far: str, sar: str, level: str | None) -> None:
    assert openharmony_atl(far, sar).level == level


@pytest.mark.parametrize(
    ("far", "frr", "iapar", "level"),
    [
        ("0.0001", "0.05", "0.07", "PAD-L2"),
        ("0.0001", "0.05", "0.15", "PAD-L1"),
        ("0.0001", "0.05", "0.151", "verification"),
        ("0.0001", "0.05", None, "verification"),
        ("0.00011", "0.05", "0", None),
        ("0.0001", "0.0501", "0", None),
    ],
)
def test_bio_itc_levels_on_their_bars(far: str, frr: str, iapar: str | None, level: str | None) -> None:
    assert bio_itc_class(far, frr, iapar).level == level


def test_a_percentage_without_its_sign_is_refused() -> None:
    with pytest.raises(MethodError, match="MET-BIO-001"):
        android_biometric_class("0.00001", 7)
