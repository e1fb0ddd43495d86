"""A camera's sensors and what tells of them: the lamp as the watch camera sees it, the switches, the button."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.camera_faces import SUBJECT, reference_faces
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.traffic import Sighting, Tap, Traffic, merged

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.camera import ReferenceCamera
    from pytest_conformance.devices.roles import Asked, Rules
    from pytest_conformance.drivers.roles import Frame, Watch
    from pytest_conformance.procedures.canaries import Canaries
    from pytest_conformance.record import Run

GLANCE = 0.6
"""Seconds for which the watch camera looks at the lamp."""
TURN_ON = 5.0
"""Seconds that a lamp is given to light after a sensor began."""
CONSOLE = 0.05
"""Standard uncertainty, seconds, of the bench time of an event in the device's log."""


@dataclass(frozen=True)
class CaptureState:
    """One state of the sensors, brought about by the user: what the lamp showed and what could be had.

    `wanted` names the sensors that should sense, `senses` those that the device says do; `controlled` whether the
    user could bring the state about at all. `lamp` are the colours that the watch camera saw; `stream` and `sound`
    bytes of media that the owner got; `leaked` what went up meanwhile, `kept` names of faces newly in storage (looked
    for where the camera should see nothing).
    """

    name: str
    wanted: tuple[str, ...]
    controlled: bool
    lamp: tuple[str, ...]
    senses: tuple[str, ...]
    stream: int
    sound: int
    leaked: tuple[Sighting, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True)
class CaptureStates:
    """All states that were tried, in order; `unseen` is the traffic of those in which the camera should see nothing."""

    states: tuple[CaptureState, ...]
    lamp_on: str
    unseen: Traffic
    evidence: tuple[str, ...]

    def require_sensing(self) -> None:
        """Refuse to conclude when no state delivered pictures or sound: that none come when off then says nothing.

        Raises MethodError MET-CAM-002.
        """
        if not any(each.stream for each in self.states) or not any(each.sound for each in self.states):
            raise MethodError(
                "MET-CAM-002",
                "the camera never delivered pictures and sound to its owner",
                expected="a stream and sound while everything is switched on",
                todo="check stream and password",
            )


@procedure
def capture_states(
    camera: ReferenceCamera,
    bench: Bench,
    watch: Watch,
    run: Run,
    tap: Tap,
    canaries: Canaries,
    declaration: Declaration,
) -> CaptureStates:
    """Switch each sensor on and off, press the privacy button, and look each time at the lamp and at what comes."""
    with run.step("Setup", "Factory reset, set up with every consent, reference picture"):
        camera.factory_reset()
        camera.first_use({each.scope: True for each in declaration.consents})
        reference_faces(camera, canaries, SUBJECT)
    looker = _Looker(camera, bench, watch, run, tap, canaries)
    everything = ("camera", "microphone")
    plan = (
        ("all on", everything, everything),
        ("microphone off", ("camera",), ("camera",)),
        ("all off", (), ()),
        ("camera off", ("microphone",), ("microphone",)),
        ("all on again", everything, everything),
    )
    states = [looker.look(name, wanted, looker.switch(switched)) for name, wanted, switched in plan]
    with run.step("Stimulate", "Press the privacy button"):
        camera.press_privacy()
    states.append(looker.look("privacy button pressed", (), True))
    camera.press_privacy()
    bench.clock.sleep(60.0)
    states.append(looker.look("privacy button pressed again, a minute later", everything, True))
    unseen = merged(
        "camera off", [part for part, state in zip(looker.parts, states, strict=True) if "camera" not in state.wanted]
    )
    evidence = [reference for part in looker.parts for reference in part.evidence]
    return CaptureStates(tuple(states), lamp_of(declaration), unseen, (*evidence, *looker.pictures))


