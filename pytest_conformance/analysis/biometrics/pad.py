"""Presentation attack rates per species: APCER, BPCER, IAPAR, RIAPAR. Counts only; see `scores` for thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Literal, TypeVar

from pytest_conformance.analysis.biometrics.exact import Number, at_most, counts, rate, whole
from pytest_conformance.analysis.biometrics.intervals import Interval, Method, Side, binomial_interval
from pytest_conformance.errors import MethodError

NonResponses = Literal["responding", "all", "worst"]
"""How presentations without a decision count: left out, as resisted, or as successful attacks."""

ATTACK_POTENTIALS = ("basic", "enhanced-basic", "moderate", "high")

Counted = TypeVar("Counted", bound="AttackDecisions | AttackResponses")


@dataclass(frozen=True)
class AttackDecisions:
    """What the attack detection said of the presentations of one species."""

    classified_attack: int
    classified_bona_fide: int
    non_response: int


@dataclass(frozen=True)
class AttackResponses:
    """What a device seen from outside did at the presentations of one species."""

    rejected: int
    accepted: int
    non_response: int


@dataclass(frozen=True)
class SpeciesRates:
    """The rates of one species. `successes` of `n` presentations succeeded, `non_response` got no decision.

    `responding` is None when there was no response at all: then nothing is known of the detection.
    """

    n: int
    successes: int
    non_response: int

    @property
    def non_response_rate(self) -> float:
        """Share of presentations without a decision (APNRR)."""
        return self.non_response / self.n

    @property
    def responding(self) -> float | None:
        """Successes among the presentations that got a decision; None when none did."""
        return None if self.n == self.non_response else self.successes / (self.n - self.non_response)

    @property
    def all(self) -> float:
        """Successes among all presentations: a non-response counts as resisted."""
        return self.successes / self.n

    @property
    def worst(self) -> float:
        """Successes and non-responses among all presentations: a non-response counts as a success."""
        return (self.successes + self.non_response) / self.n

    def counted(self, non_responses: NonResponses) -> tuple[int, int]:
        """Return (successes, presentations) as `non_responses` says; presentations may be 0 with "responding"."""
        if non_responses == "responding":
            return self.successes, self.n - self.non_response
        if non_responses == "all":
            return self.successes, self.n
        if non_responses == "worst":
            return self.successes + self.non_response, self.n
        raise MethodError(
            "MET-BIO-005", f"unknown count {non_responses!r} of non-responses", expected="responding, all or worst"
        )

    def interval(
        self,
        confidence: Number = 0.95,
        method: Method = "clopper-pearson",
        side: Side = "upper",
        non_responses: NonResponses = "responding",
    ) -> Interval:
        """Return the binomial interval of the rate; MethodError MET-BIO-007 for a species that never got a decision."""
        successes, trials = self.counted(non_responses)
        if trials == 0:
            raise MethodError(
                "MET-BIO-007",
                f"none of {self.n} presentations got a decision: the error rate of this species is unknown",
                expected="at least one response",
                todo="find out why the device does not respond; report the non-response rate 1",
            )
        return binomial_interval(successes, trials, confidence, method, side)

    def meets(self, limit: Number, non_responses: NonResponses = "worst") -> bool:
        """Tell whether the observed rate is at most `limit`, in exact fractions."""
        successes, trials = self.counted(non_responses)
        return trials > 0 and at_most(successes, trials, limit)


@dataclass(frozen=True)
class AttackTable:
    """Rates of all species with the worst one named; the mean or the pool over species is never a headline.

    `maximum` is over `counted_as`; species in `unresponsive` have no such rate, are left out of it, and must be told.
    `by_potential` is the maximum over species at or below each attack potential, None where there is no such species.
    """

    per_species: Mapping[str, SpeciesRates]
    counted_as: NonResponses
    maximum: float | None
    worst_species: tuple[str, ...]
    unresponsive: tuple[str, ...]
    by_potential: Mapping[str, float | None] | None = None

    @property
    def equal_counts(self) -> bool:
        """Whether every species had the same number of presentations; bounds of unequal ones differ in width."""
        return len({each.n for each in self.per_species.values()}) == 1


def apcer_table(
    species: Mapping[str, AttackDecisions | Mapping[str, int]], attack_potential: Mapping[str, str] | None = None
) -> AttackTable:
    """Return APCER per species, its maximum over species that responded, and that up to each attack potential.

    ISO/IEC 30107-3: presentations classified as bona fide, by species; the device's APCER is the worst species'.
    Raises MethodError MET-BIO-003 for a species without presentations, -002 for impossible counts, -007 when
    there is no species or an attack potential is unknown or missing.
    """
    given = {name: _counted(AttackDecisions, name, each) for name, each in species.items()}
    rates = {
        name: _rates(name, each.classified_bona_fide, each.classified_attack, each.non_response)
        for name, each in given.items()
    }
    return _table(rates, "responding", attack_potential)


def iapar_table(
    species: Mapping[str, AttackResponses | Mapping[str, int]],
    attack_potential: Mapping[str, str] | None = None,
    non_responses: NonResponses = "all",
) -> AttackTable:
    """Return IAPAR per species: impostor attack presentations that the whole device accepted.

    For a device seen only from outside, where APCER cannot be known. ISO/IEC 30107-3 counts all presentations; a
    species that never got any response is listed as unresponsive and left out of the maximum, because a sleeping
    device resists everything. Raises as `apcer_table`.
    """
    given = {name: _counted(AttackResponses, name, each) for name, each in species.items()}
    rates = {name: _rates(name, each.accepted, each.rejected, each.non_response) for name, each in given.items()}
    return _table(rates, non_responses, attack_potential)


def iapar(accepted: int, presentations: int) -> float:
    """Return the share of impostor attack presentations of one species that the device accepted."""
    some, all_of_them = counts(accepted, presentations, "accepted presentations")
    return some / all_of_them


def _counted(kind: type[Counted], name: str, given: object) -> Counted:
    if isinstance(given, kind):
        return given
    keys = {each.name for each in fields(kind)}
    if not isinstance(given, Mapping) or set(given) != keys:
        raise MethodError("MET-BIO-007", f"species {name!r} has other counts: {given!r}", expected=", ".join(keys))
    return kind(**given)


def _rates(name: str, successes: int, resisted: int, non_response: int) -> SpeciesRates:
    n = whole(successes, "successes") + whole(resisted, "resisted attacks") + whole(non_response, "non-responses")
    if n == 0:
        raise MethodError(
            "MET-BIO-003", f"species {name!r} was never presented", expected="presentations, or no row for it"
        )
    return SpeciesRates(n, successes, non_response)


def _table(
    rates: Mapping[str, SpeciesRates], counted_as: NonResponses, potential: Mapping[str, str] | None
) -> AttackTable:
    if not rates:
        raise MethodError("MET-BIO-007", "there is no species to take a maximum over", expected="at least one species")
    silent = () if counted_as == "worst" else tuple(n for n, each in rates.items() if each.responding is None)
    exact = {name: Fraction(*each.counted(counted_as)) for name, each in rates.items() if each.n and name not in silent}
    highest = max(exact.values(), default=None)
    worst = tuple(name for name, each in exact.items() if each == highest)
    by_potential = None if potential is None else _by_potential(rates, exact, potential)
    return AttackTable(
        dict(rates), counted_as, None if highest is None else float(highest), worst, silent, by_potential
    )


def _by_potential(
    rates: Mapping[str, SpeciesRates], exact: Mapping[str, Fraction], potential: Mapping[str, str]
) -> dict[str, float | None]:
    for name in rates:
        if potential.get(name) not in ATTACK_POTENTIALS:
            raise MethodError(
                "MET-BIO-007",
                f"species {name!r} has the attack potential {potential.get(name)!r}",
                expected=f"one of {', '.join(ATTACK_POTENTIALS)}",
            )
    if stray := set(potential) - set(rates):
        raise MethodError("MET-BIO-007", f"attack potential given for species that are not there: {sorted(stray)}")
    found: dict[str, float | None] = {}
    for level, name in enumerate(ATTACK_POTENTIALS):
        below = [each for species, each in exact.items() if ATTACK_POTENTIALS.index(potential[species]) <= level]
        found[name] = float(max(below)) if below else None
    return found


@dataclass(frozen=True)
class BonaFideRates:
    """BPCER with non-responses left out, not counted as errors, and counted as errors; and their share (BPNRR)."""

    bpcer_responding: float | None
    bpcer_all: float
    bpcer_worst: float
    bpnrr: float


def bpcer(classified_bona_fide: int, classified_attack: int, non_response: int = 0) -> BonaFideRates:
    """Return the share of bona fide presentations classified as attacks (ISO/IEC 30107-3), counted three ways.

    `bpcer_responding` is None when nothing got a decision. Raises MethodError MET-BIO-002, -003.
    """
    rates = _rates("bona fide", classified_attack, classified_bona_fide, non_response)
    return BonaFideRates(rates.responding, rates.all, rates.worst, rates.non_response_rate)


def riapar(iapar: Number, frr: Number) -> float:
    """Return RIAPAR = 1 + (IAPAR - (1 - FRR)) = IAPAR + FRR, 0 to 2 (ISO/IEC 30107-3:2023; from memory and code).

    It keeps a device that rejects everybody from looking secure. Raises MethodError MET-BIO-001.
    """
    return float(rate(iapar, "IAPAR") + rate(frr, "FRR"))
