"""Recorded trials of a campaign, and the counts that rates are made of: void ones are kept and left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_conformance.analysis.biometrics.pad import AttackResponses
from pytest_conformance.errors import MethodError

Response = Literal["accepted", "rejected", "none"]


@dataclass(frozen=True)
class AttackTrial:
    """One impostor attack presentation, by pseudonym of whom it imitates; `void` is the reason not to count it."""

    id: str
    species: str
    subject: str
    artefact: str
    response: Response
    void: str = ""


def counted(trials: Sequence[AttackTrial]) -> list[AttackTrial]:
    """Return the valid trials. Raises MethodError MET-BIO-023 for a trial with two outcomes or an unknown response."""
    for identity, times in Counter(each.id for each in trials).items():
        if times > 1:
            raise MethodError("MET-BIO-023", f"trial {identity!r} has {times} outcomes", expected="one per trial")
    for each in trials:
        if each.response not in ("accepted", "rejected", "none"):
            raise MethodError(
                "MET-BIO-023",
                f"trial {each.id!r} has the response {each.response!r}",
                expected="accepted, rejected or none",
            )
    return [each for each in trials if not each.void]


def responses_by_species(trials: Sequence[AttackTrial]) -> dict[str, AttackResponses]:
    """Return the counts that `iapar_table` takes.

    A species all of whose trials are void has no row to count: MethodError MET-BIO-003 names it.
    """
    valid = counted(trials)
    found = Counter((each.species, each.response) for each in valid)
    names = list(dict.fromkeys(each.species for each in trials))
    for name in names:
        if not any(each.species == name for each in valid):
            raise MethodError(
                "MET-BIO-003", f"every trial of species {name!r} is void", expected="at least one valid trial"
            )
    return {
        name: AttackResponses(found[name, "rejected"], found[name, "accepted"], found[name, "none"]) for name in names
    }
