"""A camera and a watch that know faces, by their pictures or by a stated truth; consent first, nothing kept after."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.simulation.build import build_world, known_bad_table
from pytest_conformance.simulation.companion import Session
from pytest_conformance.simulation.devices.base import Device, VerbError
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.phone import PhoneApp
from pytest_conformance.simulation.truth import FIRST_HOLDER, Truth
from pytest_conformance.simulation.world import Options, World

S1, S2, PRINT, CUT_MASK, MASK = 1, 2, 5, 7, 8


class Bench:
    """A device that knows faces with its world, driven without wires."""

    def __init__(self, world: World) -> None:
        self.world = world
        assert isinstance(world.app, PhoneApp)
        self.app = world.app
        self.device: Device = self.app._device
        self.logged: list[tuple[str, dict[str, Any]]] = []
        self.device.emit = self._heard
        world.rail.set(5.0)
        world.timeline.advance(3.0)

    def _heard(self, line: bytes) -> None:
        if line.startswith(b"#"):
            _, event, data = line.decode().split(" ", 2)
            self.logged.append((event, json.loads(data)))

    def set_up(self, *, face: bool = True) -> None:
        session = Session("owner")
        self.app.submit("/rules", session, {"press": "agree"})
        labels = self.world.labels
        pairing = labels[0].rpartition(" ")[2] if labels else ""
        secret = "meadow-Lantern-42" if labels else "123456"
        path = self.app.submit("/set-up", session, {"name": "Ann", "secret": secret, "pairing": pairing})
        while path.startswith("/consent/"):
            yes = face and path.endswith("/face")
            form = {"press": "continue", "consent": "on"} if yes else {"press": "decline"}
            path = self.app.submit(path, session, form)

    def call(self, verb: str, **arguments: Any) -> Any:
        return self.device.call(verb, arguments)

    def enrol(self, holder: int, name: str) -> bool:
        self.world.holder.set(holder)
        enrolled: bool = self.call("enrol-face", name=name)["enrolled"]
        self.world.holder.set(0)
        return enrolled

    def attempt(self, holder: int) -> tuple[str, str]:
        """Stand the holder before the device and wake it; return its decision and whom or why."""
        self.world.timeline.advance(1.0)
        self.logged.clear()
        self.world.holder.set(holder)
        self.call("wake")
        for _ in range(20):
            self.world.timeline.advance(0.5)
            said = [each for each in self.logged if each[0] in ("match", "reject", "timeout")]
            if said:
                break
        self.world.holder.set(0)
        return said[-1][0], str(said[-1][1].get("user") or said[-1][1].get("reason", ""))


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    worlds: list[World] = []

    def build(dut: str, *known_bad: str, truth: Truth | None = None, drawn: int = 0) -> Bench:
        folder = tmp_path / str(len(worlds))
        folder.mkdir()
        worlds.append(build_world(Options(dut, known_bad, door="relay", folder=folder, truth=truth, drawn=drawn)))
        worlds[-1].start()
        return Bench(worlds[-1])

    yield build
    for world in worlds:
        world.stop()


@pytest.fixture(params=["mock-face-camera", "mock-face-watch"])
def knowing(request: pytest.FixtureRequest, make: Callable[..., Bench]) -> Bench:
    """The good device, set up with the consent to faces, S1 enrolled."""
    made: Bench = make(request.param)
    made.set_up()
    assert made.enrol(S1, "S1")
    return made


def test_it_knows_whom_it_was_shown_and_nobody_else(knowing: Bench) -> None:
    assert knowing.call("faces") == {"names": ["S1"]}
    assert [knowing.attempt(S1), knowing.attempt(S2)] == [("match", "S1"), ("reject", "unknown")]
    assert knowing.enrol(S2, "S2")
    assert [knowing.attempt(S1), knowing.attempt(S2)] == [("match", "S1"), ("match", "S2")]
    assert knowing.attempt(0) == ("timeout", "")


@pytest.mark.parametrize("holder", [PRINT, CUT_MASK, MASK], ids=["print", "cut-mask", "mask-3d"])
def test_an_artefact_is_neither_enrolled_nor_known(knowing: Bench, holder: int) -> None:
    assert knowing.attempt(holder) == ("reject", "not alive")
    assert not knowing.enrol(holder, "P")
    assert knowing.call("faces") == {"names": ["S1"]}


def test_faces_are_known_after_a_power_cut_and_forgotten_when_the_consent_is_withdrawn(knowing: Bench) -> None:
    knowing.world.rail.set(0.0)
    knowing.world.timeline.advance(2.0)
    knowing.world.rail.set(5.0)
    knowing.world.timeline.advance(3.0)
    assert knowing.attempt(S1) == ("match", "S1")

    from pytest_conformance.simulation.devices.owner import Consents

    knowing.device.get(Consents).withdraw("face")
    assert knowing.call("faces") == {"names": []}
    assert knowing.device.get(Storage).names("face/") == []
    assert knowing.attempt(S1) == ("timeout", "off")


@pytest.mark.parametrize("dut", ["mock-face-camera", "mock-face-watch"])
def test_without_the_consent_it_neither_looks_nor_enrols(make: Callable[..., Bench], dut: str) -> None:
    bench = make(dut)
    bench.set_up(face=False)
    with pytest.raises(VerbError, match="nobody agreed"):
        bench.enrol(S1, "S1")
    assert bench.attempt(S1) == ("timeout", "off")


@pytest.mark.parametrize(
    ("dut", "bad", "holder", "said"),
    [
        ("mock-face-camera", "knows-prints", PRINT, ("match", "S1")),
        ("mock-face-camera", "knows-everybody", S2, ("match", "S1")),
        ("mock-face-watch", "unlocks-for-masks", MASK, ("match", "S1")),
        ("mock-face-watch", "unlocks-for-everybody", S2, ("match", "S1")),
    ],
)
def test_each_known_bad_device_does_what_it_says(
    make: Callable[..., Bench], dut: str, bad: str, holder: int, said: tuple[str, str]
) -> None:
    bench = make(dut, bad)
    bench.set_up()
    assert bench.enrol(S1, "S1")
    assert bench.attempt(holder) == said
    assert {row["name"]: (row["kind"], row["own"]) for row in known_bad_table(dut)}[bad] == (
        "camera" if "camera" in dut else "wearable",
        "face-camera" if "camera" in dut else "face-wearable",
    )


@pytest.mark.parametrize("dut", ["mock-face-camera", "mock-face-watch"])
def test_a_stated_truth_decides_and_goes_on_where_it_was(make: Callable[..., Bench], dut: str) -> None:
    truth = Truth({"print-matt": 0.5, "mask-latex": 1.0, "cut-card": 0.0}, rejects=0.0, people=1, artefacts=1)
    matt, latex, cut = (FIRST_HOLDER + place for place in range(3))

    def outcomes(bench: Bench, count: int) -> list[str]:
        bench.set_up()
        assert bench.enrol(S1, "S1")
        return [bench.attempt(matt)[0] for _ in range(count)]

    whole = make(dut, truth=truth)
    stream = outcomes(whole, 12)
    assert set(stream) == {"match", "reject"}
    assert whole.attempt(latex) == ("match", "S1")
    assert whole.attempt(cut) == ("reject", "unknown")
    assert whole.attempt(S1) == ("match", "S1")
    assert whole.attempt(S2) == ("reject", "unknown")
    assert outcomes(make(dut, truth=truth, drawn=5), 7) == stream[5:]


def test_a_truth_without_an_answer_is_a_time_that_runs_out(make: Callable[..., Bench]) -> None:
    bench = make("mock-face-camera", truth=Truth({"print-matt": 1.0}, silent=1.0, people=1, artefacts=1))
    bench.set_up()
    assert bench.enrol(S1, "S1")
    assert bench.attempt(FIRST_HOLDER) == ("timeout", "")
