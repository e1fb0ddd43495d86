"""The other ways beside a face: the share that works, with the way to its bound."""

from __future__ import annotations

import pytest

from pytest_conformance.devices.roles import Done
from pytest_conformance.procedures.lock_entry import Alternatives


def tried(*by_pin: Done) -> Alternatives:
    return Alternatives({}, (), True, by_pin, 0)


def unlocks(good: int, bad: int) -> Alternatives:
    return tried(*[Done(True, "", 7, 0.2)] * good, *[Done(False)] * bad)


@pytest.mark.parametrize(
    ("good", "bad", "reach"),
    [
        (10, 0, 1 - 0.05**0.1),  # at least 74.1 % at 95 %
        (59, 0, 1 - 0.05 ** (1 / 59)),  # at least 95.05 %
        (0, 3, 1 - 0.05 ** (1 / 3)),  # at most 63.2 %
        (0, 0, 1.0),
    ],
)
def test_the_share_that_succeeds_reaches_as_far_as_its_bound(good: int, bad: int, reach: float) -> None:
    assert unlocks(good, bad).reach(0.95) == pytest.approx(reach, abs=1e-9)


def test_a_share_below_the_limit_reaches_upwards() -> None:
    # 9 of 10: at most 99.49 % at 95 %; at least 60.58 %
    assert unlocks(9, 1).reach(0.95) == pytest.approx(0.9949 - 0.9, abs=1e-4)
    assert unlocks(9, 1).reach(0.5) == pytest.approx(0.9 - 0.6058, abs=1e-4)
