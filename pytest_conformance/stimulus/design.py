"""What a campaign shows and in which order: a plan and the registers put together, blocks drawn from a seed. Pure."""

from __future__ import annotations

import datetime
import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_conformance.analysis.biometrics.counting import CountPlan
from pytest_conformance.analysis.biometrics.exact import exact
from pytest_conformance.analysis.biometrics.plans import CampaignPlan, Cell
from pytest_conformance.errors import MethodError
from pytest_conformance.stimulus.planfile import PlanFile, Rule, counting
from pytest_conformance.stimulus.register import Artefact, Artefacts, Subject, Subjects

GENUINE: Cell = ("genuine",)
IMPOSTOR: Cell = ("impostor",)
TIMES: Cell = ("decision time",)
FEWEST_SPARE = 3
"""Trials that void ones may cost, however short the plan."""


@dataclass(frozen=True)
class Showing:
    """One thing that can be shown: the id that the presenter knows, and what it stands for in the statistics.

    `subject` is who is shown or imitated. `artefact`, `series` and `species` are "" for a person.
    """

    id: str
    subject: str
    artefact: str = ""
    series: str = ""
    species: str = ""

    @property
    def bona_fide(self) -> bool:
        """Whether a person is shown, and no artefact."""
        return not self.artefact


@dataclass(frozen=True)
class Design:
    """A plan that can be run: its cells with what is shown for each, and the genuine person in between.

    `genuine` are the showings of who is enrolled; `every` how many other presentations come between two of them
    (0: none). `most` is the largest number of trials with the void ones.
    """

    plan: CampaignPlan
    shows: Mapping[Cell, tuple[Showing, ...]]
    genuine: tuple[Showing, ...]
    every: int
    most: int

    def showing(self, cell: Cell, presented: int) -> Showing:
        """Return what is shown in `cell` after `presented` presentations there: its artefacts or people in turn."""
        shows = self.shows[cell]
        return shows[presented % len(shows)]

    def block(
        self, number: int, seed: int, open_cells: Collection[Cell], presented: Mapping[Cell, int]
    ) -> Iterator[tuple[Cell, Showing]]:
        """Yield block `number`: one presentation for each open cell in random order, genuine ones between them.

        The order follows from `seed` and `number` alone, given which cells are open. Genuine presentations that are
        no cell of the plan stand for themselves as the cell GENUINE.
        """
        rng = random.Random(f"{seed}/{number}")
        cells = sorted(open_cells)
        rng.shuffle(cells)
        before = sum(count for cell, count in presented.items() if cell != GENUINE)
        for place, cell in enumerate(cells):
            if self.every and (before + place) % self.every == 0:
                yield GENUINE, self.genuine[rng.randrange(len(self.genuine))]
            yield cell, self.showing(cell, presented.get(cell, 0))


