"""The two ends of a run: the header and preflight before the first test, verdicts and views after the last."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_conformance.record.masking import masked
from pytest_conformance.running import judging
from pytest_conformance.running.plan import DESELECTED, REFUSED, UNDECIDED, Planned, conclude, exit_code

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.record import Run
    from pytest_conformance.running.judging import Judgement
    from pytest_conformance.running.options import Request
    from pytest_conformance.running.recorded import Recorded
    from pytest_conformance.running.session import BenchSession
    from pytest_conformance.verdicts import ClauseVerdict
    from pytest_conformance.yamlfile.model import FileModel

PACKAGES = (
    "pytest-conformance",
    "pytest",
    "allure-pytest",
    "numpy",
    "opencv-python",
    "pyvisa",
    "pyvisa-py",
    "pyserial",
)
JUDGED = (0, 1)
"""pytest exit codes in whose place ours stands; 2 to 5 keep their meaning."""


def header(request: Request) -> dict[str, Any]:
    """Return what the journal's first event says: everything known before the first instrument is touched."""
    declaration = request.declaration
    sample = declaration.samples[0].id if declaration.samples else ""
    return {
        "bench": request.bench.name,
        "mode": "replay" if request.replay else request.bench.mode,
        **({"replay_of": _replayed(request.replay)} if request.replay else {}),
        "asked": dict(request.asked),
        "profile": f"{request.profile.name} {request.profile.version}",
        "versions": {**versions(), "python": interpreter()},
        "bench_sha256": request.bench.digest,
        "tool_sha256": tool_digest(),
        "known_bad": list(request.known_bad),
        **({"order": {"number": request.order.number, "sha256": request.order.digest}} if request.order else {}),
        **({"golden": request.golden} if request.golden else {}),
        "accredited": request.accredited,
        "clauses": request.clauses,
        "signing": {"key": request.key.public.id if request.key else "", "unsigned": request.unsigned},
        "device": {
            "kind": declaration.kind,
            "model": declaration.model,
            "sample": sample,
            "firmware": declaration.firmware,
            "firmware_sha256": declaration.firmware_sha256 or "",
            "declaration_sha256": declaration.sha256,
        },
    }


def _replayed(recorded: Recorded) -> dict[str, str]:
    """Return what a replay says of the run that it judges: what was simulated stays simulated."""
    first = recorded.header
    return {"run": recorded.folder.name, "mode": str(first.get("mode", "")), "journal_sha256": recorded.head}


def keep_inputs(run: Run, request: Request) -> None:
    """Keep what the run rests on as evidence: bench file, declaration, profile and order, as they were read."""
    files: dict[str, FileModel] = {
        "bench": request.bench,
        "declaration": request.declaration,
        "profile": request.profile,
        **({"order": request.order} if request.order else {}),
    }
    for of, model in files.items():
        path = Path(model.document.name)
        content = path.read_bytes()
        told = {"of": of, "name": path.name, "sha256": model.digest}
        if hashlib.sha256(content).hexdigest() == model.digest:
            text, secrets = masked(content.decode("utf-8"))
            kept = text.encode("utf-8") if secrets else content
            ref = run.evidence(kept, name=path.name, media_type="text/plain", caption=f"{of} of this run")
            run.event("input", {**told, "ref": ref, "masked": secrets})
            if secrets:
                warn(run, f"{path.name} tells {secrets} secret(s); the copy in the record carries stars instead")
        else:
            run.event("input", told)
            run.event("note", {"text": f"{path.name} was changed since it was read: the first reading counts"})


def warn(run: Run, text: str) -> None:
    """Tell the person at the terminal, and the reader of the record."""
    print(f"conformance: {text}", file=sys.stderr)
    run.event("note", {"text": text})


def versions() -> dict[str, str]:
    """Return the versions of what a verdict may depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def tool_digest() -> str:
    """Return one SHA-256 over the code of this package: a version says little of what is installed for development."""
    import pytest_conformance

    root = Path(pytest_conformance.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(f"{file.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def interpreter() -> str:
    """Return the running Python's version, and whether its assertions are off."""
    return platform.python_version() + ("" if __debug__ else " (-O: assertions are off)")


