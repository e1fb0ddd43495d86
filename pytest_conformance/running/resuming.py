"""Beginning a record, or going on with one that was broken off: what may not have changed, what is not repeated."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_conformance.errors import UsageError
from pytest_conformance.running import outcome
from pytest_conformance.running.selection import test_name

if TYPE_CHECKING:
    from pytest_conformance.record import Run
    from pytest_conformance.running.options import Request
    from pytest_conformance.running.plan import Planned
    from pytest_conformance.running.recorded import Recorded

IDENTITY = ("driver", "manufacturer", "model", "serial", "firmware")


def begin(request: Request) -> Run:
    """Return the record of this run: a new one, or that of the run that goes on.

    An erasure that a crash broke off is finished first (fault case J09).
    """
    from pytest_conformance.commands.naming import newest_runs
    from pytest_conformance.record import Run
    from pytest_conformance.record.sequel import finish
    from pytest_conformance.record.vault import Vault

    erased = finish(Vault(request.vault), newest_runs(request.record), request.key) if request.vault is not None else []
    if request.resume is not None:
        return go_on(request, request.resume)
    run = Run.start(request.record, outcome.header(request), key=request.key)
    for each in erased:
        run.event("note", {"text": f"an erasure of {each.begun} that was broken off is finished: {each.subject}"})
    return run


def go_on(request: Request, recorded: Recorded) -> Run:
    """Open the record for appending, and journal that the run goes on and what was void.

    Raises UsageError USE-RSM-002 when bench file, declaration (firmware included), profile or a version changed
    (fault case F10).
    """
    from pytest_conformance.record import Run

    changed = changes(request, recorded)
    if changed:
        raise _changed("; ".join(changed), recorded)
    run = Run.resume(recorded.folder, recorded.header, key=request.key)
    set_aside(run)
    void = list(dict.fromkeys(recorded.under_way))
    for name in void:
        run.event("procedure", {"name": name, "state": "void", "reason": "the run was broken off"})
    finished = len(recorded.verdicts)
    run.event("resumed", {"finished": finished, "void": void, "reason": "--resume", "versions": outcome.versions()})
    return run


def set_aside(run: Run) -> None:
    """Move evidence that was kept but not recorded, because the run was killed in between, out of the store."""
    from pytest_conformance.record import read_journal

    events = read_journal(run.folder / "journal.jsonl")
    named = {run.folder / str(each.data["file"]) for each in events if each.type == "evidence"}
    for file in sorted(each for each in (run.folder / "evidence").rglob("*") if each.is_file() and each not in named):
        aside = run.folder / "set-aside" / file.name
        aside.parent.mkdir(exist_ok=True)
        size, digest = file.stat().st_size, file.stem
        file.replace(aside)
        run.event("recovered", {"file": aside.relative_to(run.folder).as_posix(), "size": size, "sha256": digest})


def changes(request: Request, recorded: Recorded) -> list[str]:
    """Return what is another than it was when the run began, one line each."""
    now = outcome.header(request)
    before = recorded.header
    lines = [
        f"{name} {before.get('versions', {}).get(name)} became {now['versions'].get(name)}"
        for name in {**before.get("versions", {}), **now["versions"]}
        if before.get("versions", {}).get(name) != now["versions"].get(name)
    ]
    if recorded.prepared:
        files = {"bench": request.bench, "declaration": request.declaration, "profile": request.profile}
        found = {of: recorded.inputs.get(of, {}).get("sha256") == model.digest for of, model in files.items()}
    else:  # killed before it had written all of them: nothing was done yet, and the header knows the most of it
        found = {
            "bench": before.get("bench_sha256") == now["bench_sha256"],
            "declaration": before.get("device") == now["device"],
            "profile": before.get("profile") == now["profile"],
        }
    lines.extend(f"the {of} file changed" for of, same in found.items() if not same)
    if before.get("tool_sha256") != now["tool_sha256"]:
        lines.append("the code of pytest-conformance changed")
    return lines


def suites(items: Iterable[pytest.Item]) -> dict[str, str]:
    """Return the SHA-256 of each file of tests, and of the conftest files beside and above them, by their names."""
    files: dict[str, Path] = {}
    for item in items:
        name = test_name(item).partition("::")[0]
        files[name] = item.path
        for folder in (item.path.parent, item.path.parent.parent):
            if (folder / "conftest.py").is_file():
                files[f"{folder.name}/conftest.py"] = folder / "conftest.py"
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in sorted(files.items())}


def refusal(recorded: Recorded, plan: Iterable[Planned], files: Mapping[str, str]) -> UsageError | None:
    """Return why the run cannot go on with these tests; None when they are those of the plan."""
    before: Mapping[str, str] = recorded.inputs.get("suite", {}).get("files", {})
    changed = sorted(name for name in {**before, **files} if before.get(name) != files.get(name))
    if changed:
        return _changed(f"the suite changed: {', '.join(changed[:5])}", recorded)
    for each in plan:
        planned = recorded.plan.get(each.clause.id, {}).get("tests", [])
        if list(each.tests) != list(planned):
            return _changed(f"another selection of tests judges {each.clause.id}", recorded)
    return None


def skip_finished(recorded: Recorded, items: Sequence[pytest.Item]) -> None:
    """Let no test run again whose verdict is in the record."""
    for item in items:
        said = recorded.verdicts.get(test_name(item))
        if said:
            words = ", ".join(str(each["verdict"]) for each in said)
            item.add_marker(pytest.mark.skip(reason=f"judged before the run was broken off: {words}"))


def require_same_bench(recorded: Recorded, run: Run) -> None:
    """Raise UsageError USE-RSM-003 when an instrument is another than before the run was broken off."""
    from pytest_conformance.record import read_journal

    now: dict[str, Mapping[str, Any]] = {}
    for event in read_journal(run.folder / "journal.jsonl"):
        if event.type == "descriptor":
            now[str(event.data["of"])] = event.data
    for role, before in recorded.identities.items():
        told, found = _identity(before), _identity(now.get(role, {}))
        if told != found:
            raise UsageError(
                "USE-RSM-003",
                f"{role} is another than before the run was broken off",
                where=role,
                expected=", ".join(told),
                todo="put the instrument back, or start a new run",
            )


def _identity(about: Mapping[str, Any]) -> list[str]:
    """Return who an instrument is; a simulated one has another port each time."""
    return [re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1", str(about.get(name))) for name in IDENTITY]


def _changed(what: str, recorded: Recorded) -> UsageError:
    return UsageError(
        "USE-RSM-002",
        f"the run cannot go on: {what}",
        where=str(recorded.folder),
        expected="suite, bench file, firmware and tool as they were when it began",
        todo="start a new run",
    )
