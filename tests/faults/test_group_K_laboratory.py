"""Cases K05, K06, K08 and K09: the report that a laboratory issues of a run, from the command line."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pytest_conformance.cli import main
from pytest_conformance.devices.channels.companion import find_browser
from pytest_conformance.errors import UsageError
from pytest_conformance.record import verify_run
from pytest_conformance.record.keys import make_key
from pytest_conformance.record.sequel import read_sequel
from pytest_conformance.reports.laboratory.file import load_laboratory
from pytest_conformance.reports.laboratory.sheet import rounded
from pytest_conformance.reports.laboratory.words import LABELS

SOURCE = """
@clause("CN-FRT-8.a")
def test_volts(powered):
    assert powered.volts() > 4.9

@clause("CN-FRT-8.b")
def test_amperes(powered):
    assert powered.amperes() > 4.9
"""
OWN = """
schema: conformance-laboratory/1
number: R-1
order: commissioned
prevails: zh
laboratory: {name: Example Laboratory, address: 1 Example Road, contact: "+00 000 0000"}
customer: {name: Example Devices, address: 2 Example Street, contact: orders@customer.example}
location: room 2.14
sample:
  {received: 2026-01-20, count: 1, condition: new, serial: ML3D-117, hardware: rev C, configuration: factory settings}
photographs:
  - {file: a.png, shows: front}
  - {file: a.png, shows: back}
  - {file: a.png, shows: side}
  - {file: a.png, shows: name-plate}
  - {file: a.png, shows: set-up}
environment: 22.5 to 23.4 degC
supply: 5.0 V DC
personnel: [tester-3]
deviations: none
prepared: {person: tester-3, date: 2026-11-29}
reviewed: {person: lead-1, date: 2026-11-29}
approved: {person: signatory-2, date: 2026-11-30}
issued: 2026-11-30
"""


@pytest.fixture
def folder(tmp_path: Path, conduct: Callable[..., Any], bench_file: Callable[..., Path]) -> Path:
    """A signed laboratory run that passed one clause and failed another, and a photograph beside it."""
    assert cv2.imwrite(str(tmp_path / "a.png"), np.full((90, 60, 3), 200, np.uint8))
    ran = conduct(SOURCE, bench_file(), f"--signing-key={make_key(tmp_path / 'keys', 'lab')}")
    assert ran.process.returncode == 1, ran.out
    found: Path = ran.folder
    return found


@pytest.fixture
def issue(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """Issue the report with a laboratory's file; return exit code, and what was said as JSON, or the error."""

    def run(own: str = OWN, *options: str) -> tuple[int, Any]:
        (tmp_path / "own-lab.yaml").write_text(own, "utf-8")
        capsys.readouterr()
        told = [f"--laboratory={tmp_path / 'own-lab.yaml'}", f"--record={folder.parent}", "--json"]
        code = main(["issue", str(folder), *told, *options])
        heard = capsys.readouterr()
        return code, json.loads(heard.out) if heard.out else heard.err

    return run


LEFT_OUT = {
    "customer: ": {"customer", "customer-address"},
    "location: ": {"location"},
    "deviations: ": {"deviations"},
    "  - {file: a.png, shows: side}": {"views"},
    "environment: ": {"environment"},
}


def test_K05_a_mandatory_field_that_is_missing(issue: Any, folder: Path) -> None:
    """A field that must be there is not: only a draft is made, it lists what is missing, and nothing is issued."""
    for removed, missing in LEFT_OUT.items():
        code, said = issue("".join(f"{each}\n" for each in OWN.splitlines() if not each.startswith(removed)))

        assert (code, set(said["missing"]), said["marks"]) == (10, missing, ["draft"])
        (page,) = map(Path, said["files"])
        assert page.name == "draft-R-1-both.html"
        text = page.read_text("utf-8")
        for key in missing:
            assert f"<li>{' '.join(LABELS[key])}</li>" in text
    assert list(read_sequel(folder)) == []
    code, said = issue(OWN.replace("received: 2026-01-20", "received: 2099-01-20"))
    assert (code, set(said["missing"])) == (10, {"received"}), "received after its test"


@pytest.mark.skipif(not (find_browser() and shutil.which("pdftotext")), reason="no chromium, or no pdftotext")
def test_K06_no_reviewer_or_approver(issue: Any, folder: Path) -> None:
    """Nobody reviewed or approved it: a watermark on each page, in the PDF too, and nothing is issued."""
    for removed in ("reviewed: ", "approved: "):
        lines = [each for each in OWN.splitlines() if not each.startswith((removed, "issued: "))]

        code, said = issue("\n".join(lines) + "\n", "--pdf", "--language=en")

        assert code == 10, said
        assert set(said["missing"]) == {removed.strip(": "), "issued"}
        pages = _pages(Path(said["files"][1]))
        assert len(pages) > 5
        for number, page in enumerate(pages, 1):
            assert "DRAFT" in page, f"page {number}"
            assert f"Page {number} of {len(pages)}" in page
    assert list(read_sequel(folder)) == []


def _pages(file: Path) -> list[str]:
    done = subprocess.run(["pdftotext", "-raw", str(file), "-"], capture_output=True, check=True)
    return [" ".join(each.split()) for each in done.stdout.decode().split("\f")[:-1]]


