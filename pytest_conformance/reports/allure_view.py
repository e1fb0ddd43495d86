"""The bridge from a run to allure-pytest: labels, steps, evidence, verdicts, environment. Writes no HTML."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import allure_commons
import pytest
from allure_commons.model2 import Label, Parameter, Status, StatusDetails
from allure_commons.types import AttachmentType, LabelType

from pytest_conformance.errors import StorageError
from pytest_conformance.record import Event, PlannedClause, Run
from pytest_conformance.record.views import for_view, shown_of
from pytest_conformance.reports.wording import CAUSES, one_line, text_mark, visible
from pytest_conformance.verdicts import Contribution, Verdict

STEPS, ATTACHMENTS = 200, 60
"""Steps and attachments of one test that Allure is told of; the record has all."""
ATTACHED_BYTES = 20_000_000
"""A longer piece of evidence is named in Allure, not copied."""

SEVERITIES = {
    "critical": "critical",
    "high": "critical",
    "major": "normal",
    "medium": "normal",
    "minor": "minor",
    "low": "minor",
}
GRAVITY = ("critical", "normal", "minor")
STATUSES = {
    Verdict.PASS: Status.PASSED,
    Verdict.CONDITIONAL_PASS: Status.PASSED,
    Verdict.INCONCLUSIVE: Status.BROKEN,
    Verdict.CONDITIONAL_FAIL: Status.FAILED,
    Verdict.FAIL: Status.FAILED,
    Verdict.NOT_APPLICABLE: Status.SKIPPED,
    Verdict.NOT_TESTED: Status.SKIPPED,
}
_STEP_ERRORS = {"failed": AssertionError, "broken": RuntimeError}
_LEAVE_OUT = frozenset({LabelType.HOST, LabelType.THREAD})


def label_item(item: pytest.Item, clauses: Sequence[PlannedClause], documents: Mapping[str, Mapping[str, str]]) -> None:
    """Label a test: epic = document and edition, feature = chapter, story = clause; severity; state of the text."""

    def label(kind: str, value: str) -> None:
        item.add_marker(pytest.mark.allure_label(one_line(value, 200), label_type=kind))

    for clause in clauses:
        about = documents.get(clause.document, {})
        title = about.get("title") or about.get("title_zh") or clause.document
        edition = about.get("edition", "")
        label(LabelType.EPIC, f"{title} ({edition})" if edition else title)
        label(LabelType.FEATURE, f"{clause.document} {clause.chapter}".strip())
        label(LabelType.STORY, f"{clause.id} {one_line(clause.title or clause.text, 90)}".strip())
        if text_mark(clause.text_status):
            label(LabelType.TAG, "text not checked")
    severities = [SEVERITIES.get(clause.severity, "normal") for clause in clauses] or ["normal"]
    label(LabelType.SEVERITY, min(severities, key=GRAVITY.index))
    text = "\n\n".join(described(clause) for clause in clauses)
    item.add_marker(pytest.mark.allure_description(text))


def described(clause: PlannedClause) -> str:
    """Return what stands under a test for one of its clauses: its words, and the mark where they were not checked."""
    mark = text_mark(clause.text_status)
    words = visible(clause.title or clause.text, 400)
    return f"{clause.id}: {words}" + (f"\n({mark})" if mark else "")


class AllureView:
    """A pytest plugin, an allure plugin and a listener of the run, in one: register it with pytest.

    `parameters` (bench, sample, firmware, ...) stand on each test and do not enter its history id. Whatever goes
    wrong in here or in allure-pytest's writing is noted in the record and stops nothing. Needs `EscapedReports`
    beside it, which escapes what pytest captured.
    """

    def __init__(self, run: Run, parameters: Mapping[str, str]) -> None:
        self._run = run
        self._parameters = {name: one_line(value, 120) for name, value in parameters.items() if value}
        self._nodeid = ""
        self._said: dict[str, Contribution] = {}
        self._known: dict[str, Mapping[str, Any]] = {}
        self._steps: set[int] = set()
        self._counts = {"steps": 0, "attachments": 0}
        self._attached: set[str] = set()
        self._faults = 0
        run.listen(self.take)
        allure_commons.plugin_manager.register(self, "pytest-conformance")

    def close(self) -> None:
        """Leave allure's hooks again."""
        if allure_commons.plugin_manager.is_registered(self):
            allure_commons.plugin_manager.unregister(self)

    def judged(self, nodeid: str, said: Contribution) -> None:
        """Tell what a test said, while it is still open in allure (from `pytest_runtest_makereport`)."""
        before = self._said.get(nodeid)
        if before is None or said.verdict.gravity > before.verdict.gravity:
            self._said[nodeid] = said
        if said.measurements:
            self._guarded(lambda: _attach(measured_table(said), "measured values", AttachmentType.CSV))
        for ref in said.evidence:
            if ref in self._known and ref not in self._attached:
                self._guarded(lambda ref=ref: self._attach_evidence(self._known[ref]))  # type: ignore[misc]

    def take(self, event: Event) -> None:
        """Take one event of the journal: steps and evidence go to the test or fixture that is running."""
        if event.type == "evidence" and not event.data.get("blurred"):
            self._known[str(event.data["ref"])] = event.data
            self._guarded(lambda: self._attach_evidence(event.data))
        elif event.type == "step":
            self._guarded(lambda: self._step(event.data))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._nodeid = nodeid
        self._counts = {"steps": 0, "attachments": 0}
        self._attached = set()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        self.close()

    @allure_commons.hookimpl(wrapper=True, tryfirst=True)
    def report_result(self, result: Any) -> Generator[None, Any, Any]:
        self._guarded(lambda: self._finish(result))
        return (yield from self._survive())

    @allure_commons.hookimpl(wrapper=True, tryfirst=True)
    def report_container(self, container: Any) -> Generator[None, Any, Any]:
        self._guarded(lambda: _cleanse(container))
        return (yield from self._survive())

    @allure_commons.hookimpl(wrapper=True, tryfirst=True)
    def report_attached_data(self, body: Any, file_name: str) -> Generator[None, Any, Any]:
        return (yield from self._survive())

    @allure_commons.hookimpl(wrapper=True, tryfirst=True)
    def report_attached_file(self, source: Any, file_name: str) -> Generator[None, Any, Any]:
        return (yield from self._survive())

    def _survive(self) -> Generator[None, Any, Any]:
        try:
            return (yield)
        except Exception as error:  # a full disk under allure-results must not end the run
            self._note(error)
            return None

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # whatever a view's library does, the run goes on
            self._note(error)

    def _note(self, error: Exception) -> None:
        self._faults += 1
        if self._faults == 1:
            self._run.event("note", {"text": f"the Allure view had a fault: {type(error).__name__}: {error}"})

    def _step(self, data: Mapping[str, Any]) -> None:
        hook = allure_commons.plugin_manager.hook
        number = int(data["id"])
        if data["state"] == "begin":
            self._counts["steps"] += 1
            if self._counts["steps"] <= STEPS:
                self._steps.add(number)
                hook.start_step(uuid=str(number), title=f"{data['phase']}: {visible(data['title'], 200)}", params={})
        elif number in self._steps:
            self._steps.remove(number)
            kind = _STEP_ERRORS.get(str(data.get("outcome")))
            error = kind(visible(data.get("error", ""), 1000)) if kind else None
            hook.stop_step(uuid=str(number), exc_type=kind, exc_val=error, exc_tb=None)

    def _attach_evidence(self, about: Mapping[str, Any]) -> None:
        ref, kind = str(about["ref"]), str(about["media_type"])
        self._counts["attachments"] += 1
        if self._counts["attachments"] > ATTACHMENTS:
            return
        self._attached.add(ref)
        name = one_line(about.get("caption") or about["name"], 160) or ref[7:19]
        if int(about["size"]) > ATTACHED_BYTES:
            _attach_text(name, f"{about['size']} bytes, kept as {about['file']}")
            return
        try:
            content, blur = shown_of(self._run.store, about)
        except StorageError as error:
            _attach_text(name, str(error))
            return
        if kind.startswith("image/") or about.get("view"):
            shown = for_view(content, face=blur, longest=1280)
            if shown is not None:
                _attach(shown, name + (" (face, blurred)" if about["face"] else ""), AttachmentType.PNG)
        elif about["face"]:
            _attach_text(name, f"personal data, kept as {ref}")
        elif kind in _PLAIN:
            _attach(content, name, *_PLAIN[kind])
        elif kind.startswith("text/") or kind == "application/x-ndjson":
            _attach_text(name, content.decode("utf-8", "backslashreplace"))
        else:
            _attach_text(name, f"{about['size']} bytes, kept as {about['file']}")

    def _finish(self, result: Any) -> None:
        said = self._said.pop(self._nodeid, None)
        if said is not None:
            result.status = STATUSES[said.verdict]
            trace = result.statusDetails.trace if result.statusDetails else None
            message = message_of(said)
            result.statusDetails = StatusDetails(message=message, trace=trace) if message else None
        result.labels = [each for each in result.labels if each.name not in _LEAVE_OUT]
        if said is not None and said.code:
            result.labels.append(Label(name=LabelType.TAG, value=said.code))
        result.labels.sort(key=lambda each: (str(each.name), str(each.value)))
        there = {parameter.name for parameter in result.parameters}
        for name, value in self._parameters.items():
            if name not in there:
                result.parameters.append(Parameter(name=name, value=value, excluded=True))
        result.links = [link for link in result.links if str(link.url).startswith(("https://", "http://"))]
        _cleanse(result)


