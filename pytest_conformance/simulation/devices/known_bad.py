"""The register of known-bad behaviours: what each does wrong and which clauses must catch it."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pytest_conformance.simulation.farend import Json

if TYPE_CHECKING:
    from pytest_conformance.simulation.devices.base import Behaviour

T = TypeVar("T", bound="type[Behaviour]")

ANY = "any"
"""The kind of a variant that fits every device."""


@dataclass(frozen=True)
class Variant:
    """One behaviour that is swapped for a bad one. `does`: one line on what it does wrong."""

    name: str
    kind: str
    slot: str
    breaks: tuple[str, ...]
    does: str
    behaviour: type[Behaviour]


_VARIANTS: dict[tuple[str, str], Variant] = {}


def known_bad(name: str, *, kind: str, slot: str, breaks: Sequence[str]) -> Callable[[T], T]:
    """Register a behaviour class as the known-bad variant `name` of `slot` in devices of `kind` (or ANY).

    The first line of its docstring says what it does wrong. Raises ValueError for a name that is taken, and for a
    class without a docstring of its own.
    """

    def register(behaviour: T) -> T:
        if "__doc__" not in vars(behaviour) or not vars(behaviour)["__doc__"]:
            raise ValueError(f"{behaviour.__name__}: say in one line of docstring what it does wrong")
        does = inspect.cleandoc(vars(behaviour)["__doc__"]).splitlines()[0].strip()
        taken = _VARIANTS.get((kind, name))
        if taken is not None and taken.behaviour.__qualname__ != behaviour.__qualname__:
            raise ValueError(f"{name!r} is already a known-bad variant of {kind}")
        _VARIANTS[kind, name] = Variant(name, kind, slot, tuple(breaks), does, behaviour)
        return behaviour

    return register


def variants(kind: str | None = None) -> list[Variant]:
    """Return the variants that fit `kind` (None: all), sorted by kind and name; a kind's own beats one of any kind."""
    chosen = [
        v
        for v in _VARIANTS.values()
        if kind is None or v.kind == kind or (v.kind == ANY and (kind, v.name) not in _VARIANTS)
    ]
    return sorted(chosen, key=lambda v: (v.kind, v.name))


def choose(kind: str, names: Iterable[str]) -> Mapping[str, type[Behaviour]]:
    """Return slot to behaviour class for the variants `names` of a device of `kind`.

    Raises LookupError with near names for an unknown one, and when two want the same slot.
    """
    known = {variant.name: variant for variant in variants(kind)}
    chosen: dict[str, Variant] = {}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3) or sorted(known)
            hint = ", ".join(map(repr, near)) if near else "none"
            raise LookupError(f"no known-bad {kind} is named {name!r}; did you mean {hint}?")
        variant = known[name]
        other = chosen.get(variant.slot)
        if other is not None and other.name != name:
            raise LookupError(f"{other.name!r} and {name!r} both replace the behaviour {variant.slot!r}: choose one")
        chosen[variant.slot] = variant
    return {slot: variant.behaviour for slot, variant in chosen.items()}


def table(own: str = "") -> list[dict[str, Json]]:
    """Return all variants as rows: name, kind, slot, breaks, does.

    With `own` only those of that kind of kind ("face-camera" is a camera), each with `own`: what their device shares
    with the others of its kind is validated there.
    """
    if not own:
        return [_row(v) for v in variants()]
    return [{**_row(v), "kind": own.rpartition("-")[2], "own": own} for v in variants() if v.kind == own]


def _row(variant: Variant) -> dict[str, Json]:
    breaks: list[Json] = [*variant.breaks]
    return {
        "name": variant.name,
        "kind": variant.kind,
        "slot": variant.slot,
        "breaks": breaks,
        "does": variant.does,
    }
