"""The act of each kind of device whose traffic says the most: a face recognised, a face in view, a voice heard.

An experiment brings it about in some slots, and in the others a sham: the device is woken and handled in the same way
without the sensitive act.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.errors import MethodError

if TYPE_CHECKING:
    from pytest_conformance.clock import Clock
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.devices.camera import ReferenceCamera
    from pytest_conformance.devices.lock import ReferenceLock
    from pytest_conformance.devices.roles import Device
    from pytest_conformance.devices.wearable import ReferenceWearable

SUBJECT = "S1"
ANSWER = 3.0
"""Seconds of bench time in which a device says what it saw or heard."""
EARLIER = 1_000_000_000
"""Nanoseconds by which a screen may be dated before the act that led to it: a device counts in its own milliseconds."""


@dataclass(frozen=True)
class SensitiveEvent:
    """What is done: `happen` and `sham` say whether the event happened, `prepare` makes it possible.

    `prepare` comes after set-up with every cloud consent declined. `told` and `sham_told` are words for the record.
    """

    told: str
    sham_told: str
    prepare: Callable[[], None]
    happen: Callable[[], bool]
    sham: Callable[[], bool]


def event_of(device: Device, declaration: Declaration, clock: Clock) -> SensitiveEvent:
    """Return the sensitive event of `device`; MethodError MET-VOL-004 where none is known for its kind."""
    makers: Mapping[str, Callable[[], SensitiveEvent]] = {
        "lock": lambda: _recognised(device),  # type: ignore[arg-type]
        "camera": lambda: _in_view(device, clock),  # type: ignore[arg-type]
        "wearable": lambda: _heard(device, declaration, clock),  # type: ignore[arg-type]
    }
    if device.kind not in makers:
        raise MethodError(
            "MET-VOL-004",
            f"no sensitive event is known for a {device.kind}",
            expected=" or ".join(makers),
            todo="tell the bench what to do with the device (`procedures.sensitive_events`)",
        )
    return makers[device.kind]()


def _recognised(lock: ReferenceLock) -> SensitiveEvent:
    def prepare() -> None:
        lock.enrol(lock.owner, SUBJECT, {"face": True})

    return SensitiveEvent(
        "an enrolled face is shown, and the lock opens",
        "the lock is touched with nobody before it",
        prepare,
        lambda: lock.attempt(SUBJECT).opened,
        lambda: lock.touch() == "match",
    )


def _in_view(camera: ReferenceCamera, clock: Clock) -> SensitiveEvent:
    def saw_somebody(since: int) -> bool:
        return any(each.name == "motion" and each.data.get("person") for each in camera.log(since))

    def happen() -> bool:
        since = clock.now()
        camera.show(SUBJECT)
        return saw_somebody(since)

    def sham() -> bool:
        since = clock.now()
        camera.show_nobody()
        return saw_somebody(since)

    return SensitiveEvent(
        "a face comes into view, and the camera notices it",
        "the stand moves with nobody on it",
        lambda: None,
        happen,
        sham,
    )


def _heard(watch: ReferenceWearable, declaration: Declaration, clock: Clock) -> SensitiveEvent:
    phrase = next(iter(watch.voices.values()))

    def answered(since: int) -> bool:
        """Tell whether the watch answered the talk key: by a message, or by saying that it may not listen."""
        clock.sleep(ANSWER)
        ids = ("message", "microphone-off")
        return any(each.at >= since - EARLIER and each.id in ids for each in watch.shown_screens())

    def happen() -> bool:
        since = clock.now()
        watch.talk(phrase)
        return answered(since)

    def sham() -> bool:
        since = clock.now()
        watch.open("time")
        return answered(since)

    return SensitiveEvent(
        "the talk key is held while a phrase is played", "the child looks at the time", lambda: None, happen, sham
    )
