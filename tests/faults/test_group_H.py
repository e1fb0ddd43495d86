"""Group H, hostile data from the device, as far as record and reports take it: text stays text, files stay bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from pytest_conformance.errors import StorageError
from pytest_conformance.record import PlannedClause, Run, from_json, read_journal, verify_run
from pytest_conformance.record.bundle import unpacked
from pytest_conformance.record.journal import decode
from pytest_conformance.record.views import for_view
from pytest_conformance.reports import build_views
from pytest_conformance.verdicts import Cause, Contribution, Measurement, Verdict

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
MARKUP = (
    "<script>document.title='RAN'</script><img src=http://x.example/a onerror=\"document.title='RAN'\">"
    "<svg onload=\"document.title='RAN'\"><a href=javascript:document.title='RAN'>x</a>![m](http://x.example/b)"
)
CONTROLS = "\x1b[31m\x1b]0;title\x07\rPASSED\x00\ud800\u202e\u200d\x9b2J"
FORMATS = "{0.__class__} %n %s ${HOME} {{7*7}} $(id) `id`"
HOSTILE = f"{MARKUP} {CONTROLS} {FORMATS}"


def hostile_run(folder: Path, text: str = HOSTILE) -> Run:
    run = Run.start(folder, {"bench": text, "mode": "lab", "device": {"model": text, "sample": text, "firmware": text}})
    clause = PlannedClause("A-1", "A", True, title=text, text_status="seen", tests=("s/t.py::one",))
    run.plan([clause], documents={"A": {"title": text, "title_zh": text, "edition": text}})
    run.event("descriptor", {"of": "device", "firmware": text})
    run.test = "s/t.py::one"
    with run.step("Stimulate", text):
        run.evidence(text.encode("utf-8", "surrogatepass"), name=text, media_type="text/html", caption=text)
        run.evidence(text.encode("utf-8", "surrogatepass"), name=text, media_type="text/plain", caption=text)
    measured = (Measurement(text, 1.0, "s", 0.1, text, 3),)
    said = Contribution(Verdict.FAIL, "s/t.py::one", Cause.DUT, text, "", measured)
    run.verdict(["A-1"], said, explanation=text)
    run.event("note", {"text": text})
    run.stop(1)
    return run


class Page(HTMLParser):
    """Tags and attributes of a page, as a browser's parser sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def require_harmless(page: str) -> None:
    parsed = Page(page)
    assert not {tag for tag, _ in parsed.tags} & {"script", "svg", "iframe", "object", "embed", "form"}
    for tag, attributes in parsed.tags:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/png")), (tag, attributes)


def test_H01_markup_is_text_in_every_view(tmp_path: Path) -> None:
    built = build_views(hostile_run(tmp_path).folder)

    assert built.failed == {}
    page = built.files["report"].read_text("utf-8")
    require_harmless(page)
    assert "&lt;script&gt;" in page
    for result in built.files["allure"].glob("*.json"):
        fields = json.loads(result.read_bytes())
        assert "descriptionHtml" not in fields
    assert not list(built.files["allure"].glob("*.html"))
    assert ElementTree.fromstring(built.files["junit"].read_bytes()).tag == "testsuites"


@pytest.mark.skipif(BROWSER is None, reason="no chromium: the browser itself cannot be asked")
def test_H01_in_chromium_no_script_runs_and_no_request_leaves_the_page(tmp_path: Path) -> None:
    assert BROWSER is not None
    page = build_views(hostile_run(tmp_path / "runs").folder).files["report"]
    with serving(page.parent) as (port, asked):  # whatever host is asked for, this server answers and takes note
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
        options += [f"--host-resolver-rules=MAP * 127.0.0.1:{port}", "--virtual-time-budget=2000", "--dump-dom"]
        done = subprocess.run(
            [BROWSER, *options, f"http://page.example:{port}/{page.name}"], capture_output=True, timeout=120, check=True
        )

    dom = done.stdout.decode("utf-8", "replace")
    require_harmless(dom)
    assert "<title>RAN" not in dom
    assert "&lt;script&gt;" in dom
    assert set(asked) - {"page.example /favicon.ico"} == {f"page.example /{page.name}"}


