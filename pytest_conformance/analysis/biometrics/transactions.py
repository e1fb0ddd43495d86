"""Attempt, transaction and generalised rates (ISO/IEC 19795-1): from recorded attempts, or from rates of parts."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_conformance.analysis.biometrics.exact import Number, rate, whole
from pytest_conformance.errors import MethodError

Attempt = Literal["match", "no_match", "no_acquire"]
_ATTEMPTS = ("match", "no_match", "no_acquire")
_POLICY = re.compile(r"up to ([0-9]{1,3}) attempts?, accept on first match")


@dataclass(frozen=True)
class TransactionRates:
    """Counts and rates of a set of transactions.

    `fta_rate` is per attempt, `match_rate_completed` among the attempts that were acquired (None when none was);
    `accept_rate` and `reject_rate` are per transaction: for genuine users the latter is the FRR.
    """

    transactions: int
    attempts: int
    accepted: int
    fta_rate: float
    match_rate_completed: float | None
    accept_rate: float
    reject_rate: float


@dataclass(frozen=True)
class SystemRates:
    """False acceptance and rejection with failures to acquire, and generalised with failures to enrol."""

    far: float
    frr: float
    gfar: float
    gfrr: float


@dataclass(frozen=True)
class GeneralisedRates:
    """Rates over everybody who asked, also those who could not be enrolled."""

    gfar: float
    gfrr: float


@dataclass(frozen=True)
class ManyAttempts:
    """Probability of at least one success in several attempts, and the sum that bounds it without independence."""

    rate: float
    linear_bound: float


def transaction_rates(
    transactions: Sequence[Sequence[Attempt]], policy: str | int = "up to 3 attempts, accept on first match"
) -> TransactionRates:
    """Return the rates of recorded transactions under the device's `policy` (its text, or the number of attempts).

    A transaction is accepted when one of its attempts matches; no attempt follows a match. One that was given up
    earlier counts as rejected. Raises MethodError MET-BIO-009 for an empty transaction, an unknown outcome, attempts
    after a match or beyond the policy; MET-BIO-003 without transactions.
    """
    most = _most_attempts(policy)
    if not transactions:
        raise MethodError("MET-BIO-003", "a rate over zero transactions is undefined", expected="at least one")
    for number, attempts in enumerate(transactions, start=1):
        _check(number, attempts, most)
    flat = [each for attempts in transactions for each in attempts]
    accepted = sum(attempts[-1] == "match" for attempts in transactions)
    failed, matched = flat.count("no_acquire"), flat.count("match")
    total, completed = len(transactions), len(flat) - failed
    return TransactionRates(
        total,
        len(flat),
        accepted,
        failed / len(flat),
        matched / completed if completed else None,
        accepted / total,
        (total - accepted) / total,
    )


def _most_attempts(policy: str | int) -> int:
    if not isinstance(policy, str):
        return whole(policy, "attempts of the policy", 1)
    match = _POLICY.fullmatch(policy.strip())
    if match is None or int(match[1]) == 0:
        raise MethodError(
            "MET-BIO-009",
            f"the policy {policy!r} is not understood",
            expected='"up to N attempts, accept on first match", or N',
        )
    return int(match[1])


def _check(number: int, attempts: Sequence[str], most: int) -> None:
    where = f"transaction {number}"
    if isinstance(attempts, str) or not attempts:
        raise MethodError("MET-BIO-009", "a transaction without attempts has no outcome", where=where)
    if strange := [each for each in attempts if each not in _ATTEMPTS]:
        raise MethodError("MET-BIO-009", f"unknown outcome {strange[0]!r}", where=where, expected=", ".join(_ATTEMPTS))
    if "match" in attempts[:-1]:
        raise MethodError("MET-BIO-009", "an attempt follows a match", where=where, expected="the match is the last")
    if len(attempts) > most:
        raise MethodError(
            "MET-BIO-009", f"{len(attempts)} attempts", where=where, expected=f"at most {most}, by the policy"
        )


def system_rates_single_attempt(fmr: Number, fnmr: Number, fta: Number, fte: Number) -> SystemRates:
    """Return FAR, FRR and the generalised rates from rates of single attempts.

    FAR = FMR (1 - FTA); FRR = FTA + FNMR (1 - FTA); only where one transaction is one attempt (ISO/IEC 19795-1;
    the formula is from memory).
    """
    false_match, false_non_match = rate(fmr, "FMR"), rate(fnmr, "FNMR")
    acquired = 1 - rate(fta, "FTA")
    far, frr = false_match * acquired, 1 - acquired + false_non_match * acquired
    wide = generalised_rates(far, frr, fte)
    return SystemRates(float(far), float(frr), wide.gfar, wide.gfrr)


def generalised_rates(far: Number, frr: Number, fte: Number) -> GeneralisedRates:
    """Return GFAR = FAR (1 - FTE) and GFRR = FTE + FRR (1 - FTE) (ISO/IEC 19795-1; from memory)."""
    enrolled = 1 - rate(fte, "FTE")
    return GeneralisedRates(float(rate(far, "FAR") * enrolled), float(1 - enrolled + rate(frr, "FRR") * enrolled))


def independent_attempts_rate(per_attempt_rate: Number, attempts: int) -> ManyAttempts:
    """Return 1 - (1 - p)^n, true only of independent attempts, and min(1, n p), true of any."""
    share, n = float(rate(per_attempt_rate, "rate per attempt")), whole(attempts, "attempts", 1)
    some = 1.0 if share == 1 else -math.expm1(n * math.log1p(-share))
    return ManyAttempts(some, min(1.0, n * share))