_PLAIN: Mapping[str, tuple[Any, ...]] = {  # no captures: a face may lie open in them, and a report is handed on
    "application/json": (AttachmentType.JSON,),
    "video/mp4": (AttachmentType.MP4,),
}


def message_of(said: Contribution) -> str:
    """Return the message by which Allure sorts into categories: it begins with the cause."""
    if said.verdict is Verdict.PASS:
        return ""
    label = CAUSES[said.cause.value] if said.cause else said.verdict.value
    over = any(each.limit and f"limit {each.limit}" in said.reason for each in said.measurements)
    if over and said.verdict in (Verdict.FAIL, Verdict.CONDITIONAL_FAIL):
        label = "Limit exceeded"
    return f"{label}: {said.verdict.value}: {visible(said.reason, 1000)}"


def measured_table(said: Contribution) -> bytes:
    """Return the measured values as CSV, neutralised for spreadsheets."""
    stream = io.StringIO()
    rows = csv.writer(stream)
    rows.writerow(["quantity", "value", "uncertainty (k=2)", "unit", "limit", "n"])
    for each in said.measurements:
        texts = [_cell(text) for text in (each.name, each.unit, each.limit)]
        rows.writerow([texts[0], each.value, each.uncertainty, texts[1], texts[2], each.n])
    return stream.getvalue().encode("utf-8", "backslashreplace")


