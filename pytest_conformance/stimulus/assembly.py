"""Make a presenter from a bench's roles and its registers of subjects and artefacts."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pytest_conformance.stimulus.presenter import SCREEN, Presenter, Showable
from pytest_conformance.stimulus.register import (
    Artefacts,
    Subjects,
    check_registers,
    find_register,
    load_artefacts,
    load_subjects,
)

if TYPE_CHECKING:
    from pytest_conformance.clock import Clock

REPLAY_WIDTH = 150.0
"""Width in millimetres at which the face of a target is replayed on the display."""


class Roles(Protocol):
    """What is needed of a bench."""

    clock: Clock

    def role(self, name: str) -> Any: ...
    def has(self, role: str) -> bool: ...


def load_registers(name: str, here: Path) -> tuple[Subjects, Artefacts]:
    """Return the registers called `name`, checked one against the other."""
    subjects = load_subjects(find_register("subjects", name, here))
    artefacts = load_artefacts(find_register("artefacts", name, here))
    check_registers(subjects, artefacts)
    return subjects, artefacts


def make_presenter(bench: Roles, subjects: Subjects, artefacts: Artefacts, pictures: Path) -> Presenter:
    """Return a presenter for everybody whose consent holds today and for every artefact.

    Screen replays show `pictures`/TARGET.jpg at life size.
    """
    today = datetime.datetime.now(datetime.UTC).date()
    entries = {
        each.id: Showable(each.id, each.holder)
        for each in subjects.subjects
        if each.holder is not None and each.may_be_shown(today)
    }
    for artefact in artefacts.artefacts:
        if artefact.holder is None:
            continue
        screen = artefact.species == "screen-replay"
        entries[artefact.id] = Showable(
            artefact.id,
            artefact.holder,
            SCREEN if screen else artefact.species,
            artefact.target,
            pictures / f"{artefact.target}.jpg" if screen else None,
            REPLAY_WIDTH if screen else 0.0,
        )
    return Presenter(
        bench.role("mover"),
        bench.role("display") if bench.has("display") else None,
        bench.clock,
        entries,
        watch=bench.role("watch") if bench.has("watch") else None,
        lux=bench.role("lux") if bench.has("lux") else None,
    )
