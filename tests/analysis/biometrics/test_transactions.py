"""Attempt and transaction rates: consistent with each other, and refusing records that cannot have happened."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_conformance.analysis.biometrics import (
    generalised_rates,
    independent_attempts_rate,
    system_rates_single_attempt,
    transaction_rates,
)
from pytest_conformance.errors import MethodError


def test_attempts_that_were_not_acquired_do_not_count_as_mismatches() -> None:
    found = transaction_rates([["no_acquire", "no_acquire", "match"], ["no_acquire", "no_acquire", "no_acquire"]])
    assert (found.fta_rate, found.match_rate_completed) == (pytest.approx(5 / 6), 1.0)
    assert (found.accept_rate, found.reject_rate, found.accepted) == (0.5, 0.5, 1)


def test_without_an_acquired_attempt_there_is_no_match_rate() -> None:
    assert transaction_rates([["no_acquire"]]).match_rate_completed is None


def test_the_policy_is_a_text_or_a_number() -> None:
    five = [["no_match"] * 4 + ["match"]]
    assert transaction_rates(five, "up to 5 attempts, accept on first match") == transaction_rates(five, 5)
    with pytest.raises(MethodError, match=r"transaction 1.*at most 3"):
        transaction_rates(five)
    for wrong in ("best of 3", "up to 0 attempts, accept on first match"):
        with pytest.raises(MethodError, match="MET-BIO-009"):
            transaction_rates(five, wrong)


@pytest.mark.parametrize(
    ("transactions", "code"),
    [
        ([], "MET-BIO-003"),
        ([[]], "MET-BIO-009"),
        ([["match", "match"]], "MET-BIO-009"),
        ([["match", "no_match"]], "MET-BIO-009"),
        ([["timeout"]], "MET-BIO-009"),
        (["match"], "MET-BIO-009"),
    ],
)
def test_records_that_cannot_have_happened_are_refused(transactions: Any, code: str) -> None:
    with pytest.raises(MethodError) as caught:
        transaction_rates(transactions)
    assert caught.value.code == code


@given(*[st.integers(0, 1000).map(lambda n: n / 1000)] * 4)
def test_generalised_rates_say_what_becomes_of_everybody(fmr: float, fnmr: float, fta: float, fte: float) -> None:
    found = system_rates_single_attempt(fmr, fnmr, fta, fte)
    assert 1 - found.gfrr == pytest.approx((1 - fte) * (1 - fta) * (1 - fnmr))
    assert found.gfar == pytest.approx((1 - fte) * (1 - fta) * fmr)
    again = generalised_rates(found.far, found.frr, fte)
    assert (again.gfar, again.gfrr) == pytest.approx((found.gfar, found.gfrr))


@given(st.floats(0, 1), st.integers(1, 50))
def test_independent_attempts_stay_below_the_sum(rate: float, attempts: int) -> None:
    found = independent_attempts_rate(rate, attempts)
    assert found.rate == pytest.approx(1 - (1 - rate) ** attempts, abs=1e-12)
    assert found.rate <= found.linear_bound + 1e-12 <= 1 + 1e-12


def test_tiny_rates_keep_their_digits() -> None:
    assert independent_attempts_rate("1e-17", 5).rate == pytest.approx(5e-17, rel=1e-9)
