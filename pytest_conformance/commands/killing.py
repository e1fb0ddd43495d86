"""What a validation shows: clause x known-bad device, and whether the good device is left in peace. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

GOOD = ""
"""Name under which the good device runs."""
ANY = "any"
"""Kind of a variant that every device can have."""


class Fate(Enum):
    """What a run of a known-bad device says of one clause."""

    CAUGHT = "caught"
    """It breaks the clause, and the clause FAILs."""
    MISSED = "missed"
    """It breaks the clause, which is tested and does not FAIL."""
    FALSE_ALARM = "false alarm"
    """It does not break the clause, which FAILs."""
    UNREACHABLE = "unreachable"
    """It breaks the clause, which no test judges at this kind of device, or which does not apply to it."""
    DISTURBED = "disturbed"
    """It does not break the clause, which can no longer be concluded."""
    QUIET = "quiet"
    """It does not break the clause, and nothing is said against it."""


@dataclass(frozen=True)
class Variant:
    """A known-bad device: its name, the clauses that it breaks, and one line on what it does wrong."""

    name: str
    kind: str
    breaks: tuple[str, ...]
    does: str = ""


@dataclass(frozen=True)
class Said:
    """What one run said of one clause by tests of its own."""

    verdict: str
    cause: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Ran:
    """One run: what was said by clause; `trouble` says why there are no results."""

    said: Mapping[str, Said] = field(default_factory=dict)
    trouble: str = ""
    seconds: float = 0.0
    folder: str = ""


@dataclass(frozen=True)
class Cell:
    """One clause in one run of a known-bad device."""

    variant: str
    clause: str
    fate: Fate
    said: Said | None = None


@dataclass(frozen=True)
class KindTable:
    """Everything that was seen of one kind of device. `skipped` says why nothing was; `judged_all`: not a selection."""

    kind: str
    dut: str
    good: Ran
    cells: tuple[Cell, ...] = ()
    troubles: Mapping[str, str] = field(default_factory=dict)
    skipped: str = ""
    judged_all: bool = True

    @property
    def tested(self) -> tuple[str, ...]:
        """The clauses that tests judged on the good device."""
        return tuple(sorted(self.good.said))

    def names(self, clause: str, fate: Fate) -> tuple[str, ...]:
        """Return the variants that had this fate at `clause`."""
        return tuple(each.variant for each in self.cells if each.clause == clause and each.fate is fate)

    def of(self, fate: Fate) -> tuple[Cell, ...]:
        """Return all cells with this fate."""
        return tuple(each for each in self.cells if each.fate is fate)

    @property
    def survivors(self) -> tuple[str, ...]:
        """The tested clauses that no known-bad device failed: their tests never showed that they can fail."""
        killed = {each.clause for each in self.of(Fate.CAUGHT)}
        return tuple(clause for clause in self.tested if clause not in killed) if self.judged_all else ()

    @property
    def not_passing(self) -> Mapping[str, Said]:
        """What is said against the good device."""
        return {clause: said for clause, said in self.good.said.items() if said.verdict != "PASS"}

    @property
    def good_enough(self) -> bool:
        """True when all that was judged came out as it must."""
        wrong = self.of(Fate.MISSED) or self.of(Fate.FALSE_ALARM) or self.survivors or self.not_passing
        return not wrong and self.complete

    @property
    def complete(self) -> bool:
        """True when every run gave results, and something was tested."""
        return not self.skipped and not self.good.trouble and not self.troubles and bool(self.good.said)


def judge_variant(variant: Variant, said: Mapping[str, Said], tested: Iterable[str]) -> list[Cell]:
    """Return the cell of each clause that the variant breaks or that its run judged.

    `tested`: the clauses that are judged on the good device of that kind.
    """
    known = frozenset(tested)
    cells = []
    for clause in sorted({*variant.breaks, *said}):
        its = said.get(clause)
        cells.append(Cell(variant.name, clause, _fate(clause in variant.breaks, its, clause in known), its))
    return cells


def _fate(breaks: bool, said: Said | None, tested: bool) -> Fate:
    if breaks:
        if said is not None and said.verdict == "FAIL":
            return Fate.CAUGHT
        return Fate.MISSED if tested else Fate.UNREACHABLE
    if said is None or said.verdict in ("PASS", "CONDITIONAL_PASS"):
        return Fate.QUIET
    return Fate.FALSE_ALARM if said.verdict in ("FAIL", "CONDITIONAL_FAIL") else Fate.DISTURBED


def said_in(results: Mapping[str, Any]) -> dict[str, Said]:
    """Return what the tests of a run said, from its results.json; derived and untested clauses are left out."""
    return {
        row["id"]: Said(row["verdict"], row["cause"] or "", row["reason"])
        for row in results["clauses"]
        if row["tests"] and not row["derived_from"] and row["verdict"] != "NOT_APPLICABLE"
    }


def chosen(table: Iterable[Mapping[str, Any]], kind: str) -> dict[str, Variant]:
    """Return the variants for devices of `kind` by name; one of its own takes the place of one for any kind."""
    rows = [each for each in table if each["kind"] in (kind, ANY)]
    rows.sort(key=lambda each: (each["kind"] != ANY, each["name"]))
    return {
        each["name"]: Variant(each["name"], each["kind"], tuple(each["breaks"]), str(each.get("does", "")))
        for each in rows
    }
