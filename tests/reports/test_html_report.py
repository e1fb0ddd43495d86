"""report.html: self-contained, hostile text as text, no face, no conformity without the text."""

from __future__ import annotations

import html.parser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_conformance.devices.channels.companion import BROWSERS
from pytest_conformance.record import PlannedClause, Run
from pytest_conformance.reports import read_record
from pytest_conformance.reports.html_report import render_report, write_report
from pytest_conformance.verdicts import Contribution, Verdict


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _parsed(page: str) -> _Page:
    parser = _Page()
    parser.feed(page)
    return parser


def test_K04_the_page_has_no_script_and_names_no_other_host(run: Run) -> None:
    page = _parsed(render_report(read_record(run.folder)))

    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:image/png;base64,")), (tag, value[:80])
    css = "".join(re.findall(r"<style>(.*?)</style>", render_report(read_record(run.folder)), re.DOTALL))
    assert "url(" not in css
    assert "@import" not in css


def test_H01_H03_hostile_text_is_text_with_visible_escapes(run: Run) -> None:
    page = render_report(read_record(run.folder))

    page.encode("utf-8")
    assert not set(page) & set("\x00\x1b\r\ud800\u202e")
    shown = "".join(_parsed(page).text)
    assert "<script>alert(1)</script>" in shown
    assert "\\x00\\x1b[31mPASSED\\x0d\\ud800\\u202e" in shown
    assert "{{7*7}}" in shown


def test_J05_a_face_is_only_shown_blurred(run: Run) -> None:
    page = render_report(read_record(run.folder))

    assert "face: shown blurred" in page
    sources = [attributes["src"] or "" for tag, attributes in _parsed(page).tags if tag == "img"]
    assert len(sources) == 1  # the broken picture and the page are listed, not shown
    (stored,) = [file for file in run.folder.rglob("*.png") if b"SECRETFACE" in file.read_bytes()]
    import base64

    assert base64.b64decode(sources[0].partition(",")[2]) not in stored.read_bytes()


def test_K07_a_mock_run_is_marked_and_a_lab_run_is_not(tmp_path: Path, run: Run) -> None:
    lab = Run.start(tmp_path / "lab", {"mode": "lab"})
    lab.stop(0)

    assert '<div class="watermark"' in render_report(read_record(run.folder))
    assert 'watermark"' not in render_report(read_record(lab.folder))


def test_K10_every_clause_is_in_the_page(run: Run) -> None:
    page = render_report(read_record(run.folder))

    for name in ("A-1", "A-2", "A-3", "A-4", "A-5", "B-1", "B-2"):
        assert f"<b>{name}</b>" in page
    assert "no-test" in page


@pytest.mark.parametrize("status", ["memory", "unsure", "paraphrase", ""])
def test_no_conformity_is_stated_where_the_text_was_not_read(tmp_path: Path, status: str) -> None:
    run = Run.start(tmp_path, {"mode": "lab"})
    run.plan([PlannedClause("A-1", "A", True, text_status=status)], documents={})
    run.verdict(["A-1"], Contribution(Verdict.PASS, "t"))
    run.stop(0)

    body = "".join(_parsed(render_report(read_record(run.folder))).text).split("Clauses")[1]

    assert "conforms" not in body
    assert "no finding" in body
    assert "official text not checked" in body or "origin of the text not stated" in body


def test_a_checked_text_may_conform(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {"mode": "lab"})
    run.plan([PlannedClause("A-1", "A", True, text_status="verbatim")], documents={})
    run.verdict(["A-1"], Contribution(Verdict.PASS, "t"))
    run.stop(0)

    assert '<span class="word">conforms</span>' in render_report(read_record(run.folder))


def test_evidence_links_lead_somewhere(run: Run) -> None:
    page = _parsed(render_report(read_record(run.folder)))
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}

    targets = [str(attributes["href"])[1:] for tag, attributes in page.tags if tag == "a"]

    assert targets
    assert set(targets) <= ids


def test_the_same_record_gives_the_same_bytes(run: Run) -> None:
    first = write_report(read_record(run.folder)).read_bytes()

    assert write_report(read_record(run.folder)).read_bytes() == first


def test_an_empty_run_has_a_report(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {})

    page = render_report(read_record(run.folder))

    assert "it did not come to its end" in page


BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
def test_the_page_opens_in_a_browser_and_runs_nothing(run: Run, tmp_path: Path) -> None:
    file = write_report(read_record(run.folder))
    assert BROWSER is not None
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=2000", "--dump-dom", file.as_uri()]

    done = subprocess.run(command, capture_output=True, timeout=90, check=True)

    dom = _parsed(done.stdout.decode("utf-8"))
    assert not [tag for tag, _ in dom.tags if tag == "script"]
    assert [tag for tag, _ in dom.tags].count("img") == 1
