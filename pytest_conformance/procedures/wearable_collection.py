"""A day with a wearable: how often and how precisely it takes and sends what it senses, and nothing when it is off."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.traffic import Recording, Tap, Traffic

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.wearable import ReferenceWearable
    from pytest_conformance.record import Run

SLICES = 48
"""Parts of the watched day; in each the wearable is somewhere else, walks, and sometimes a message is spoken."""
CONFIDENCE = 0.95
MOST_DECIMALS = 15
_DECIMALS = re.compile(r"\d\.(\d+)")


@dataclass(frozen=True)
class Rhythm:
    """How often data of `kind` was taken (`readings`, by the device's own log) and sent (`uploads`, by packets).

    Counted over `seconds` of scripted use with everything on; `off_readings` and `off_uploads` with its sensor off.
    `declared` is the declared rate, events a second. `senses` is False for data that no declared sensor takes.
    """

    kind: str
    declared: float
    seconds: float
    readings: int
    uploads: int
    senses: bool
    off_readings: int
    off_uploads: int

    def allowed(self) -> float:
        """Return how many events a clock of the declared rate gives in the watched time, both ends counted."""
        return self.seconds * self.declared + 1

    def at_least(self, count: int) -> float:
        """Return the one-sided lower bound of the rate behind `count` events (traffic analysis, section 8)."""
        return self._bounds(count)[0]

    def require_decided(self, count: int) -> None:
        """Refuse to conclude when the rate may still lie above the declared one.

        It does not when its upper bound is below, nor when there were no more events than a clock of the declared
        rate gives. Raises MethodError MET-COL-001.
        """
        if self._bounds(count)[1] > self.declared and count > self.allowed():
            raise MethodError(
                "MET-COL-001",
                f"{self.kind}: {count} events in {self.seconds:g} s neither keep nor break the declared rate",
                expected=f"at most {self.allowed():.0f}, or clearly more",
                todo="watch for longer (profile: windows.watch)",
            )

    def _bounds(self, count: int) -> tuple[float, float]:
        from pytest_conformance.analysis.traffic.rates import rate_bounds

        return rate_bounds(count, self.seconds, 1 - CONFIDENCE)


@dataclass(frozen=True)
class Fineness:
    """How fine what was sent of `kind` was: decimal places of written positions, their distances to the simulated
    places in degrees, samples a second of sound."""

    kind: str
    decimals: tuple[int, ...]
    distances: tuple[float, ...]
    sample_rates: tuple[int, ...]


@dataclass(frozen=True)
class Collection:
    """A day of scripted use, then the same stimuli with every sensor switched off."""

    rhythms: Mapping[str, Rhythm]
    fineness: Mapping[str, Fineness]
    places: int
    on: Traffic
    off: Traffic
    evidence: tuple[str, ...]

    def require_exercised(self, declaration: Declaration) -> None:
        """Refuse to conclude when something was never taken, or never sent although the cloud keeps it.

        Raises MethodError MET-COL-002.
        """
        for kind, rhythm in self.rhythms.items():
            kept = declaration.personal(kind).kept
            if not rhythm.readings or ("cloud" in kept and not rhythm.uploads):
                raise MethodError(
                    "MET-COL-002",
                    f"{kind}: {rhythm.readings} readings and {rhythm.uploads} uploads were seen in the whole day",
                    expected="at least one: else the function was not in use",
                    todo="see the stimuli in the record",
                )


@procedure
def collection(
    wearable: ReferenceWearable, bench: Bench, run: Run, tap: Tap, declaration: Declaration, profile: Profile
) -> Collection:
    """A day of scripted use with everything on, then off: count readings and uploads, read their precision."""
    with run.step("Setup", "Factory reset, every consent given, worn"):
        wearable.factory_reset()
        wearable.first_use({each.scope: True for each in declaration.consents})
        wearable.wear(True)
    with tap.watch("collection") as watched, run.step("Stimulate", f"{profile.windows.watch / 3600:g} h of use"):
        began = bench.clock.now()
        places = _use(wearable, watched, bench, profile.windows.watch)
        ended = bench.clock.now()
    with run.step("Setup", "Switch every sensor off"):
        for sensor in declaration.sensors:
            wearable.switch_sensor(sensor.name, False)
    with tap.watch("collection-off") as unwatched, run.step("Stimulate", "The same with every sensor off"):
        off = unwatched.mark("off")
        for sensor in declaration.sensors:
            wearable.stimulate(sensor.name)
        bench.clock.sleep(profile.windows.idle)
    on_traffic, off_traffic = watched.result(), unwatched.result()
    rhythms = {
        data.kind: Rhythm(
            data.kind,
            data.rate.per_second,
            (ended - began) / 1e9,
            readings(wearable, data.kind, began, ended),
            uploads(on_traffic, data.kind),
            wearable.sensor_of(data.kind) is not None,
            readings(wearable, data.kind, off, bench.clock.now()),
            uploads(off_traffic, data.kind),
        )
        for data in declaration.personal_data
        if data.rate is not None
    }
    fineness = {each.kind: fine(on_traffic, each.kind) for each in declaration.personal_data if each.precision}
    return Collection(rhythms, fineness, places, on_traffic, off_traffic, (*on_traffic.evidence, *off_traffic.evidence))


def _use(wearable: ReferenceWearable, watched: Recording, bench: Bench, seconds: float) -> int:
    """Go about for `seconds`; return at how many places the wearable was."""
    places = set()
    for number in range(SLICES):
        watched.mark(f"slice {number + 1}")
        places.add(wearable.go_on())
        wearable.walk_about(60)
        if number % 8 == 0:
            wearable.talk(next(iter(wearable.voices.values())))
        bench.clock.sleep(seconds / SLICES)
    return len(places)


def readings(wearable: ReferenceWearable, kind: str, began: int, ended: int) -> int:
    """Return how often the device took data of `kind` between two bench times."""
    return sum(each.at <= ended for each in wearable.readings(kind, began))


def uploads(traffic: Traffic, kind: str) -> int:
    """Return how many messages to the internet carried data of `kind`."""
    return len({(each.host, each.frames) for each in traffic.content([kind])})


def fine(traffic: Traffic, kind: str) -> Fineness:
    """Return how fine the data of `kind` was that went to the internet."""
    found = traffic.content([kind])
    decimals = [decimal_places(each.value) for each in found if each.kind == "position"]
    rates = [each.format.partition("/")[2] for each in found if each.kind in ("voice", "audio")]
    return Fineness(
        kind,
        tuple(each for each in decimals if each is not None),
        tuple(each.distance for each in found if each.kind == "position" and each.distance is not None),
        tuple(int(each) for each in rates if each.isdigit()),
    )


def decimal_places(text: str) -> int | None:
    """Return the most decimal places of a number in `text`, zeros at the end not counted; None without a number."""
    written = [match.group(1).rstrip("0") for match in _DECIMALS.finditer(text)]
    return max((len(each) for each in written), default=None)
