"""Make a presenter from a bench's roles and its registers of subjects and artefacts."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pytest_conformance.stimulus.carriers import ByHand, Carrier, Turntable
from pytest_conformance.stimulus.presenter import Presenter, entries_of
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


CARRIERS = ("mover", "operator")
"""Roles that can bring something before the device, the one that is used first where a bench has both."""


def make_presenter(
    bench: Roles,
    subjects: Subjects,
    artefacts: Artefacts,
    pictures: Path,
) -> Presenter:
    """Return a presenter for everybody and everything of the registers that has a holder.

    A turntable brings it; on a bench without one the operator is asked to.
    `pictures` is the folder of the pictures for the display. Who has not consented today is refused when asked for.
    """
    today = datetime.datetime.now(datetime.UTC).date()
    carrier: Carrier
    if bench.has("mover") or not bench.has("operator"):
        carrier = Turntable(bench.role("mover"))
    else:
        carrier = ByHand(bench.role("operator"))
    return Presenter(
        carrier,
        bench.role("display") if bench.has("display") else None,
        bench.clock,
        entries_of(subjects, artefacts, pictures, today),
        watch=bench.role("watch") if bench.has("watch") else None,
        lux=bench.role("lux") if bench.has("lux") else None,
    )
