"""What `--accredited` asks before anything is powered: valid equipment, a sound clock, nothing that blurs verdicts.

Each check returns what is wrong, and `require` refuses with all of it.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_conformance.errors import BenchError, CalibrationError, ConformanceError, UsageError

if TYPE_CHECKING:
    import pytest

    from pytest_conformance.bench.file import BenchFile

MEASURING = ("supply", "meter", "lux", "contact", "watch")
"""Roles whose readings verdicts rest on: they need a calibration."""
HARMLESS = frozenset(
    {"cacheprovider", "randomly", "random_order", "cov", "pytest_cov", "xdist", "faulthandler", "hypothesispytest"}
)
"""Plugins that `-p no:` may block: they touch neither outcomes nor their record."""
RERUNNING = ("rerunfailures", "flaky", "pytest_retry", "retry")
"""Plugins that run a failed test again and show the last outcome only."""


def refuse(problems: Iterable[ConformanceError]) -> None:
    """Raise the first of `problems`, which names the others as well; nothing when there are none."""
    found = list(problems)
    if not found:
        return
    first = found[0]
    more = "".join(f" | {each.code}: {each.what} ({each.where})" for each in found[1:])
    raise type(first)(
        first.code, first.what + more, where=first.where, expected=first.expected, todo=first.todo
    ) from None


def of_equipment(file: BenchFile, today: datetime.date) -> Iterator[ConformanceError]:
    """Yield what is wrong with the calibrations of the bench on `today` (case G14)."""
    for name, entry in file.roles.items():
        calibration = entry.calibration
        if calibration is None:
            if name in MEASURING:
                yield CalibrationError(
                    "BEN-CAL-001", f"{name} has no calibration", where=entry.where, todo="give `calibration:`"
                )
            continue
        if calibration.days_left(today) < 0:
            yield CalibrationError(
                "BEN-CAL-002",
                f"the calibration of {name} ended on {calibration.due}",
                where=entry.where,
                expected=f"valid on {today}",
                todo="have it calibrated; what it measured since is not accredited",
            )
        if calibration.calibrated is not None and calibration.calibrated > today:
            yield CalibrationError(
                "BEN-CAL-003",
                f"{name} is calibrated on {calibration.calibrated}, which is in the future",
                where=entry.where,
                todo="correct the date, or the clock",
            )


def due_today(file: BenchFile, today: datetime.date) -> list[str]:
    """Return a warning for each calibration that ends today."""
    ends = [name for name, each in file.roles.items() if each.calibration and each.calibration.days_left(today) == 0]
    return [f"the calibration of {name} ends today" for name in ends]


def of_process(config: pytest.Config, *, optimised: bool) -> Iterator[ConformanceError]:
    """Yield what in this process may blur verdicts: blocked plugins, reruns, assertions that are off (F12, F13)."""
    if optimised:
        yield UsageError("USE-ACC-001", "Python runs with -O: assertions are off", todo="run without -O")
    for name in blocked(config.invocation_params.args):
        yield UsageError("USE-ACC-002", f"plugin {name!r} is blocked by -p no:{name}", todo="run without it")
    for name in RERUNNING:
        if config.pluginmanager.hasplugin(name):
            yield UsageError(
                "USE-ACC-003",
                f"plugin {name!r} runs failed tests again and drops what they said first",
                todo=f"run with -p no:{name}; only the bench repeats, and shows it",
            )


def blocked(arguments: Sequence[Any]) -> list[str]:
    """Return the plugins that `-p no:NAME` blocks and that are not harmless."""
    words = [str(each) for each in arguments]
    given = [after for word, after in itertools.pairwise(words) if word == "-p"]
    given += [word[2:] for word in words if word.startswith("-pno:")]
    names = [each.removeprefix("no:") for each in given if each.startswith("no:")]
    return [each for each in names if each not in HARMLESS and each not in RERUNNING]


def of_installation(file: BenchFile, version: str) -> Iterator[ConformanceError]:
    """Yield an error when this version is not the one that was validated on the bench (case F18)."""
    if file.validated != version:
        yield BenchError(
            "BEN-VAL-001",
            f"version {version} runs, and {file.validated or 'none'} was validated on this bench",
            where=str(file.path),
            expected=f"validated: {version}",
            todo="run `conformance validate`, file its table, and set `validated:` in the bench file",
        )


def of_clock(open_: bool, said: str) -> Iterator[ConformanceError]:
    """Yield an error when the wall clock cannot be right (case D02); `open_` and `said` are `machine.clock()`'s."""
    if not open_ and "it shows" in said:
        yield BenchError("BEN-CLK-001", f"the wall clock is wrong: {said}", todo="set the clock, then run again")


def of_golden_samples(file: BenchFile) -> Iterable[ConformanceError]:
    """Return what is wrong with the last check of the bench's golden samples (case B26)."""
    from pytest_conformance.bench.golden import Ledger
    from pytest_conformance.bench.leases import state_folder

    at = datetime.datetime.now(datetime.UTC)
    return Ledger(state_folder(), file.name).require_good(file.golden, file.path, at)


def require(
    config: pytest.Config, file: BenchFile, version: str, of_method: Iterable[ConformanceError] = ()
) -> list[str]:
    """Refuse what an accredited run may not have, `of_method` among it; return warnings for the record.

    Raises UsageError, CalibrationError, MethodError or BenchError that names everything that was found.
    """
    from pytest_conformance.bench.machine import clock

    today = datetime.datetime.now(datetime.UTC).date()
    shown = clock()
    refuse(
        [
            *of_process(config, optimised=not __debug__),
            *of_clock(shown.open, shown.detail),
            *of_installation(file, version),
            *of_equipment(file, today),
            *of_method,
            *of_golden_samples(file),
        ]
    )
    return due_today(file, today)


def order(config: pytest.Config) -> str:
    """Return in which order the tests run, when a plugin changes it: its name and seed; "" for pytest's own order."""
    if config.pluginmanager.hasplugin("randomly"):
        return f"pytest-randomly, seed {config.getoption('randomly_seed', None)}"
    if config.pluginmanager.hasplugin("random_order"):
        return f"pytest-random-order, seed {config.getoption('random_order_seed', None)}"
    return ""


def refuse_thread_timeouts(config: pytest.Config) -> None:
    """Raise UsageError USE-ACC-004 when pytest-timeout would kill this process from a thread (case F14)."""
    if not config.pluginmanager.hasplugin("timeout"):
        return
    asked = [config.getoption("timeout_method", None)]
    with suppress(ValueError, KeyError):
        asked.append(config.getini("timeout_method"))
    if "thread" in asked:
        raise UsageError(
            "USE-ACC-004",
            "pytest-timeout with the method `thread` kills the run without a safe state",
            todo="use --timeout-method=signal, whose timeouts end as INCONCLUSIVE(bench)",
        )
