"""What is shown, in which order, and that the place is empty afterwards whatever happens."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.display import NetworkDisplay
from pytest_conformance.drivers.roles import Frame
from pytest_conformance.drivers.watch import OpencvWatch
from pytest_conformance.errors import InstrumentError, MethodError, UsageError
from pytest_conformance.resources import shipped
from pytest_conformance.simulation.devices.faces import MATCH, find_face, similarity, template
from pytest_conformance.simulation.scene import CameraModel, add_scene
from pytest_conformance.simulation.scene.holders import HOLDERS
from pytest_conformance.simulation.world import Options, World
from pytest_conformance.stimulus.carriers import Turntable
from pytest_conformance.stimulus.presenter import Presenter, Showable, entries_of
from pytest_conformance.stimulus.register import load_artefacts, load_subjects

PICTURES = shipped("fixtures") / "subjects" / "pictures"
ENTRIES = {
    "S1": Showable("S1", 1),
    "A-replay-1": Showable("A-replay-1", 6, "screen-replay", "S1", PICTURES / "S1.jpg", 256.0),
    "A-bare": Showable("A-bare", 6, "screen-replay", "S1"),
    "gone": Showable("gone", 2, refusal="the consent to be shown does not hold"),
}


class Bench:
    """A mover, a display and a meter that write down what they are asked."""

    def __init__(self) -> None:
        self.did: list[Any] = []
        self.place = 0
        self.stuck = False

    def goto(self, holder: int) -> None:
        self.did.append(("goto", holder))
        if self.stuck and holder:
            raise InstrumentError("BEN-INS-130", "stalled")
        self.place = holder

    def position(self) -> int:
        return self.place

    def show(self, image: np.ndarray, width_mm: float) -> int:
        self.did.append(("show", image.shape, width_mm))
        return 1

    def blank(self) -> None:
        self.did.append(("blank",))

    def lux(self) -> float:
        return 301.5


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def presenter(bench: Bench) -> Presenter:
    return Presenter(Turntable(bench), bench, RealClock(), ENTRIES, lux=bench)


def test_a_subject_is_shown_for_its_time_and_the_place_left_empty(bench: Bench, presenter: Presenter) -> None:
    done = presenter.present("S1", seconds=0.1)
    assert bench.did == [("goto", 1), ("goto", 0), ("blank",)]
    assert (done.what, done.holder, done.lux, done.reached) == ("S1", 1, 301.5, True)
    assert done.begun <= done.shown
    assert 0.1 <= (done.ended - done.shown) / 1e9 < 0.5
    assert presenter.history == [done]


def test_a_replay_is_on_the_display_before_the_table_brings_it(bench: Bench, presenter: Presenter) -> None:
    done = presenter.present("A-replay-1", seconds=0.01)
    assert bench.did == [("show", (320, 256, 3), 256.0), ("goto", 6), ("goto", 0), ("blank",)]
    assert done.species == "screen-replay"


def test_it_ends_when_the_condition_comes_true_or_time_is_up(presenter: Presenter) -> None:
    answers = iter([False, False, True])
    assert presenter.present("S1", until=lambda: next(answers), timeout=5).reached
    late = presenter.present("S1", until=lambda: False, timeout=0.1)
    assert not late.reached
    assert [each.reached for each in presenter.history] == [True, False]


def test_the_place_is_cleared_when_the_block_fails(bench: Bench, presenter: Presenter) -> None:
    with pytest.raises(RuntimeError, match="in the middle"), presenter.showing("S1"):
        raise RuntimeError("in the middle")
    assert bench.did[-2:] == [("goto", 0), ("blank",)]
    assert len(presenter.history) == 1


def test_a_stalled_table_is_the_bench_s_and_the_display_goes_dark(bench: Bench, presenter: Presenter) -> None:
    bench.stuck = True
    with pytest.raises(InstrumentError):
        presenter.present("A-replay-1", seconds=0.1)
    assert bench.did[-1] == ("blank",)


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("S9", UsageError, "USE-STI-001"),
        ("A-bare", MethodError, "MET-STI-001"),
        ("gone", MethodError, "MET-STI-002"),
    ],
)
def test_what_cannot_be_shown_is_named(presenter: Presenter, name: str, kind: type[Exception], code: str) -> None:
    with pytest.raises(kind) as refused:
        presenter.present(name, seconds=0.1)
    assert refused.value.code == code


def test_a_replay_without_a_display_is_a_method_error(bench: Bench) -> None:
    presenter = Presenter(Turntable(bench), None, RealClock(), ENTRIES)
    with pytest.raises(MethodError) as refused:
        presenter.present("A-replay-1", seconds=0.1)
    assert refused.value.code == "MET-STI-001"


def test_seconds_or_until_but_not_both(presenter: Presenter) -> None:
    with pytest.raises(ValueError, match="either"):
        presenter.present("S1")
    with pytest.raises(ValueError, match="either"):
        presenter.present("S1", seconds=1, until=lambda: True)


def test_the_watch_camera_says_when_a_face_was_first_seen(bench: Bench) -> None:
    from pytest_conformance.stimulus.pictures import picture_from

    face = picture_from(PICTURES / "S1.jpg")[..., ::-1]
    empty = np.full_like(face, 140)
    times = iter(range(100, 10_000, 100))

    def frame() -> Frame:
        return Frame(face if bench.place else empty, next(times))

    seen_before = [Frame(empty, 150), Frame(face, 160), Frame(face, 170)]
    watch = SimpleNamespace(frame=frame, since=lambda at: seen_before)
    presenter = Presenter(Turntable(bench), bench, RealClock(), ENTRIES, watch=watch)
    assert presenter.present("S1", seconds=0.01).seen == 160


def test_a_late_picture_of_what_was_shown_before_is_not_what_is_shown_now(bench: Bench) -> None:
    from pytest_conformance.stimulus.pictures import picture_from

    face = picture_from(PICTURES / "S1.jpg")[..., ::-1]
    empty = np.full_like(face, 140)
    clock = RealClock()
    taken: list[Frame] = []

    def frame() -> Frame:
        """The first picture was taken a second ago, and came late."""
        if bench.place:
            taken.append(Frame(face, clock.now() - (0 if taken else 1_000_000_000)))
            return taken[-1]
        return Frame(empty, clock.now())

    watch = SimpleNamespace(frame=frame, since=lambda at: [each for each in taken if each.at >= at])
    presenter = Presenter(Turntable(bench), bench, clock, ENTRIES, watch=watch)
    assert presenter.present("S1", seconds=0.01).seen == taken[1].at


def test_the_registers_say_who_may_be_shown_where() -> None:
    folder = shipped("fixtures")
    subjects, artefacts = (
        load_subjects(folder / "subjects" / "mock.yaml"),
        load_artefacts(folder / "artefacts" / "mock.yaml"),
    )
    entries = entries_of(subjects, artefacts, PICTURES, datetime.date(2026, 1, 1))
    assert entries["S4"].holder == 4
    assert entries["A-replay-1"].picture == PICTURES / "S1.jpg"
    assert not any(entry.refusal for entry in entries.values())
    later = entries_of(subjects, artefacts, PICTURES, datetime.date(2100, 1, 1))
    assert later["S1"].refusal


def test_the_shipped_registers_describe_the_simulated_turntable() -> None:
    folder = shipped("fixtures")
    subjects = load_subjects(folder / "subjects" / "mock.yaml")
    artefacts = load_artefacts(folder / "artefacts" / "mock.yaml")
    for subject in subjects.subjects:
        assert subject.holder is not None
        assert (HOLDERS[subject.holder].kind, HOLDERS[subject.holder].subject) == ("live", subject.id)
    for artefact in artefacts.artefacts:
        assert artefact.holder is not None
        content = HOLDERS[artefact.holder]
        if artefact.species == "screen-replay":
            assert content.kind == "screen"
        else:
            assert (content.kind, content.subject) == (artefact.species, artefact.target)


class Table:
    """Turns the simulated world's table directly."""

    def __init__(self, world: World) -> None:
        self.world = world

    def goto(self, holder: int) -> None:
        self.world.holder.set(holder)

    def position(self) -> int:
        return self.world.holder.value


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(Options("nothing", folder=tmp_path))
    add_scene(made)
    yield made
    made.stop()


def test_a_replayed_portrait_is_recognised_as_its_target_by_a_sensor(world: World, tmp_path: Path) -> None:
    """The whole way: register, file, display's wire, scene, sensor, template; and the watch camera sees it."""
    context = DriverContext("x", RealClock(), tmp_path)
    address = {name: world.far_end(name).start()["address"] for name in ("display", "watch")}
    display = NetworkDisplay.open(NetworkDisplay.Settings(address=str(address["display"])), context)
    watch = OpencvWatch.open(OpencvWatch.Settings(address=str(address["watch"])), context)
    presenter = Presenter(Turntable(Table(world)), display, RealClock(), ENTRIES, watch=watch)
    made = []
    for name in ("S1", "A-replay-1"):
        with presenter.showing(name):
            seen = world.scene.render(CameraModel()).visible
            face = find_face(seen)
            assert face is not None
            made.append(template(seen, face))
    display.close()
    watch.close()
    assert similarity(*made) > MATCH
    assert all(each.seen is not None and each.seen > each.begun for each in presenter.history)
    assert world.scene.screen.value is None
