import pytest

from pytest_conformance.drivers.box_time import RATE_CHANGE, BoxTime, Exchange, fastest


def test_the_fastest_exchange_counts():
    slow, quick = Exchange(0, 10, 9_000), Exchange(10_000, 20, 10_400)
    assert fastest([slow, quick]) is quick


def test_one_exchange_gives_a_constant_offset():
    time = BoxTime()
    assert not time
    time.keep(Exchange(1_000_000, 500, 1_002_000))
    assert time.bench(500) == 1_001_000
    assert time.bench(1500) == 2_001_000
    assert time.bench(400) == 901_000


def test_between_exchanges_a_crystal_that_runs_fast_is_corrected():
    time = BoxTime()
    time.keep(Exchange(0, 0, 0))
    time.keep(Exchange(10_000_000_000, 10_001_000, 10_000_000_000))  # 100 ppm fast over 10 s
    assert time.bench(5_000_500) == 5_000_000_000


def test_the_uncertainty_holds_delay_resolution_and_wander():
    time = BoxTime()
    time.keep(Exchange(0, 0, 200_000))
    assert time.uncertainty() == pytest.approx(((100e-6) ** 2 / 3 + 0.5e-6**2 / 3) ** 0.5)
    time.keep(Exchange(10_000_000_000, 10_000_000, 10_000_000_000))
    wander = RATE_CHANGE * 5
    assert time.uncertainty() == pytest.approx(((100e-6) ** 2 + 0.5e-6**2 + wander**2) ** 0.5 / 3**0.5, rel=1e-3)
