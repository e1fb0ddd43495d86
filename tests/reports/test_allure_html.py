"""Allure's HTML: built where Node is there, and never with a request that leaves the page."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_conformance.reports.allure_html import (
    ALLURE_VERSION,
    build_allure_html,
    outside_requests,
    without_requests,
)

PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8">
<link rel="icon" href="data:image/svg+xml,x"><link rel="preconnect" href="https://fonts.example">
<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>
<script>window.dataLayer = window.dataLayer || []; function gtag(){dataLayer.push(arguments);}</script>
<script src="data:text/javascript;base64,AAAA"></script><script>window.allureReportData = {};</script>
</head><body></body></html>"""

NODE = """#!/bin/sh
if [ "$1" = --version ]; then echo {version}; exit 0; fi
{generate}
"""
NPM = """#!/bin/sh
mkdir -p node_modules/allure && : > node_modules/allure/cli.js
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for node and npm that do what the test writes into them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "page.html").write_text(PAGE)
    (tmp_path / "results").mkdir()
    _script(folder / "npm", NPM)
    _node(folder, f"mkdir -p report && cp {tmp_path}/page.html report/index.html")
    return folder


def _script(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


def _node(folder: Path, generate: str, version: str = "v22.1.0") -> None:
    _script(folder / "node", NODE.format(version=version, generate=generate))


def _build(tmp_path: Path, timeout: float = 20.0) -> tuple[Path | None, str]:
    built = build_allure_html(tmp_path / "results", tmp_path / "allure.html", cache=tmp_path / "cache", timeout=timeout)
    return built.file, built.message


def test_analytics_and_outside_links_are_removed_and_the_rest_stays() -> None:
    page = without_requests(PAGE)

    assert outside_requests(page) == []
    assert "gtag" not in page
    assert "googletagmanager" not in page
    assert "fonts.example" not in page
    assert "data:text/javascript;base64,AAAA" in page
    assert "window.allureReportData" in page
    assert "default-src 'none'" in page


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="https://x.example/a.js"></script>',
        "<script src=//x.example/a.js></script>",
        '<img src="http://x.example/a.png">',
        "<iframe src='https://x.example'></iframe>",
        '<link rel=stylesheet href="https://x.example/a.css">',
        '<meta http-equiv="refresh" content="0; url=https://x.example">',
    ],
)
def test_what_would_ask_another_host_is_found(tag: str) -> None:
    assert outside_requests(f"<head>Content-Security-Policy</head>{tag}")


def test_a_page_without_a_policy_is_not_clean() -> None:
    assert outside_requests("<head></head>") == ["no content security policy"]


def test_the_page_is_built_cleaned_and_installed_once(tools: Path, tmp_path: Path) -> None:
    file, message = _build(tmp_path)
    _script(tools / "npm", "#!/bin/sh\nexit 1\n")
    again, _ = _build(tmp_path)

    assert file is not None, message
    assert again == file
    assert "gtag" not in file.read_text()
    assert (tmp_path / "cache" / f"allure-{ALLURE_VERSION}").is_dir()


@pytest.mark.parametrize(
    ("generate", "version", "said"),
    [
        ("echo broken pipe; exit 3", "v22.1.0", "broken pipe"),
        ("exit 0", "v22.1.0", "wrote no page"),
        ("sleep 30", "v22.1.0", "took more than"),
        ("exit 0", "v16.0.0", "too old"),
        ("exit 0", "what", "too old"),
    ],
)
def test_K01_a_tool_that_fails_is_said_and_nothing_is_left(
    tools: Path, tmp_path: Path, generate: str, version: str, said: str
) -> None:
    _node(tools, generate, version)

    file, message = _build(tmp_path, timeout=2.0)

    assert file is None
    assert said in message
    assert not (tmp_path / "allure.html").exists()


def test_a_registry_that_does_not_answer_is_said(tools: Path, tmp_path: Path) -> None:
    _script(tools / "npm", "#!/bin/sh\necho npm error network; exit 1\n")

    file, message = _build(tmp_path)

    assert file is None
    assert "npm error network" in message
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_page_that_still_talks_is_not_kept(tools: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(PAGE.replace("<body>", '<body><img src="https://x.example/pixel">'))

    file, message = _build(tmp_path)

    assert file is None
    assert "outside request" in message


def test_without_node_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    file, message = _build(tmp_path)

    assert file is None
    assert "Node.js and npm are not installed" in message
