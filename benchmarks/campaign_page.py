"""How fast the Allure page of a campaign of 1,000 presentations opens in a browser without a window.

Runs one clause test with such a campaign on the mock bench from the command line, builds `allure-report.html`, and
opens first the page, then the test itself by its address, each in a new browser. Needs Node.js and npm, chromium and
playwright; run it on an idle machine: `python benchmarks/campaign_page.py [--presentations 1000]`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from pytest_conformance.devices.channels.companion import find_browser

sys.path.insert(0, str(Path(__file__).parent))
from campaign import HERE, PLAN

SUITE = """
from pytest_conformance.marks import clause
from pytest_conformance.procedures.campaign_judging import report_rates, require_awake, require_decided

@clause("CN-LOCK-GB-B")
def test_attacks(campaign, recogniser, judgement, run):
    seen = campaign.run({plan!r}, recogniser)
    run.observation("thousand", seen)
    report_rates(seen, judgement)
    require_decided(seen)
    require_awake(seen)
"""
GRID = "outcome-grid: thousand"
"""The last attachment of the test: every trial by artefact."""
OPENINGS = 3
"""Each page is opened so often, in a browser of its own; all times are printed."""


def main() -> None:
    """Run, build, open, and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presentations", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.monotonic()
        conduct(folder, arguments.presentations)
        print(f"pytest, from its start to its end with every view: {time.monotonic() - began:.1f} s")
        began = time.monotonic()
        page = build(folder)
        print(f"allure-report.html built in {time.monotonic() - began:.1f} s, {page.stat().st_size / 1e6:.1f} MB")
        open_pages(page)


def conduct(folder: Path, presentations: int) -> None:
    """Run the campaign as a clause test below `folder`; its verdict is not asked for."""
    n = round(presentations * 9 / 10 / 8)
    (folder / "thousand.yaml").write_text(PLAN.format(n=n + n // 10, c=n // 10))
    (folder / "test_thousand.py").write_text(SUITE.format(plan=str(folder / "thousand.yaml")))
    bench = HERE / "benches" / "mock-campaign.yaml"
    command = [sys.executable, "-m", "pytest", "-q", "test_thousand.py", f"--bench={bench}", "--dut=mock-lock"]
    command += [f"--record={folder / 'runs'}", "--profile=quick", "-p", "no:randomly", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 10):
        sys.exit(done.stdout[-3000:] + done.stderr[-2000:])


def build(folder: Path) -> Path:
    """Return Allure's page of the one run below `folder`."""
    (run,) = (folder / "runs").iterdir()
    command = [sys.executable, "-m", "pytest_conformance.cli", "report", str(run), "--allure"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    page = run / "allure-report.html"
    if not page.is_file():
        sys.exit(done.stdout + done.stderr)
    return page


def open_pages(page: Path) -> None:
    """Print how long it takes from the address to the rendered page, and to the rendered test of the campaign."""
    path, found = find_browser(), re.search(r"data/test-results/(\w+)\.json", page.read_text())
    if path is None or found is None:
        sys.exit("no chromium on this machine, or no test in the page")
    with sync_playwright() as playwright:
        for turn in range(OPENINGS):
            took = []
            for address, text in ((page.as_uri(), "Total"), (f"{page.as_uri()}#{found[1]}", GRID)):
                browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
                seconds, shown = opened(browser, address, text)
                took.append(seconds)
                if text == GRID:
                    began = time.monotonic()
                    shown.get_by_text(GRID).first.click()
                    shown.locator("img[src^='blob:'], img[src^='data:image/png']").first.wait_for(state="visible")
                    took.append(time.monotonic() - began)
                browser.close()
            overview, of_test, grid = took
            print(
                f"opening {turn + 1}: {overview:.2f} s, the campaign's test {of_test:.2f} s, its grid {grid:.2f} s more"
            )


def opened(browser: Any, address: str, text: str) -> tuple[float, Any]:
    """Open `address`; return the seconds until `text` is on the page and drawn, and the page."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    began = time.monotonic()
    page.goto(address, wait_until="commit")
    page.get_by_text(text, exact=True).first.wait_for(state="visible", timeout=60_000)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return time.monotonic() - began, page


if __name__ == "__main__":
    main()