class _Looker:
    """Brings the sensors into a state and looks at everything that tells of it."""

    def __init__(
        self, camera: ReferenceCamera, bench: Bench, watch: Watch, run: Run, tap: Tap, canaries: Canaries
    ) -> None:
        self.camera, self.bench, self.watch, self.run, self.tap = camera, bench, watch, run, tap
        self.canaries = canaries
        self.parts: list[Traffic] = []
        self.pictures: list[str] = []

    def switch(self, on: Sequence[str]) -> bool:
        """Bring every sensor's switch into its state; tell whether all could be."""
        sensors = [each.name for each in self.camera.declaration.sensors]
        done = [self.camera.switch_sensor(name, name in on).ok for name in sensors]
        return all(done)

    def look(self, name: str, wanted: tuple[str, ...], controlled: bool) -> CaptureState:
        with self.run.step("Measure", f"{name}: lamp, stream, sound, storage, traffic"):
            self.bench.clock.sleep(2.0)
            known = self._stored() if "camera" not in wanted else frozenset()
            lamp = self._lamp(name)
            senses = tuple(each.name for each in self.camera.declaration.sensors if self.camera.senses(each.name))
            with self.tap.watch(f"state-{name.replace(' ', '-')}") as recording:
                recording.mark(name)
                with self.camera.shown(SUBJECT):
                    stream = self.camera.stream(self.camera.secret).media
                    sound = self.camera.page("/sound.wav", self.camera.secret).media
                    self.bench.clock.sleep(6.0)
                self.bench.clock.sleep(35.0)
            lamp += self._lamp(f"{name}, later")
            kept = tuple(self._stored() - known) if "camera" not in wanted else ()
        traffic = recording.result()
        self.parts.append(traffic)
        leaked = traffic.content(("video", "audio"))
        return CaptureState(name, wanted, controlled, lamp, senses, stream, sound, leaked, kept)

    def _stored(self) -> frozenset[str]:
        return frozenset(self.canaries.found_in(self.camera.storage()))

    def _lamp(self, name: str) -> tuple[str, ...]:
        frames = self.watch.frames(GLANCE)
        self.pictures.append(picture_of(self.run, frames[-1], f"lamp, {name}"))
        return tuple(dict.fromkeys(lamp_in(self.watch, each) for each in frames))


@dataclass(frozen=True)
class Background:
    """What runs in the background: who was told before, and what tells of it while it runs.

    `rules` and `asked` are what a person met before it began; `sensed_before` whether a sensor worked, or the lamp
    was lit, before anybody agreed. `delays` are seconds from a sensor's beginning to the lit lamp (None: it stayed
    dark), with standard uncertainty `uncertainty`; `lasting` the colours seen over `watched` seconds while it ran.
    `ran` is whether the background function really did something meanwhile.
    """

    rules: tuple[Rules, ...]
    asked: tuple[Asked, ...]
    scopes: tuple[str, ...]
    sensed_before: bool
    delays: tuple[float | None, ...]
    uncertainty: float
    lasting: tuple[str, ...]
    watched: float
    lamp_on: str
    ran: bool
    evidence: tuple[str, ...]


