"""The check of display and camera before a run: a pattern is shown, and must be read back whole (cases B20, B21)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_conformance.errors import InstrumentError

if TYPE_CHECKING:
    from pytest_conformance.analysis.screen_pattern import Reading
    from pytest_conformance.bench.assembly import Bench
    from pytest_conformance.drivers.roles import Image

WHERE_ON_SCREEN = ("left upper corner", "right upper corner", "middle", "left lower corner", "right lower corner")


@dataclass(frozen=True)
class DisplayFound:
    """What the check found: which markers were shown, and whether the camera's surroundings could be judged."""

    numbers: tuple[int, ...]
    surroundings: bool


def check_display(bench: Bench) -> DisplayFound | None:
    """Show the pattern and look at it with the watch camera; None where the bench file has no `display_check:`.

    Where the display stands on a turntable, it is brought before the camera first, and taken away in the end. Raises
    InstrumentError BEN-DSP-010 when the pattern is not seen whole, BEN-DSP-012 when the camera adapts by itself.
    """
    import numpy as np

    from pytest_conformance.analysis import screen_pattern

    wanted = bench.file.display_check
    if wanted is None:
        return None
    display, watch = bench.role("display"), bench.role("watch")
    numbers = tuple(secrets.SystemRandom().sample(range(screen_pattern.MARKERS), len(screen_pattern.PLACES)))
    if wanted.holder:
        bench.role("mover").goto(wanted.holder)
    try:
        white = screen_pattern.draw(numbers)
        red = np.full_like(white, (255, 0, 0))
        seen = [_seen(bench, display, watch, each, wanted.width, wanted.settles) for each in (white, None, red)]
    finally:
        display.blank()
        if wanted.holder:
            bench.role("mover").goto(0)
    reading = screen_pattern.read(seen[0], numbers)
    if reading.corners is None:
        raise _not_whole(bench, reading)
    around = [screen_pattern.surroundings(each, reading.corners) for each in seen]
    if any(each is None for each in around):
        return DisplayFound(numbers, False)
    adapting = screen_pattern.adapts(*around)  # type: ignore[arg-type]
    if adapting:
        raise InstrumentError(
            "BEN-DSP-012",
            f"the watch camera adjusts its {' and '.join(adapting)} by itself",
            where=f"watch of {bench.name}",
            expected="surroundings that look alike whatever the display shows",
            todo="set exposure and white balance of the camera to fixed values",
        )
    return DisplayFound(numbers, True)


def _seen(bench: Bench, display: Any, watch: Any, picture: Image | None, width: float, settles: float) -> Image:
    if picture is None:
        display.blank()
    else:
        display.show(picture, width)
    with bench.clock.realtime():
        bench.clock.sleep(settles)
    image: Image = watch.frame().image
    return image


def _not_whole(bench: Bench, reading: Reading) -> InstrumentError:
    places = ", ".join(WHERE_ON_SCREEN[each] for each in reading.missing)
    return InstrumentError(
        "BEN-DSP-010",
        f"the test pattern on the display is not seen whole: {places}",
        where=f"display and watch of {bench.name}",
        expected="five markers, each at its place",
        todo="wake the display, close what lies over the picture, set its own resolution, clear the camera's view",
    )
