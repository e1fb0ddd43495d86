"""The evidence of a finding can be checked alone: its minimal capture replays to the same digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_conformance.analysis.traffic import Context, evidence, inspect

FOLDER = Path(__file__).parent / "data" / "examples"


@pytest.mark.parametrize("name", ["upload", "consent"])
def test_minimal_capture_replays_to_the_same_object(name: str) -> None:
    source = FOLDER / f"{name}.pcap"
    context = Context.from_json(FOLDER / f"{name}.context.json")
    inspection = inspect([source], context)
    for found in inspection.objects:
        flow = inspection.flows[found.flow]
        small = evidence.minimal_capture(source, evidence.frames_for_replay(source, found, flow))
        assert len(small) < source.stat().st_size
        again = evidence.replay(small, context, found.layers, found.sha256)
        assert again is not None
        assert again.data == found.data
        assert again.time_first == pytest.approx(found.time_first, abs=1e-5)


def test_replay_of_another_capture_finds_nothing() -> None:
    context = Context.from_json(FOLDER / "upload.context.json")
    found = inspect([FOLDER / "upload.pcap"], context).objects[0]
    assert evidence.replay(FOLDER / "icon.pcap", context, found.layers, found.sha256) is None


def test_display_filter_names_the_frames() -> None:
    context = Context.from_json(FOLDER / "upload.context.json")
    found = inspect([FOLDER / "upload.pcap"], context).objects[0]
    text = evidence.display_filter(found)
    assert text.startswith("frame.number")
    numbers = set()
    for part in text.replace("frame.number", "").replace("{", "").replace("}", "").split(" or "):
        if ".." in part:
            low, high = part.split()[-1].split("..")
            numbers |= set(range(int(low), int(high) + 1))
        else:
            numbers.add(int(part.split()[-1]))
    assert numbers == set(found.frames)