def _cell(text: str) -> str:
    """Escape a text, and keep a spreadsheet from taking it for a formula."""
    shown = one_line(text, 200)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown


def _attach_text(name: str, text: str) -> None:
    _attach(visible(text, 200_000, lines=True).encode("utf-8"), name, AttachmentType.TEXT)


def _attach(content: bytes, name: str, kind: Any, extension: str | None = None) -> None:
    """Attach to whatever test, fixture or step is open; outside of all of them there is nothing to attach to."""
    try:
        allure_commons.plugin_manager.hook.attach_data(
            body=content, name=one_line(name, 200), attachment_type=kind, extension=extension
        )
    except KeyError:
        return


def _cleanse(item: Any) -> None:
    """Escape every text of an Allure model in place: a lone surrogate would end the session; no HTML gets in."""
    for field in item.__attrs_attrs__:
        value = getattr(item, field.name)
        if field.name == "descriptionHtml":
            setattr(item, field.name, None)
        elif isinstance(value, str):
            setattr(item, field.name, visible(value, 20_000, lines=True))
        elif isinstance(value, list):
            for place, each in enumerate(value):
                if isinstance(each, str):
                    value[place] = visible(each, 20_000, lines=True)
                else:
                    _cleanse(each)
        elif hasattr(value, "__attrs_attrs__"):
            _cleanse(value)
