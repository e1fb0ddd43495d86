"""`junit.xml` from the record: a failure is a finding on the device, an error is what let nothing be said."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from pytest_conformance.record.amendments import amended_events
from pytest_conformance.record.files import write_atomically
from pytest_conformance.reports.reading import Record
from pytest_conformance.reports.tests_told import Told, tests_of
from pytest_conformance.reports.wording import one_line, visible
from pytest_conformance.verdicts import Verdict

JUNIT_FILE = "junit.xml"
_FAILED = (Verdict.FAIL, Verdict.CONDITIONAL_FAIL)


def write_junit(record: Record) -> Path:
    """Write junit.xml into the run's folder and return its path. The same record gives the same bytes."""
    target = record.folder / JUNIT_FILE
    write_atomically(target, render_junit(record))
    return target


def render_junit(record: Record) -> bytes:
    """Return junit.xml: INCONCLUSIVE is an `error` typed with its cause, never a failure and never skipped."""
    tests, _ = tests_of(amended_events(record.folder))
    suite = ElementTree.Element("testsuite", name=one_line(record.header.get("id", "run"), 100))
    mode = "simulated device: no test result of a product" if record.simulated else record.header.get("mode", "")
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    properties = ElementTree.SubElement(suite, "properties")
    about = {"mode": mode, "device": record.device.get("model"), "sample": record.device.get("sample")}
    for name, value in about.items():
        ElementTree.SubElement(properties, "property", name=name, value=one_line(value or "", 200))
    for told in tests.values():
        counts["tests"] += 1
        _case(suite, told, counts)
    for name, count in counts.items():
        suite.set(name, str(count))
    suite.set("timestamp", str(record.header.get("started", "")))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root, " ")
    text = ElementTree.tostring(root, encoding="us-ascii", xml_declaration=True)
    return bytes(text) + b"\n"


def _case(suite: ElementTree.Element, told: Told, counts: dict[str, int]) -> None:
    path, _, name = told.name.partition("::")
    seconds = f"{max(0, told.stop - told.start) / 1000:.3f}"
    case = ElementTree.SubElement(
        suite, "testcase", classname=one_line(path, 300), name=one_line(name or path, 300), time=seconds
    )
    properties = ElementTree.SubElement(case, "properties")
    for clause in told.clauses:
        ElementTree.SubElement(properties, "property", name="clause", value=one_line(clause.id, 100))
    said = told.gravest
    if said is None:
        counts["skipped"] += 1
        reasons = "; ".join(dict.fromkeys(clause.reason for clause in told.clauses if clause.reason))
        ElementTree.SubElement(case, "skipped", message=one_line(reasons or "no verdict came", 1000))
        return
    ElementTree.SubElement(properties, "property", name="verdict", value=said.verdict.value)
    if said.verdict in (Verdict.PASS, Verdict.CONDITIONAL_PASS):
        return
    kind = "failure" if said.verdict in _FAILED else "error"
    counts["failures" if kind == "failure" else "errors"] += 1
    cause = f"({said.cause.value})" if said.cause else ""
    found = ElementTree.SubElement(case, kind, type=f"{said.verdict.value}{cause}", message=one_line(said.reason, 1000))
    found.text = visible(told.explanation or said.reason, 20_000, lines=True)
