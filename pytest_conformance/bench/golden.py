"""Golden samples of a bench: devices whose verdicts are known, judged before and after a day's runs.

Their section of the bench file, and the ledger in the state folder: each check, and each run since. Runs nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pytest_conformance.errors import BenchError
from pytest_conformance.quantities import Duration
from pytest_conformance.yamlfile import Fault
from pytest_conformance.yamlfile.model import Name, Part, Text

Known = Literal["PASS", "FAIL"]


class GoldenSample(Part):
    """A device, the clauses that are judged on it, and what the verdict on each of them must be."""

    name: Name
    dut: Text
    clauses: tuple[Text, ...] = Field(min_length=1)
    must: Known
    known_bad: Text | None = None
    """Behaviours of a simulated device that are swapped: on a mock bench only."""


class Golden(Part):
    """The golden samples of a bench, good and known-bad, and how long a check of them counts."""

    valid: Duration = 12 * 3600.0
    samples: tuple[GoldenSample, ...] = Field(min_length=1)

    def sample(self, name: str) -> GoldenSample | None:
        """Return the sample of that name."""
        return next((each for each in self.samples if each.name == name), None)

    def faults(self, mode: str) -> Iterator[Fault]:
        """Yield what contradicts: a name that stands twice, no sample that must pass or none that must fail."""
        names = [each.name for each in self.samples]
        for index, each in enumerate(self.samples):
            if each.name in names[:index]:
                message = f"golden sample {each.name!r} is there already"
                yield Fault(("golden", "samples", index, "name"), message, "USE-BEN-010")
            if each.known_bad and mode != "mock":
                message = "a behaviour can be swapped on a mock bench only: take a device that breaks the clause"
                yield Fault(("golden", "samples", index, "known_bad"), message, "USE-BEN-012")
        for must in ("PASS", "FAIL"):
            if must not in {each.must for each in self.samples}:
                message = f"no golden sample must give {must}: a bench that always says the other would not be noticed"
                yield Fault(("golden", "samples"), message, "USE-BEN-014", on_key=True)


@dataclass(frozen=True)
class Judged:
    """What one sample gave: its run, and the clauses whose verdict was not the one that it must be."""

    sample: str
    must: str
    run: str
    wrong: tuple[str, ...] = ()
    undecided: str = ""
    """Why nothing can be said of the sample; "" when each clause was judged."""


@dataclass(frozen=True)
class Check:
    """One check of all golden samples: `when` is "opening" or "closing"."""

    when: str
    at: str
    person: str
    judged: tuple[Judged, ...]

    @property
    def good(self) -> bool:
        """Whether each sample gave what it must."""
        return not any(each.wrong or each.undecided for each in self.judged)

    @property
    def wrong(self) -> str:
        """What was wrong, in words; "" when nothing was."""
        found = [each for each in self.judged if each.wrong]
        return "; ".join(f"{each.sample} must give {each.must}: {', '.join(each.wrong)}" for each in found)

    @property
    def moment(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.at)

    def told(self) -> dict[str, Any]:
        """Return the data of a `golden` event."""
        return {**asdict(self), "good": self.good}


class Ledger:
    """The checks of a bench and the runs since, one JSON line each in the state folder, oldest first."""

    def __init__(self, state: Path, bench: str) -> None:
        plain = "".join(each if each.isalnum() else "_" for each in bench)
        self.path = state / f"golden-{plain}.jsonl"

    def add_run(self, folder: Path) -> None:
        """Remember that a run began in `folder`."""
        self._add({"event": "run", "run": str(folder.absolute()), "at": now()})

    def add_check(self, check: Check) -> None:
        """Remember a check, good or not."""
        self._add({"event": "check", **check.told()})

    def last(self) -> Check | None:
        """Return the last check; None when there was none."""
        checks = [each for each in self._entries() if each.get("event") == "check"]
        return _check(checks[-1]) if checks else None

    def since_good(self) -> list[Path]:
        """Return the folders of the runs that began after the last good check, oldest first."""
        found: list[Path] = []
        for each in self._entries():
            if each.get("event") == "run":
                found.append(Path(str(each["run"])))
            elif each.get("good"):
                found = []
        return list(dict.fromkeys(found))

    def require_good(self, golden: Golden | None, where: str, at: datetime) -> Iterable[BenchError]:
        """Yield why an accredited run may not begin at `at`: no samples, no check, a wrong one, or one too old."""
        todo = "conformance golden BENCH opening"
        if golden is None:
            yield BenchError(
                "BEN-GLD-001",
                "the bench has no golden samples: nobody would notice a bench that always says PASS",
                where=where,
                expected="`golden:` in the bench file, with a good and a known-bad sample",
                todo="name both, then " + todo,
            )
            return
        last = self.last()
        age = at - last.moment if last is not None else timedelta.max
        if last is None or not timedelta(0) <= age <= timedelta(seconds=golden.valid):
            yield BenchError(
                "BEN-GLD-002",
                f"the last check of the golden samples was {last.at if last else 'never'}",
                where=where,
                expected=f"one within the last {golden.valid / 3600:g} h",
                todo=todo,
            )
        elif not last.good:
            yield BenchError(
                "BEN-GLD-003",
                f"the golden samples gave what they must not at {last.at}: {last.wrong or 'no verdict'}",
                where=where,
                expected="a good check since",
                todo="find the cause, release the bench from quarantine, then " + todo,
            )

    def _entries(self) -> Sequence[dict[str, Any]]:
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines if line.endswith(b"}")]

    def _add(self, entry: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(entry, ensure_ascii=True).encode("ascii") + b"\n"
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)


def now() -> str:
    """Return the UTC second as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _check(entry: dict[str, Any]) -> Check:
    judged = tuple(Judged(**{**each, "wrong": tuple(each["wrong"])}) for each in entry["judged"])
    return Check(str(entry["when"]), str(entry["at"]), str(entry["person"]), judged)
