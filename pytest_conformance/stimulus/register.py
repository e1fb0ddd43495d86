"""Who and what can be shown to a device: subjects by pseudonym, and artefacts by species. Data only; shows nothing."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, StrictBool

from pytest_conformance.errors import MethodError
from pytest_conformance.quantities import Degrees, Millimetres
from pytest_conformance.resources import shipped
from pytest_conformance.yamlfile import Fault, load, nearest
from pytest_conformance.yamlfile.lookup import find
from pytest_conformance.yamlfile.model import Count, Date, FileModel, Name, Part, Positive, Text

Each = TypeVar("Each")

Species = Literal["print", "screen-replay", "cut-mask", "mask-3d", "mannequin", "other"]


class Scene(Part):
    """How something stands before the device in its holder, where no instrument of the bench reads that."""

    distance: Millimetres | None = None
    yaw: Degrees | None = None
    pitch: Degrees | None = None
    roll: Degrees | None = None


class Subject(Part):
    """A person or mannequin who agreed to be presented, under a pseudonym."""

    id: Name
    group: Literal["adult", "child"]
    consent_until: Date
    guardian_consent: StrictBool = False
    holder: Positive | None = None
    """Place on the turntable; None for somebody who comes in person."""
    scene: Scene = Scene()

    def may_be_shown(self, today: datetime.date) -> bool:
        """Tell whether the consent still holds, and for a child also the guardian's."""
        return today <= self.consent_until and (self.group == "adult" or self.guardian_consent)


class Artefact(Part):
    """A presentation attack instrument: its species, whom it imitates, how it was made, how often it may be used."""

    id: Name
    species: Species
    variety: Name | None = None
    """The species by how it is made, where a plan tells several of one kind apart: `print-matt`, `print-glossy`."""
    target: Name
    holder: Positive | None = None
    recipe: Text
    series: Name | None = None
    made: Date
    uses: Count = 0
    """How often it was used before: the wear count, kept by the laboratory."""
    use_limit: Positive | None = None
    picture: Name | None = None
    """What the display shows for a replay: a file of the subjects' `pictures` folder."""
    width: Millimetres | None = None
    """How wide the picture is shown, so that the face has its own size."""
    scene: Scene = Scene()

    @property
    def kind_of_attack(self) -> str:
        """The species as plans and tables count it: the variety where there is one."""
        return self.variety or self.species


class Subjects(FileModel):
    """The register of subjects."""

    format: Literal["conformance-subjects/1"] = Field(alias="schema")
    name: Name
    subjects: tuple[Subject, ...]

    def contradictions(self) -> Iterable[Fault]:
        """Return pseudonyms and holders that stand twice."""
        yield from _twice(self, "subjects", "id", [each.id for each in self.subjects])
        yield from _twice(self, "subjects", "holder", [each.holder for each in self.subjects])

    def subject(self, pseudonym: str) -> Subject:
        """Return the subject `pseudonym`; MethodError MET-REG-001 when nobody is registered under it."""
        return _one(self.subjects, pseudonym, "subject", "MET-REG-001", self.place(("subjects",)))

    def presentable(self, today: datetime.date, group: str | None = None) -> tuple[Subject, ...]:
        """Return those whose consent holds on `today`, of one `group` ("adult", "child") when it is given."""
        return tuple(each for each in self.subjects if each.may_be_shown(today) and group in (None, each.group))


class Artefacts(FileModel):
    """The register of artefacts."""

    format: Literal["conformance-artefacts/1"] = Field(alias="schema")
    name: Name
    artefacts: tuple[Artefact, ...]

    def contradictions(self) -> Iterable[Fault]:
        """Return ids and holders that stand twice."""
        yield from _twice(self, "artefacts", "id", [each.id for each in self.artefacts])
        yield from _twice(self, "artefacts", "holder", [each.holder for each in self.artefacts])

    def artefact(self, identifier: str) -> Artefact:
        """Return the artefact `identifier`; MethodError MET-REG-002 when it is not registered."""
        return _one(self.artefacts, identifier, "artefact", "MET-REG-002", self.place(("artefacts",)))

    def by_species(self) -> dict[str, tuple[Artefact, ...]]:
        """Return the artefacts of each species that there is."""
        species = Counter(each.species for each in self.artefacts)
        return {name: tuple(each for each in self.artefacts if each.species == name) for name in species}


def check_registers(subjects: Subjects, artefacts: Artefacts) -> None:
    """Compare the two registers: every target is a subject, no holder is taken twice. FileError with both places."""
    faults = []
    taken = {each.holder: each.id for each in subjects.subjects if each.holder is not None}
    known = {each.id for each in subjects.subjects}
    for index, artefact in enumerate(artefacts.artefacts):
        if artefact.target not in known:
            where = f"no subject {artefact.target!r} in {subjects.place(('subjects',))}"
            faults.append(Fault(("artefacts", index, "target"), where, "USE-REG-003", nearest(artefact.target, known)))
        if artefact.holder in taken:
            message = f"holder {artefact.holder} carries {taken[artefact.holder]} in {subjects.place(('subjects',))}"
            faults.append(Fault(("artefacts", index, "holder"), message, "USE-REG-002"))
    if faults:
        raise artefacts.document.error(faults)


def _twice(register: FileModel, section: str, key: str, values: Sequence[object]) -> Iterator[Fault]:
    for index, value in enumerate(values):
        if value is not None and value in values[:index]:
            there = register.place((section, values.index(value), key))
            yield Fault((section, index, key), f"{key} {value} is there already, at {there}", "USE-REG-002")


def _one(registered: Sequence[Each], identifier: str, what: str, code: str, where: str) -> Each:
    found = {str(getattr(each, "id", "")): each for each in registered}
    if identifier in found:
        return found[identifier]
    near = nearest(identifier, found)
    meant = f"; did you mean {near!r}?" if near else ""
    raise MethodError(code, f"no {what} {identifier!r} is registered{meant}", where=where, todo=f"register the {what}")


def find_register(kind: Literal["subjects", "artefacts"], name: str, here: Path) -> Path:
    """Return the register that `name` means: a path, or NAME.yaml in `here`/fixtures/KIND or among the shipped.

    Raises UsageError USE-REG-001 naming the nearest names.
    """
    folders = [here / "fixtures" / kind, shipped("fixtures") / kind]
    return find(name, folders, f"register of {kind}", "USE-REG-001")


def load_subjects(path: Path) -> Subjects:
    """Read and check the register of subjects at `path`; FileError lists everything that is wrong."""
    return load(path, Subjects)


def load_artefacts(path: Path) -> Artefacts:
    """Read and check the register of artefacts at `path`; FileError lists everything that is wrong."""
    return load(path, Artefacts)