def documents(session: BenchSession) -> dict[str, dict[str, str]]:
    """Return title and edition of each document, for the views."""
    return {
        each.id: {"title": each.title_en, "title_zh": each.title_zh, "edition": each.number or each.issued}
        for each in session.request.catalogue.documents.values()
    }


def preflight(bench: Bench, run: Run) -> None:
    """Open every role that the bench file lists and ask it who it is; journal the answers.

    Raises the BenchError of the first that does not answer or is not the one that the file names, BEN-QUA-003 when
    one is another than in the last run.
    """
    from pytest_conformance.bench.display_check import check_display
    from pytest_conformance.bench.instruments import require_same

    with run.step("Setup", f"Preflight of bench {bench.name}"):
        identities = {}
        for name in bench.file.roles:
            driver = bench.role(name)
            identity = identities[name] = driver.identity()
            if hasattr(driver, "journal"):
                driver.journal = run.event
            run.event(
                "descriptor",
                {
                    "of": name,
                    "driver": bench.file.roles[name].driver,
                    "door": driver.door,
                    "manufacturer": identity.manufacturer,
                    "model": identity.model,
                    "serial": identity.serial,
                    "firmware": identity.firmware,
                    **clock_of(driver),
                },
            )
        if bench.lease is not None and bench.mode != "mock":  # a mock's instruments are made anew for each run
            require_same(bench.lease.path.parent.parent, bench.file, identities)
        checked = check_display(bench)
        if checked is not None:
            told = "judged" if checked.surroundings else "not judged: it sees nothing beside the display"
            run.event(
                "note", {"text": f"the display was seen whole by the watch camera; its automatic settings: {told}"}
            )


def clock_of(driver: Any) -> dict[str, float]:
    """Return how the clock of an instrument that is a host of its own stands to this one's, seconds (case D07)."""
    if not hasattr(driver, "offset"):
        return {}
    return {"clock_offset_s": round(driver.offset, 6), "clock_uncertainty_s": round(driver.uncertainty, 6)}


def label(item: pytest.Item, session: BenchSession) -> None:
    """Give the item its Allure labels, where allure-pytest is active."""
    if session.allure is None:
        return
    from pytest_conformance.reports.allure_view import label_item
    from pytest_conformance.running.selection import clauses_of

    label_item(item, [session.plan[each].row() for each in clauses_of(item)], documents(session))


def parameters(request: Request) -> dict[str, str]:
    """Return what stands on each Allure test as parameter."""
    declaration = request.declaration
    return {
        "bench": request.bench.name,
        "sample": declaration.samples[0].id,
        "firmware": declaration.firmware,
        "known-bad": ", ".join(request.known_bad),
    }


def cite_observations(item: pytest.Item, judgement: Judgement) -> None:
    """Let the judgement cite the evidence of every observation that the test used."""
    for value in getattr(item, "funcargs", {}).values():
        references = getattr(value, "evidence", ())
        if isinstance(references, tuple):
            judgement.cite(*(each for each in references if isinstance(each, str) and each.startswith("sha256:")))


def finish(session: BenchSession, exit_status: int) -> int:
    """Derive what follows, end the journal, build the views; return the exit code of the run."""
    from pytest_conformance.reports import numbers_of, read_record

    plan = session.final_plan()
    verdicts = conclude(plan, session.contributions())
    derived = session.request.catalogue.derive_all(verdicts) if plan else {}
    for clause_id, verdict in derived.items():
        for said in verdict.contributions:
            session.run.verdict(
                [clause_id], said, derived_from=session.request.catalogue.clauses[clause_id].derived_from
            )
    code = exit_status
    if session.refused:
        code = REFUSED
    elif exit_status in JUDGED and not session.config.option.collectonly:
        require_all = session.request.require_all or session.request.accredited
        code = exit_code(plan, {**verdicts, **derived}, require_all=require_all)
        if code == 0 and session.unjudged:
            code = UNDECIDED
    reason = "; ".join(dict.fromkeys(session.refused))
    result = test_result({**verdicts, **derived}, session.request)
    numbers = numbers_of(read_record(session.run.folder).results())
    session.run.stop(code, partial=session.partial, reason=reason, result=result, numbers=numbers)
    stamp(session)
    build(session)
    return code


