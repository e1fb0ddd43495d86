from __future__ import annotations

import pytest

from pytest_conformance.analysis.traffic.slots import excesses
from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.traffic import merged
from pytest_conformance.procedures.volume import VolumeExperiment

EVENTS = (2, 0, 4, 1)
NOTHING = merged("volume", [])
WORDS = ("a face is shown", "nobody is shown")


def experiment(adds: float, *, base: float = 60.0, happened: int = 4, quiet: int = 16) -> VolumeExperiment:
    """Four blocks of five slots in which an event adds so many bytes to what goes to one host."""
    slots = [
        base * (1 + (block * 5 + n) % 3) + adds * (n == event) for block, event in enumerate(EVENTS) for n in range(5)
    ]
    volumes = {"total": tuple(slots), "api.example": tuple(slots), "mqtt.example": (0.0,) * 20}
    return VolumeExperiment(1, 4, EVENTS, volumes, excesses(volumes, EVENTS), happened, quiet, *WORDS, NOTHING, ())


def test_an_upload_at_each_event_is_found_and_its_host_named() -> None:
    (first, *_) = found = experiment(5000.0).beyond(1024)
    assert [each.host for each in found] == ["api.example", "total"]
    assert first.p_adjusted <= 0.01
    assert 4800 <= first.lower <= 5000 <= first.upper <= 5200


def test_what_an_event_adds_within_its_allowance_is_no_finding_and_bounded() -> None:
    small = experiment(200.0)
    assert small.beyond(1024) == ()
    small.require_bounded(1024)


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (experiment(200.0, happened=3), "MET-VOL-001"),
        (experiment(200.0, quiet=15), "MET-VOL-001"),
        (experiment(5000.0), "MET-VOL-003"),
    ],
)
def test_silence_proves_nothing_where_events_failed_or_are_not_bounded(made: VolumeExperiment, code: str) -> None:
    with pytest.raises(MethodError) as refused:
        made.require_bounded(1024)
    assert refused.value.code == code


def test_a_device_that_pads_to_a_constant_rate_proves_nothing() -> None:
    slots = (1500.0,) * 20
    volumes = {"total": slots}
    made = VolumeExperiment(1, 4, EVENTS, volumes, excesses(volumes, EVENTS), 4, 16, *WORDS, NOTHING, ())
    with pytest.raises(MethodError) as refused:
        made.require_bounded(1024)
    assert refused.value.code == "MET-VOL-002"


def test_a_refusal_says_what_the_event_was() -> None:
    with pytest.raises(MethodError) as refused:
        experiment(200.0, happened=3, quiet=14).require_bounded(1024)
    assert refused.value.what == (
        "the event (a face is shown) happened at 3 of 4, and at 2 of 16 shams (nobody is shown) it happened too"
    )