def design(
    file: PlanFile,
    samples: Mapping[str, int],
    subjects: Subjects,
    artefacts: Artefacts,
    enrolled: Sequence[str],
    today: datetime.date,
) -> Design:
    """Return what `file` makes of the registers; `samples` are the profile's sizes, `enrolled` who the device knows.

    Raises MethodError: MET-REG-001 for an unknown subject, MET-STI-002 for one whose consent does not hold,
    MET-PLN-001 when species, people or artefacts are not as many as the method asks for, MET-STI-003 when an artefact
    may not be used as often as the plan can ask for.
    """
    genuine = tuple(Showing(name, name) for name in enrolled)
    for name in enrolled:
        _presentable(subjects.subject(name), today)
    if file.kind == "attack":
        shows = _attacks(file, artefacts, enrolled)
        rule = _due(file.rules.attack)
        plans = {cell: counting(rule, samples) for cell in shows}
    else:
        shows, plans = _people(file, samples, subjects, genuine, today)
    plan = CampaignPlan(plans, file.source, file.text_status, file.stop_at_failure)
    every = file.bona_fide_every or 0
    between = -(-plan.most // every) if every else 0
    spare = max(FEWEST_SPARE, -(-plan.most * exact(file.spare) // 1))
    made = Design(plan, shows, genuine, every, int(plan.most + between + spare))
    _require_uses(made, artefacts)
    return made


def _due(rule: Rule | None) -> Rule:
    if rule is None:
        raise MethodError("MET-PLN-002", "the plan has no rule for attacks", todo="complete the plan's rules")
    return rule


def _presentable(subject: Subject, today: datetime.date) -> None:
    if not subject.may_be_shown(today):
        raise MethodError(
            "MET-STI-002",
            f"{subject.id!r} may not be shown: the consent to be shown does not hold",
            where="register of subjects",
            expected="a consent that holds today",
            todo="renew the consent, or choose another subject",
        )


def _attacks(file: PlanFile, artefacts: Artefacts, enrolled: Sequence[str]) -> dict[Cell, tuple[Showing, ...]]:
    chosen = [each for each in artefacts.artefacts if each.holder is not None and each.target in enrolled]
    _require_numbers(file, chosen)
    shows: dict[Cell, tuple[Showing, ...]] = {}
    for each in chosen:
        cell = {
            "species": (each.kind_of_attack,),
            "species-person-artefact": (each.kind_of_attack, each.target, each.id),
            "whole": ("attack",),
        }[file.cells]
        shown = Showing(each.id, each.target, each.id, each.series or "", each.kind_of_attack)
        shows[cell] = (*shows.get(cell, ()), shown)
    return shows


def _require_numbers(file: PlanFile, chosen: Sequence[Artefact]) -> None:
    """Raise MET-PLN-001 unless there are as many species, people and artefacts as the plan asks for."""
    if not chosen:
        raise _numbers(file, "no artefact that imitates an enrolled person and stands in a holder", "at least one")
    species = sorted({each.kind_of_attack for each in chosen})
    due = file.numbers
    if due.species is not None and len(species) != due.species:
        raise _numbers(file, f"{len(species)} species ({', '.join(species)})", f"{due.species}")
    for name in species:
        of_people = Counter(each.target for each in chosen if each.kind_of_attack == name)
        if due.people is not None and len(of_people) != due.people:
            raise _numbers(file, f"{len(of_people)} people imitated by species {name!r}", f"{due.people}")
        for person, count in of_people.items():
            if due.artefacts is not None and count != due.artefacts:
                raise _numbers(file, f"{count} artefacts of {person!r} in species {name!r}", f"{due.artefacts}")


def _numbers(file: PlanFile, found: str, expected: str) -> MethodError:
    return MethodError(
        "MET-PLN-001",
        f"plan {file.name!r} cannot be followed: {found}",
        where="registers of subjects and artefacts",
        expected=expected,
        todo="register and mount what is missing, or choose a plan that the registers can fill",
    )


def _people(
    file: PlanFile, samples: Mapping[str, int], subjects: Subjects, genuine: tuple[Showing, ...], today: datetime.date
) -> tuple[dict[Cell, tuple[Showing, ...]], dict[Cell, CountPlan]]:
    names = {each.id for each in genuine}
    strangers = tuple(
        Showing(each.id, each.id)
        for each in subjects.presentable(today)
        if each.holder is not None and each.id not in names
    )
    rules = {GENUINE: file.rules.genuine, IMPOSTOR: file.rules.impostor, TIMES: file.rules.time}
    people = {GENUINE: genuine, IMPOSTOR: strangers, TIMES: genuine}
    plans = {cell: counting(rule, samples) for cell, rule in rules.items() if rule is not None}
    for cell in plans:
        if not people[cell]:
            raise _numbers(file, "nobody who is not enrolled and may be shown", "at least one")
    return {cell: people[cell] for cell in plans}, plans


def _require_uses(made: Design, artefacts: Artefacts) -> None:
    """Raise MET-STI-003 when the plan can ask for more uses of an artefact than are left."""
    for cell, shows in made.shows.items():
        each_at_most = -(-made.plan.cells[cell].most // len(shows))
        for shown in shows:
            if shown.artefact:
                require_use(artefacts.artefact(shown.artefact), 0, each_at_most)


def require_use(artefact: Artefact, used: int, more: int = 1) -> None:
    """Raise MethodError MET-STI-003 unless `artefact`, used `used` times in this run, may be used `more` times."""
    if artefact.use_limit is None or artefact.uses + used + more <= artefact.use_limit:
        return
    raise MethodError(
        "MET-STI-003",
        f"artefact {artefact.id!r} was used {artefact.uses + used} times and is due {more} more",
        where="register of artefacts",
        expected=f"at most {artefact.use_limit} uses",
        todo="make a new artefact, and register it under a new id",
    )