@procedure
def background(
    camera: ReferenceCamera, bench: Bench, watch: Watch, run: Run, declaration: Declaration, profile: Profile
) -> Background:
    """Is anything sensed before a prompt? Then time the lamp, and watch it while motion is looked for and recorded."""
    pictures: list[str] = []
    sensors = tuple(each.name for each in declaration.sensors)
    scopes = tuple(each.scope for each in declaration.cloud_consents)
    with run.step("Setup", "Factory reset, a minute on the first screen with somebody before the camera"):
        camera.factory_reset()
        began = bench.clock.now()
        camera.show(SUBJECT)
        bench.clock.sleep(60.0)
        sensed = any(each.name == "sensor" and each.data.get("on") for each in camera.log(began))
        sensed = sensed or any(camera.senses(name) for name in sensors)
        sensed = sensed or lamp_in(watch, watch.frame()) != "off"
    with run.step("Stimulate", "First use, cloud consents declined; then given by their declared way"):
        setup = camera.first_use({each.scope: each.scope not in scopes for each in declaration.consents})
        asked = [*setup.asked, *(each for scope in scopes for each in camera.grant(scope)[1])]
    delays = []
    for number in range(5):
        with run.step("Measure", f"Time from sensor to lamp, {number + 1} of 5"):
            delays.append(_delay(camera, bench, watch, lamp_of(declaration)))
    lasting, watched = [], bench.clock.now()
    with run.step("Measure", "Watch the lamp while motion is looked for and recorded"):
        since = bench.clock.now()
        for _ in range(8):
            camera.show(SUBJECT)
            bench.clock.sleep(40.0)
            frame = watch.frame()
            lasting.append(lamp_in(watch, frame))
        pictures.append(picture_of(run, frame, "lamp while the camera records"))
    ran = any(each.name == "sent" and each.data.get("kind") == "recording" for each in camera.log(since))
    uncertainty = ((watch.period / 12**0.5) ** 2 + CONSOLE**2) ** 0.5
    return Background(
        setup.rules,
        tuple(asked),
        scopes,
        sensed,
        tuple(delays),
        uncertainty,
        tuple(lasting),
        (bench.clock.now() - watched) / 1e9,
        lamp_of(declaration),
        ran,
        tuple(pictures),
    )


def _delay(camera: ReferenceCamera, bench: Bench, watch: Watch, colour: str) -> float | None:
    """Switch all sensors off and the camera on; return seconds from its sensor's beginning to the lit lamp."""
    for sensor in camera.declaration.sensors:
        camera.switch_sensor(sensor.name, False)
    bench.clock.sleep(3.0)
    with bench.clock.realtime():
        since = bench.clock.now()
        camera.switch_sensor("camera", True)
        bench.clock.wait_for(lambda: _began(camera, since), TURN_ON)
        start = _began(camera, since)
        if start is None:
            raise MethodError("MET-CAM-003", "the camera did not say that its sensor began", where="test port")
        seen = [watch.frame()]
        while lamp_in(watch, seen[-1]) != colour and bench.clock.now() - start < TURN_ON * 1e9:
            seen.append(watch.frame())
    lit = [each for each in _kept(watch, start, seen) if lamp_in(watch, each) == colour]
    return (lit[0].at - start) / 1e9 if lit else None


def _began(camera: ReferenceCamera, since: int) -> int | None:
    for each in camera.log(since):
        if each.name == "sensor" and each.data.get("name") == "camera" and each.data.get("on"):
            return each.at
    return None


def _kept(watch: Watch, since: int, frames: Sequence[Frame]) -> Sequence[Frame]:
    """Return the frames from `since` on, with earlier ones that the camera's driver still keeps."""
    earlier = getattr(watch, "since", None)
    return list(earlier(since)) if earlier is not None else list(frames)


def lamp_of(declaration: Declaration) -> str:
    """Return the colour that the declaration gives the lamp of a working sensor; MethodError MET-CAM-004 when none."""
    for each in declaration.sensors:
        if each.indicator is not None and each.indicator.lamp is not None:
            return each.indicator.lamp
    raise MethodError("MET-CAM-004", "the declaration names no lamp", todo="add `indicator` to the sensors")


def lamp_in(watch: Watch, frame: Frame) -> str:
    """Return the colour of the lamp in a picture; MethodError MET-CAM-005 when nobody said where it is."""
    from pytest_conformance.analysis.imaging import lamp_colour

    spot = getattr(watch, "lamp", None)
    if spot is None:
        raise MethodError(
            "MET-CAM-005",
            "the bench does not say where the device's lamp is in the watch camera's picture",
            where="watch",
            expected="lamp: [column, row, radius]",
            todo="add it to the role `watch` in the bench file",
        )
    return lamp_colour(frame.image, tuple(spot))


def picture_of(run: Run, frame: Frame, caption: str) -> str:
    """Keep a picture of the watch camera as evidence; return its reference."""
    import cv2

    encoded = bytes(cv2.imencode(".jpg", frame.image)[1])
    return run.evidence(encoded, name="watch.jpg", media_type="image/jpeg", caption=caption, face=True)