def test_K08_the_same_record_in_chinese_and_english(issue: Any) -> None:
    """Same values in the same order, each label in its own language alone, each verdict by the same code."""
    code, said = issue(OWN, "--language=zh", "--language=en")
    assert code == 0, said
    chinese, english = (_Page(Path(each).read_text("utf-8")) for each in said["files"])

    assert chinese.verdicts == english.verdicts
    assert len(chinese.verdicts) > 600
    assert chinese.numbers == english.numbers
    assert sum(1 for each in chinese.numbers if each) > 50
    assert chinese.keys == english.keys
    for key, zh, en in zip(chinese.keys, chinese.labels, english.labels, strict=True):
        assert (zh.startswith(LABELS[key][0]), LABELS[key][1] in zh) == (True, False)
        assert (en.startswith(LABELS[key][1]), _has_chinese(en)) == (True, False)
    for word in (*english.headings, *english.verdict_words):
        assert not _has_chinese(word), word
    for word in (*chinese.headings, *chinese.verdict_words):
        assert _has_chinese(word), word


def _has_chinese(text: str) -> bool:
    return re.search("[一-鿿]", text) is not None


def test_every_label_is_there_in_both_languages() -> None:
    for key, (zh, en) in LABELS.items():
        assert (_has_chinese(zh), _has_chinese(en), bool(en)) == (True, False, True), key


class _Page(HTMLParser):
    """What a report shows: headings, labels with their keys, verdicts, and the numbers of its values, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.keys: list[str] = []
        self.labels: list[str] = []
        self.verdicts: list[str] = []
        self.verdict_words: list[str] = []
        self.numbers: list[list[str]] = []
        self._into: list[str] | None = None
        self._valued = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        if tag in ("td", "th", "h2"):
            self._valued = False
        if tag == "h2":
            self._into = self.headings
        elif tag == "th" and "data-key" in about:
            self.keys.append(str(about["data-key"]))
            self._into = self.labels
        elif "data-verdict" in about:
            self.verdicts.append(str(about["data-verdict"]))
            self._into = self.verdict_words
        elif tag == "td" and "value" in (about.get("class") or ""):
            self.numbers.append([])
            self._into, self._valued = None, True
        else:
            self._into = None

    def handle_data(self, data: str) -> None:
        if self._into is not None and data.strip():
            self._into.append(data.strip())
            self._into = None
        elif self._valued:
            self.numbers[-1] += [each for each in re.findall(r"\d+(?:\.\d+)?", data) if each not in ("1", "2")]


def test_K09_a_report_that_is_issued_again(issue: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A new number that names the old one and lists what changed; the old one can still be verified."""
    code, said = issue()
    assert code == 0, said
    (first,) = map(Path, said["files"])
    told = ["--verdict=INCONCLUSIVE", "--cause=bench", "--person=Ada", "--reason=the meter was not calibrated"]
    assert main(["amend", str(folder), "CN-FRT-8.b", *told]) == 0
    again = OWN.replace("room 2.14", "room 3.01")

    for own, why in (
        (again, "USE-LAB-004"),
        (again.replace("R-1", "R-2"), "USE-LAB-005"),
        (again.replace("number: R-1", "number: R-2\nreplaces: {number: R-0, reason: x}"), "USE-LAB-005"),
    ):
        code, refused = issue(own)
        assert (code, why in refused) == (11, True), refused

    code, said = issue(again.replace("number: R-1", "number: R-2\nreplaces: {number: R-1, reason: meter}"))
    assert (code, said["changes"] >= 3) == (0, True), said
    (second,) = map(Path, said["files"])
    text = " ".join(re.sub("<[^>]+>", " ", second.read_text("utf-8")).split())
    assert "CN-FRT-8.b 不符合 Does not conform 样品 device 不能判定 Inconclusive 测试台 bench" in text
    assert "检测地点 Location of the activity room 2.14 room 3.01" in text
    one, two = (each.data for each in read_sequel(folder) if each.type == "issued")
    assert (one["number"], two["number"], two["replaces"], two["reason"]) == ("R-1", "R-2", "R-1", "meter")
    assert verify_run(folder) == []
    first.write_text(first.read_text("utf-8").replace("room 2.14", "room 9.99"), "utf-8")
    assert [each.code for each in verify_run(folder)] == ["report-changed"]


@pytest.mark.parametrize(
    ("changed", "to", "what"),
    [
        ("approved: {person: signatory-2", "approved: {person: tester-3", "who prepared a report does not approve it"),
        ("issued: 2026-11-30", "issued: 2026-11-28", "issued before it was approved"),
        (
            "reviewed: {person: lead-1, date: 2026-11-29}",
            "reviewed: {person: lead-1, date: 2026-12-29}",
            "order of days",
        ),
    ],
)
def test_dates_and_persons_that_contradict_are_refused(tmp_path: Path, changed: str, to: str, what: str) -> None:
    assert changed in OWN
    (tmp_path / "own-lab.yaml").write_text(OWN.replace(changed, to), "utf-8")
    with pytest.raises(UsageError, match=f"USE-LAB-001: .*own-lab.yaml:.*{what}"):
        load_laboratory(tmp_path / "own-lab.yaml")


@pytest.mark.parametrize(
    ("value", "uncertainty", "shown"),
    [
        (5.012345, 0.0123, "5.012"),
        (123.456, 1.7, "123.5"),
        (123456.0, 2300.0, "123500"),
        (0.1, None, "0.1"),
        (0.5, 0.0, "0.5"),
        (None, 0.1, ""),
    ],
)
def test_a_number_is_rounded_to_its_uncertainty(value: float | None, uncertainty: float | None, shown: str) -> None:
    assert rounded(value, uncertainty) == shown
