"""Switching off by off-command alone: sent first, read back, over the second path when the first fails."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_conformance.drivers.off_command import Feed, OffCommand, carry_out
from pytest_conformance.errors import InstrumentError


def test_the_command_goes_out_before_anything_is_asked(talk: Any) -> None:
    with talk([("OUTP OFF", None), ("OUTP?", "0"), ("MEAS:VOLT?", "4.9"), ("MEAS:VOLT?", "0.02")]) as far:
        carry_out(OffCommand((far.visa,), measure="MEAS:VOLT?", below=0.5), "supply")


def test_the_second_path_is_taken(talk: Any) -> None:
    with talk([("OUTP OFF", None), ("OUTP?", "OFF")]) as far:
        carry_out(OffCommand(("TCPIP::127.0.0.1::1::SOCKET", far.visa), timeout=0.3), "supply")


@pytest.mark.parametrize(
    "said",
    [
        [("OUTP OFF", None), ("OUTP?", "1")],
        [("OUTP OFF", None), ("OUTP?", None)],
        [("OUTP OFF", None), ("OUTP?", "0"), ("MEAS:VOLT?", "nonsense")],
    ],
)
def test_what_is_not_read_back_is_not_off(talk: Any, said: Any) -> None:
    with talk(said) as far, pytest.raises(InstrumentError) as caught:
        carry_out(OffCommand((far.visa,), measure="MEAS:VOLT?", below=0.5, settling=0.2, timeout=0.3), "supply")
    assert caught.value.code == "BEN-INS-110"


def test_orders_survive_the_way_to_the_supervisor() -> None:
    command = OffCommand(("a", "b"), measure="MEAS:VOLT?", below=0.5)
    assert OffCommand.from_json({**command.to_json(), "addresses": ["a", "b"], "send": ["OUTP OFF"]}) == command
    feed = Feed("a", "BEAT", 1.0, "END")
    assert Feed.from_json(feed.to_json()) == feed
