"""The truth of a simulated recogniser: error rates by species, clustered by person and artefact, and decision times.

For campaigns: what a campaign estimates is set here, so that its estimates can be held against it.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from pytest_conformance.simulation.scene.holders import Content, Kind

FIRST_HOLDER = 25
"""Place of the first artefact that a truth mounts; those below stay as they are."""


@dataclass(frozen=True)
class Truth:
    """True probabilities, 0 to 1. `accepts`: by species, of an attack to be accepted; a species not named has 0.

    `impostors`: of somebody who is not enrolled to be accepted; `rejects`: of who is enrolled to be rejected;
    `silent`: of no decision, whatever is shown. `correlation` within the presentations of one person, and as much
    again within those of one artefact, 0 to below 1. Decision times are lognormal: `median` seconds, `spread` the
    standard deviation of their logarithm. For each species `people` times `artefacts` artefacts are mounted, of S1,
    S2, ...; none when `people` is 0.
    """

    accepts: Mapping[str, float] = field(default_factory=dict)
    impostors: float = 0.0
    rejects: float = 0.0
    silent: float = 0.0
    correlation: float = 0.0
    median: float = 0.5
    spread: float = 0.2
    people: int = 0
    artefacts: int = 0

    def __post_init__(self) -> None:
        shares = {**self.accepts, "impostors": self.impostors, "rejects": self.rejects, "silent": self.silent}
        for name, value in shares.items():
            if not 0 <= value <= 1:
                raise LookupError(f"truth: {name} is {value!r}, and must be from 0 to 1")
        if not (0 <= self.correlation < 1 and self.median > 0 and self.spread >= 0):
            raise LookupError("truth: correlation is from 0 to below 1, median above 0, spread at least 0")
        if not (0 <= self.people <= 4 and 0 <= self.artefacts <= 10 and len(self.accepts) <= 16):
            raise LookupError("truth: at most 4 people, 10 artefacts of each, and 16 species")

    def mounted(self) -> dict[int, Content]:
        """Return the artefacts by holder: species by species, person by person."""
        shown = [
            Content(_kind(species), f"S{person}", species, number)
            for species in self.accepts
            for person in range(1, self.people + 1)
            for number in range(1, self.artefacts + 1)
        ]
        return dict(enumerate(shown, FIRST_HOLDER))


def read_truth(text: str) -> Truth | None:
    """Return the truth that `text` (JSON) describes; None for "". Raises LookupError for what it cannot be."""
    if not text:
        return None
    try:
        given = json.loads(text)
        known = {each.name for each in fields(Truth)}
        if not isinstance(given, dict) or set(given) - known:
            raise LookupError(f"truth: an object with some of {', '.join(sorted(known))} is due")
        return Truth(**given)
    except (ValueError, TypeError) as error:
        raise LookupError(f"truth: {error}") from error


def _kind(species: str) -> Kind:
    for kind in ("cut-mask", "mask-3d"):
        if species.startswith(kind.partition("-")[0]):
            return "cut-mask" if kind == "cut-mask" else "mask-3d"
    return "print"


class Draws:
    """Outcomes and times drawn from a truth. The same `seed` and the same presentations give the same outcomes.

    `drawn` outcomes were drawn before the device was built anew: those that follow are the ones after them.
    """

    def __init__(self, truth: Truth, seed: int, drawn: int = 0) -> None:
        self._truth = truth
        self._seed = seed
        self._random = random.Random(f"{seed}/outcomes")
        self._times = random.Random(f"{seed}/times")
        for _ in range(drawn):
            self._two(), self.seconds()
        self._rates: dict[tuple[object, ...], float] = {}

    def outcome(self, content: Content, known: bool) -> str:
        """Draw what comes of showing `content`: "accepted", "rejected" or "none"; `known`: this person is enrolled."""
        silent, decided = self._two()
        if silent < self._truth.silent:
            return "none"
        return "accepted" if decided < self.rate(content, known) else "rejected"

    def rate(self, content: Content, known: bool) -> float:
        """Return the probability that this very person or artefact is accepted."""
        if content.kind == "live":
            mean = 1 - self._truth.rejects if known else self._truth.impostors
            return self._clustered(mean, ("live", known, content.subject))
        species = species_of(content)
        of_person = self._clustered(self._truth.accepts.get(species, 0.0), (species, content.subject))
        return self._clustered(of_person, (species, content.subject, content.artefact))

    def seconds(self) -> float:
        """Draw the time of a decision."""
        return self._truth.median * math.exp(self._truth.spread * self._times.gauss(0.0, 1.0))

    def _two(self) -> tuple[float, float]:
        return self._random.random(), self._random.random()

    def _clustered(self, mean: float, key: tuple[object, ...]) -> float:
        """Return the rate of one cluster: beta with `mean` and the truth's correlation, drawn once."""
        correlation = self._truth.correlation
        if not correlation or mean in (0.0, 1.0):
            return mean
        if key not in self._rates:
            weight = (1 - correlation) / correlation
            own = random.Random(f"{self._seed}/{key}")
            self._rates[key] = own.betavariate(mean * weight, (1 - mean) * weight)
        return self._rates[key]


def species_of(content: Content) -> str:
    """Return the species under which the registers list what is mounted."""
    return content.species or {"screen": "screen-replay"}.get(content.kind, content.kind)
