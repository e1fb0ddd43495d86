"""The laboratory's report as PDF: chromium prints the HTML on A4, with number and page on every page."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from pytest_conformance.devices.channels.companion import find_browser
from pytest_conformance.errors import UsageError
from pytest_conformance.reports.laboratory.file import Language
from pytest_conformance.reports.laboratory.words import LABELS
from pytest_conformance.reports.wording import one_line

FONTS = "'Noto Sans CJK SC','WenQuanYi Micro Hei','DejaVu Sans',sans-serif"


def print_pdf(page: Path, target: Path, number: str, language: Language) -> None:
    """Print the HTML file `page` to `target`; the browser is offline. Raises UsageError USE-LAB-003 without one."""
    browser = find_browser()
    if browser is None or importlib.util.find_spec("playwright") is None:
        raise UsageError(
            "USE-LAB-003",
            "a PDF is printed by chromium, which is not there" if browser is None else "playwright is not installed",
            expected="chromium and playwright",
            todo="apt install chromium; pip install 'pytest-conformance[companion]'; or leave --pdf out",
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        try:
            context = opened.new_context(offline=True, java_script_enabled=False)
            shown = context.new_page()
            shown.goto(page.absolute().as_uri())
            shown.pdf(
                path=str(target),
                format="A4",
                prefer_css_page_size=True,
                display_header_footer=True,
                header_template="<span></span>",
                footer_template=_footer(number, language),
            )
        finally:
            opened.close()


def _footer(number: str, language: Language) -> str:
    import html

    page, pages = "<span class='pageNumber'></span>", "<span class='totalPages'></span>"
    chinese, english = (each.format(page=page, pages=pages) for each in LABELS["page"])
    said = {"zh": chinese, "en": english}.get(language, f"{chinese} / {english}")
    shown = html.escape(one_line(number, 80))
    return f'<div style="font:8px {FONTS};width:100%;text-align:center;color:#333">{shown} · {said}</div>'