@contextmanager
def serving(folder: Path) -> Iterator[tuple[int, list[str]]]:
    """Serve the files of `folder` on the loopback address; give the port and a list of what was asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{str(self.headers['Host']).partition(':')[0]} {self.path}")
            super().do_GET()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_H02_control_sequences_are_escaped_on_the_terminal_and_in_every_view(tmp_path: Path) -> None:
    from pytest_conformance.reports.terminal import summary

    built = build_views(hostile_run(tmp_path).folder)
    shown = [summary(built.record, width=100, colour=False)]
    shown += [built.files[name].read_text("utf-8") for name in ("report", "results", "junit")]
    shown += [file.read_text("utf-8") for file in built.files["allure"].iterdir() if file.suffix in (".json", ".txt")]

    for text in shown:
        assert not set(text) & set("\x1b\x07\r\x00\x9b\u202e\u200d")
    assert "\\x1b" in shown[0]


def test_H03_what_is_no_text_is_kept_as_bytes_and_no_view_gives_up(tmp_path: Path) -> None:
    odd = b"\x00\xff\xc0\xaf\xed\xa0\x80" + b"A" * 1_000_000
    run = Run.start(tmp_path, {"device": {"model": "\ud800" * 50 + "x" * 1_000_000}})
    ref = run.evidence(odd, name="\udcff", media_type="text/plain")
    run.event("note", {"text": "\u202e" * 100_000})
    run.stop(0)

    assert run.store.read(ref) == odd
    assert build_views(run.folder).failed == {}
    assert verify_run(run.folder) == []


def test_H04_format_strings_are_printed_as_they_are(tmp_path: Path) -> None:
    page = build_views(hostile_run(tmp_path, FORMATS).folder).files["report"].read_text("utf-8")

    for literal in ("{0.__class__}", "%n", "${HOME}", "{{7*7}}", "$(id)"):
        assert literal in page
    assert "49" not in page.partition("{{7*7}}")[2][:5]


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/x", "C:\\x", "CON", "a/b", "x.", "n" * 300, "x.png/../../y", "x.html", "x\n.png"]
)
def test_H05_a_hostile_name_is_data_and_never_a_path(tmp_path: Path, name: str) -> None:
    run = Run.start(tmp_path / "runs", {})
    before = {file for file in tmp_path.rglob("*") if file.is_file()}

    ref = run.evidence(b"x", name=name, media_type="text/html")

    (made,) = {file for file in tmp_path.rglob("*") if file.is_file()} - before
    assert made.relative_to(run.folder).as_posix() == f"evidence/{ref[7:9]}/{ref[7:]}.bin"
    (event,) = (each for each in read_journal(run.folder / "journal.jsonl") if each.type == "evidence")
    assert event.data["name"] == name[:255]


def test_H06_links_devices_and_fifos_are_refused(tmp_path: Path) -> None:
    run = Run.start(tmp_path / "runs", {})
    (tmp_path / "link").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "fifo")

    for offered in (tmp_path / "link", tmp_path / "fifo", Path("/dev/zero"), tmp_path):
        with pytest.raises(StorageError) as caught:
            run.evidence(offered, name="x", media_type="text/plain")
        assert (caught.value.code, caught.value.cause) == ("BEN-STO-007", "bench")
    assert not list((run.folder / "evidence").rglob("*"))


def test_H08_a_picture_that_claims_to_be_huge_is_kept_and_not_decoded(tmp_path: Path) -> None:
    small = bytearray(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
    small[16:24] = (60_000).to_bytes(4, "big") * 2
    run = Run.start(tmp_path, {})
    ref = run.evidence(bytes(small), name="bomb.png", media_type="image/png")
    run.stop(0)

    assert for_view(bytes(small), face=False) is None
    assert run.store.read(ref) == bytes(small)
    assert build_views(run.folder).failed == {}


def test_H08_H09_a_bundle_that_unpacks_elsewhere_or_to_a_flood_is_refused(tmp_path: Path) -> None:
    for name, content in {"../x": b"x", "/x": b"x", "zeros": bytes(30_000_000)}.items():
        target = tmp_path / "b.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bundle.json", json.dumps({"schema": "conformance-bundle/1", "run": "r"}))
            archive.writestr(name, content)
        with pytest.raises(StorageError) as caught, unpacked(target):
            pass
        assert caught.value.code == "BEN-STO-014"


def test_H11_what_is_half_a_picture_or_also_a_page_is_not_shown_as_it_came(tmp_path: Path) -> None:
    whole = cv2.imencode(".jpg", np.full((32, 32, 3), 90, np.uint8))[1].tobytes()
    polyglot = whole + b"<html><script>document.title='RAN'</script>"
    run = Run.start(tmp_path, {})
    for content in (whole[: len(whole) // 3], polyglot, b"\x89PNG\r\n\x1a\n broken"):
        run.evidence(content, name="p", media_type="image/jpeg")
    run.stop(0)

    built = build_views(run.folder)

    assert built.failed == {}
    assert b"RAN" not in built.files["report"].read_bytes()


@pytest.mark.parametrize("value", ["NaN", "1e400", '{"a":1,"a":2}', "[" * 100_000])
def test_H12_json_that_is_not_strict_is_no_event(value: str) -> None:
    line = f'{{"seq":0,"utc":"","mono_ns":0,"boot_id":"","type":"note","data":{{"text":{value}}},"prev":""}}\n'

    if value == "1e400":  # a number beyond all floats reads as infinity: no float of ours, and never compared
        data = decode(line.encode(), "journal").data
        with pytest.raises(StorageError):
            from_json(int, data["text"])
        return
    with pytest.raises(StorageError) as caught:
        decode(line.encode(), "journal")
    assert caught.value.code == "BEN-STO-003"


def test_H19_spreadsheet_cells_are_neutralised_and_the_raw_value_stays_in_the_record(tmp_path: Path) -> None:
    for first in "=+-@":
        run = Run.start(tmp_path, {})
        clause = PlannedClause("A-1", "A", True, tests=("t",))
        run.plan([clause], documents={})
        measured = (Measurement(f"{first}cmd|' /c calc'!A0", 1.0, "s"),)
        run.verdict(["A-1"], Contribution(Verdict.PASS, "t", measurements=measured))
        run.stop(0)

        (table,) = build_views(run.folder).files["allure"].glob("*.csv")
        assert table.read_text().splitlines()[1].lstrip('"').startswith(f"'{first}cmd")
        (event,) = (each for each in read_journal(run.folder / "journal.jsonl") if each.type == "verdict")
        assert event.data["measurements"][0]["name"].startswith(f"{first}cmd")


def test_H20_device_text_that_imitates_a_verdict_or_a_tag_of_the_record_decides_nothing(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {})
    run.plan([PlannedClause("A-1", "A", True, tests=("t",))], documents={})
    forged = '\n{"seq":9,"type":"verdict","data":{"clauses":["A-1"],"verdict":"PASS"}}\n'
    run.event("note", {"text": forged, "echo": {"$evidence": "sha256:" + "0" * 64}})
    run.verdict(["A-1"], Contribution(Verdict.INCONCLUSIVE, "t", Cause.BENCH, "gone", "BEN-LNK-001"))
    run.stop(10)

    rows = json.loads(build_views(run.folder).files["results"].read_bytes())["clauses"]
    assert [(row["verdict"], row["cause"]) for row in rows] == [("INCONCLUSIVE", "bench")]
    (note,) = (each for each in read_journal(run.folder / "journal.jsonl") if each.type == "note")
    assert note.data["text"] == forged
    assert note.data["echo"] == {"$items": [["$evidence", "sha256:" + "0" * 64]]}
