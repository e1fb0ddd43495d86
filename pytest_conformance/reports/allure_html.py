"""Allure 3's HTML in a single file, made with Node where it is there, without its analytics. Optional by nature."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_conformance.record.files import write_atomically
from pytest_conformance.reports.allure_files import CATEGORIES

ALLURE_VERSION = "3.18.0"
HTML_FILE = "allure-report.html"
NODE_MAJOR = 20
"""Oldest Node that runs Allure 3's generator."""
_INSTALLING = threading.Lock()

_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(
    r"<(?:script|link|img|iframe|source|video|audio|embed|object|base|meta)\b[^>]{0,20000}>", re.IGNORECASE
)
_OUTSIDE = re.compile(r"""(?:src|href|data|content)\s*=\s*["']?\s*(?:\d+;\s*url=)?(?:https?:)?//""", re.IGNORECASE)
_ANALYTICS = ("googletagmanager.com", "google-analytics.com", "mc.yandex.ru")
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "script-src 'unsafe-inline' data: blob:; style-src 'unsafe-inline' data:; img-src data: blob:; font-src data:; "
    "media-src data: blob:; connect-src data: blob:; worker-src blob: data:; frame-src data: blob:; "
    "form-action 'none'\">"
)


@dataclass(frozen=True)
class AllureHtml:
    """The file that was built, or None and why not."""

    file: Path | None
    message: str


def build_allure_html(
    results: Path,
    target: Path,
    *,
    variables: Mapping[str, str] | None = None,
    cache: Path | None = None,
    timeout: float = 180.0,
) -> AllureHtml:
    """Build `target` (one HTML file) from the Allure results in `results`.

    Needs Node (>= 20) and npm; Allure itself is installed once, pinned, into `cache` (default: the user's cache
    folder), which may ask the npm registry. Never raises for what is missing or fails: the message says so. A
    file from which an outside request could go is not kept.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return AllureHtml(None, "no Allure HTML: Node.js and npm are not installed; report.html is complete without it")
    if not results.is_dir():
        return AllureHtml(None, f"no Allure HTML: there are no results in {results}")
    try:
        with _INSTALLING:
            program = _installed(node, npm, cache or _cache_folder(), timeout)
        page = _generated(node, program, results, variables or {}, timeout)
    except _UnavailableError as error:
        return AllureHtml(None, f"no Allure HTML: {error}")
    except (OSError, subprocess.SubprocessError) as error:
        return AllureHtml(None, f"no Allure HTML: {type(error).__name__}: {error}")
    page = without_requests(page)
    left = outside_requests(page)
    if left:
        return AllureHtml(None, f"no Allure HTML: {len(left)} outside request(s) are left in it: {left[0][:120]}")
    write_atomically(target, page.encode("utf-8"))
    return AllureHtml(target, f"Allure {ALLURE_VERSION}: {target}")


def without_requests(page: str) -> str:
    """Return the page without analytics and other outside scripts, and with a policy that forbids any request.

    Only our own knowledge of the page removes scripts; the policy makes a browser refuse what was missed.
    """
    page = _SCRIPT.sub(lambda found: "" if _talks(found.group(1), found.group(2)) else found.group(0), page)
    page = re.sub(
        r"<link\b[^>]{0,2000}>", lambda found: "" if _OUTSIDE.search(found.group(0)) else found.group(0), page
    )
    head = re.search(r"<head\b[^>]{0,500}>", page, re.IGNORECASE)
    if head is None:
        return _POLICY + page
    return page[: head.end()] + _POLICY + page[head.end() :]


def outside_requests(page: str) -> list[str]:
    """Return the tags of the page that name another host, and analytics addresses anywhere in a short script."""
    tags = [tag.group(0) for tag in _TAG.finditer(page) if _OUTSIDE.search(tag.group(0))]
    scripts = [found.group(0)[:200] for found in _SCRIPT.finditer(page) if _talks(found.group(1), found.group(2))]
    policy = [] if "Content-Security-Policy" in page else ["no content security policy"]
    return [*tags, *scripts, *policy]


def _talks(attributes: str, body: str) -> bool:
    """Tell whether a script element loads from outside, or is the few lines that set analytics up."""
    if _OUTSIDE.search(attributes):
        return True
    short = len(body) < 5000
    return short and ("dataLayer" in body or "gtag(" in body or any(host in body for host in _ANALYTICS))


class _UnavailableError(Exception):
    """Something that is needed is not there; the message is for the user."""


def _cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "pytest-conformance"


def _installed(node: str, npm: str, cache: Path, timeout: float) -> Path:
    """Return Allure's command file, installing it first where the cache has none."""
    version = _run([node, "--version"], cache.parent if cache.parent.is_dir() else Path.cwd(), 20).strip()
    major = re.match(r"v(\d{1,4})\.", version)
    if major is None or int(major.group(1)) < NODE_MAJOR:
        raise _UnavailableError(f"Node {version} is too old, {NODE_MAJOR} or newer is needed")
    home = cache / f"allure-{ALLURE_VERSION}"
    program = home / "node_modules" / "allure" / "cli.js"
    if not program.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        beside = cache / f".allure-{secrets.token_hex(4)}"
        beside.mkdir()
        try:
            (beside / "package.json").write_text(json.dumps({"name": "allure-cache", "private": True}), "utf-8")
            quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
            _run([npm, "install", *quiet, f"allure@{ALLURE_VERSION}"], beside, timeout)
            if not home.exists():
                os.replace(beside, home)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    if not program.is_file():
        raise _UnavailableError(f"npm installed no Allure into {home}")
    return program


def _generated(node: str, program: Path, results: Path, variables: Mapping[str, str], timeout: float) -> str:
    with _workshop() as room:
        awesome = {"singleFile": True, "groupBy": ["epic", "feature", "story"], "reportLanguage": "en"}
        config = {
            "name": "Conformance",
            "output": str(room / "report"),
            "variables": dict(variables),
            "categories": list(CATEGORIES),
            "plugins": {"awesome": {"options": awesome}},
        }
        (room / "allurerc.json").write_text(json.dumps(config), "utf-8")
        # Allure takes its argument for a pattern below the current folder, and follows no links.
        shutil.copytree(results, room / "allure-results", copy_function=_link_or_copy)
        _run([node, str(program), "generate", "--config", "allurerc.json", "allure-results"], room, timeout)
        pages = sorted((room / "report").rglob("index.html"))
        if not pages:
            raise _UnavailableError("Allure wrote no page")
        return max(pages, key=lambda page: page.stat().st_size).read_text("utf-8")


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copyfile(source, target)


@contextmanager
def _workshop() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="conformance-allure-") as name:
        yield Path(name)


def _run(command: Sequence[str], folder: Path, timeout: float) -> str:
    """Run a command to its end. Raises _UnavailableError with its last line when it fails or takes too long."""
    environment = {**os.environ, "ALLURE_NO_ANALYTICS": "1", "NO_UPDATE_NOTIFIER": "1", "CI": "1"}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise _UnavailableError(f"{Path(command[0]).name} took more than {timeout:g} s") from error
    finally:
        if process.poll() is None:  # with its children, which would hold the pipe open
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    said = output.decode("utf-8", "replace")
    if process.returncode != 0:
        last = [line for line in said.splitlines() if line.strip()][-1:] or ["no message"]
        raise _UnavailableError(f"{Path(command[0]).name} failed: {last[0][:300]}")
    return said
