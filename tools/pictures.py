"""Make the pictures of docs/pictures from the record of a run: terminal summary, report, Allure, clause matrix.

Usage: tools/pictures.py RUN COMMAND TEST. COMMAND is what was typed to make the run. TEST is the test whose page in
Allure is shown, with its clause: "CN-FRT-8.a test_face_information_is_stored_in_the_device". It must be the one that
enrolled, so that the recovered picture is among its steps: run with -p no:randomly. RUN needs allure-report.html
(`conformance report --allure RUN`). The extras `companion` and `traffic`, chromium, a font with Chinese: all needed.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from pytest_conformance.catalogue import load_catalogue, matrix
from pytest_conformance.commands.collected_tests import tests_by_clause
from pytest_conformance.declaration import find_declaration, load_declaration
from pytest_conformance.devices.channels.companion import BROWSERS
from pytest_conformance.reports.matrix_table import print_matrix
from pytest_conformance.reports.reading import read_record
from pytest_conformance.reports.terminal import summary

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
LARGEST = 300_000
"""Bytes of a picture."""
COLOURS = 128
CARDS, FINDINGS = 132, 490
"""Pixels below a heading of the report that hold its counts, and its first findings."""
ATTENTION = "What needs attention"


def terminal(run: Path, command: str) -> Console:
    """Return a recording console with the summary of `run`, as a terminal of 92 columns shows it."""
    record = read_record(run)
    shown = Console(record=True, width=92, file=io.StringIO(), force_terminal=True)
    shown.print(Text(f"$ {command}", style="bold"))
    text = summary(record, width=92, colour=True)
    text = re.sub(rf"{re.escape(str(run.parent))}", "runs", text)
    shown.print(Text.from_ansi(text))
    return shown


def clause_matrix(dut: str, document: str) -> Console:
    """Return a recording console with the clauses of `document` for the device `dut`."""
    declaration = load_declaration(find_declaration(dut, Path.cwd()))
    made = matrix(load_catalogue(), declaration.features, tests_by_clause([declaration.kind]), declaration.ics)
    shown = Console(record=True, width=150, file=io.StringIO(), force_terminal=True)
    shown.print(Text(f"$ conformance matrix --dut {dut} --document {document}", style="bold"))
    print_matrix(made, shown, document=document)
    return shown


def photograph(page: Page, console: Console, name: str, lines: int | None = None) -> None:
    """Draw what a console recorded; only its first `lines`."""
    if lines is not None:
        kept = console.export_text(styles=True).splitlines()[:lines]
        console = Console(record=True, width=console.width, file=io.StringIO(), force_terminal=True)
        console.print(Text.from_ansi("\n".join(kept)))
    page.set_content(f"<body style='margin:0'>{console.export_svg(title='')}</body>")
    picture = page.locator("svg").first
    picture.evaluate("each => { each.style.width = '1000px' }")
    save(picture.screenshot, name)


def report(page: Page, run: Path) -> None:
    """Photograph the report's head, its counts and its first findings, one below the other."""
    page.set_viewport_size({"width": 1120, "height": 6000})
    page.goto((run / "report.html").as_uri())
    tops = {name: page.get_by_role("heading", name=name).first.bounding_box() for name in ("Summary", ATTENTION)}
    head = page.get_by_role("heading", level=1).bounding_box()
    assert head is not None
    summary_at, attention_at = (box["y"] for box in tops.values() if box is not None)
    ends = (head["y"] + head["height"] + 12, summary_at + CARDS, attention_at + FINDINGS)
    parts = zip((0, summary_at - 8, attention_at - 8), ends, strict=True)
    saved = [page.screenshot(clip={"x": 0, "y": top, "width": 1120, "height": end - top}) for top, end in parts]
    save(lambda: stacked(saved), "report")


def stacked(pictures: Sequence[bytes]) -> bytes:
    """Return pictures of one width under each other, with a broken line where something was left out."""
    from PIL import Image, ImageDraw

    opened = [Image.open(io.BytesIO(each)).convert("RGB") for each in pictures]
    made = Image.new("RGB", (opened[0].width, sum(each.height for each in opened)), "white")
    pen, top = ImageDraw.Draw(made), 0
    for each in opened:
        made.paste(each, (0, top))
        if top:
            for left in range(32, made.width - 32, 14):
                pen.line((left, top, left + 6, top), fill="#94a3b8")
        top += each.height
    out = io.BytesIO()
    made.save(out, "PNG")
    return out.getvalue()


def allure(page: Page, run: Path, test: str) -> None:
    """Photograph Allure's first page, and the page of one test with the steps of its procedure open."""
    clause, name = test.split()
    page.set_viewport_size({"width": 1200, "height": 1200})
    page.goto((run / "allure-report.html").as_uri())
    page.get_by_text(clause).first.wait_for()
    page.evaluate("for (const each of document.querySelectorAll('*')) each.scrollTop = 0")
    page.wait_for_timeout(500)
    save(page.screenshot, "allure")
    if not page.get_by_text(name).count():
        page.get_by_text(clause).first.click()
    page.get_by_text(name).first.click()
    page.set_viewport_size({"width": 1200, "height": 2800})
    for step in ("Inspect the packets of", "(face, blurred)", "traffic-timeline: "):
        page.get_by_text(step).first.click()
        page.wait_for_timeout(800)
    top = page.get_by_text("Labels").first.bounding_box()
    steps = page.get_by_text("Factory reset").first.bounding_box()
    end = page.get_by_text("Device finding").last.bounding_box()
    assert top is not None
    assert steps is not None
    assert end is not None
    parts = ((0, top["y"] - 20), (steps["y"] - 16, end["y"] + 30))
    taken = [page.screenshot(clip={"x": 0, "y": y, "width": 1200, "height": last - y}) for y, last in parts]
    save(lambda: stacked(taken), "allure-test")


def save(take: Callable[[], bytes], name: str) -> None:
    """Write a picture with few colours; raises ValueError for one that is too large for a page of documentation."""
    from PIL import Image

    image: Any = Image.open(io.BytesIO(take())).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    target = PICTURES / f"{name}.png"
    image.save(target, optimize=True)
    if target.stat().st_size > LARGEST:
        raise ValueError(f"{target} has {target.stat().st_size} bytes")


def main(arguments: Sequence[str]) -> int:
    from playwright.sync_api import sync_playwright

    run, command, test = Path(arguments[0]).resolve(), arguments[1], arguments[2]
    with sync_playwright() as player:
        browser = player.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, BROWSERS))), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1040, "height": 800}, locale="en")
        photograph(page, terminal(run, command), "terminal")
        photograph(page, clause_matrix("mock-lock", "CN-FRT"), "matrix", lines=44)
        report(page, run)
        allure(page, run, test)
        browser.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