def stamp(session: BenchSession) -> None:
    """Ask for a time stamp of the run's signature, then for those that earlier runs beside it still wait for."""
    if session.request.authority is None:
        return
    from pytest_conformance.commands.naming import newest_runs
    from pytest_conformance.record.timestamps import queue, send

    queue(session.run.folder, session.request.authority)
    session.stamps = send(session.run.folder)
    if not any(each.pending for each in session.stamps):
        for folder in newest_runs(session.request.record):
            send(folder)


def test_result(verdicts: Mapping[str, ClauseVerdict], request: Request) -> dict[str, Any]:
    """Return the in-toto test-result predicate: clauses that passed, failed, and those on which nothing can be said."""
    listed: dict[str, list[str]] = {"passedTests": [], "warnedTests": [], "failedTests": []}
    place = {"PASS": "passedTests", "FAIL": "failedTests", "CONDITIONAL_FAIL": "failedTests"}
    for clause_id, verdict in sorted(verdicts.items()):
        if verdict.verdict.value not in ("NOT_APPLICABLE", "NOT_TESTED"):
            listed[place.get(verdict.verdict.value, "warnedTests")].append(clause_id)
    worst = "FAILED" if listed["failedTests"] else "WARNED" if listed["warnedTests"] else "PASSED"
    used = {f"bench:{request.bench.name}": request.bench.digest, "declaration": request.declaration.sha256}
    configuration = [{"name": name, "digest": {"sha256": digest}} for name, digest in used.items()]
    return {"result": worst, "configuration": configuration, **listed}


def build(session: BenchSession) -> None:
    """Build the views from the journal; one that fails is said and harms neither the record nor the others."""
    from pytest_conformance.reports import build_views
    from pytest_conformance.reports.allure_files import write_allure_files

    session.views = build_views(session.run.folder)
    folder = getattr(session.config.option, "allure_report_dir", None)
    if folder:
        write_allure_files(session.views.record, Path(folder))


def summarise(session: BenchSession, terminal: pytest.TerminalReporter) -> None:
    """Print the summary that ends a run."""
    from pytest_conformance.reports.terminal import summary

    for reason in dict.fromkeys(session.refused):
        terminal.write_line(f"refused to start: {reason}", red=True)
    if session.views is None:
        return
    terminal.section("conformance")
    text = summary(session.views.record, width=terminal._tw.fullwidth, colour=terminal.hasmarkup)
    terminal.write(text)
    for each in session.stamps:
        if each.pending:
            terminal.write_line(f"time stamp pending, `conformance stamp` asks again: {each.pending}", yellow=True)
    for name, why in session.views.failed.items():
        terminal.write_line(f"the view {name} could not be built: {why}", yellow=True)


def plan_from(run: Run, session: BenchSession) -> dict[str, Planned]:
    """Rebuild the plan from the journal: in a parallel run the first worker wrote it."""
    from pytest_conformance.record import read_journal
    from pytest_conformance.running.plan import make_plan

    selected: dict[str, list[str]] = {}
    deselected: set[str] = set()
    for event in read_journal(run.folder / "journal.jsonl"):
        if event.type == "plan":
            session.partial = bool(event.data["partial"])
            for row in event.data["clauses"]:
                if row["tests"]:
                    selected[row["id"]] = list(row["tests"])
                elif row["reason"] == DESELECTED:
                    deselected.add(row["id"])
    request = session.request
    return make_plan(request.catalogue, request.declaration, selected, deselected)


def clauses_by_test(plan: Mapping[str, Planned]) -> dict[str, tuple[str, ...]]:
    """Return the clauses that each planned test judges."""
    found: dict[str, list[str]] = {}
    for clause_id, row in plan.items():
        for test in row.tests:
            found.setdefault(test, []).append(clause_id)
    return {test: tuple(ids) for test, ids in found.items()}


def said_in(run: Run, plan: Mapping[str, Planned]) -> list[tuple[tuple[str, ...], Any]]:
    """Return what tests said, as the journal has it: clause ids and contribution, oldest first."""
    from pytest_conformance.record import read_journal

    by_test = clauses_by_test(plan)
    rows = []
    for event in read_journal(run.folder / "journal.jsonl"):
        if event.type == "verdict" and not event.data.get("derived_from"):
            ids = tuple(event.data["clauses"]) or by_test.get(event.data["test"], ())
            rows.append((ids, judging.from_json(event.data)))
    return rows
