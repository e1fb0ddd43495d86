"""The laboratory's report as one HTML file for A4 pages: no script, no request, labels from the message catalogue."""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.errors import UsageError
from pytest_conformance.record.views import for_view
from pytest_conformance.reports.laboratory.sheet import STATEMENTS, Sheet, Value, Word
from pytest_conformance.reports.laboratory.words import LABELS, label
from pytest_conformance.reports.wording import one_line, visible

if TYPE_CHECKING:
    from pytest_conformance.reports.laboratory.file import Language

PICTURE = 900
"""Pixels of a photograph's longer side."""


def render(sheet: Sheet, language: Language) -> str:
    """Return the report as HTML, the same text each time. Raises UsageError USE-LAB-002 for what is no photograph."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parents[1] / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    say = partial(label, language=language)
    environment.filters.update(line=one_line, say=say)
    environment.filters.update(value=partial(_value, language=language), item=partial(_item, language=language))
    page = environment.get_template("laboratory.html.j2").render(**_content(sheet, language))
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def marks(sheet: Sheet) -> tuple[str, ...]:
    """Return the keys of the watermarks on every page: a draft, a simulated device, a supplier's own test."""
    held = {"mock": sheet.simulated, "self-test-mark": sheet.self_test, "draft": bool(sheet.missing)}
    return tuple(key for key, holds in held.items() if holds)


def _content(sheet: Sheet, language: Language) -> dict[str, Any]:
    css = Path(__file__).parents[1] / "templates" / "laboratory.css"
    return {
        "css": css.read_text("utf-8"),
        "language": {"zh": "zh-CN", "en": "en"}.get(language, "zh-CN"),
        "sheet": sheet,
        "statements": STATEMENTS,
        "watermark": " · ".join(label(each, "both") for each in marks(sheet)),
        "pictures": [(key, _picture(path)) for key, path in sheet.pictures],
        "chinese": language != "en",
        "english": language != "zh",
    }


def _item(text: str, language: Language) -> str:
    """Return the label of a key, or the text itself, which may be a clause or a number."""
    return label(text, language) if text in LABELS else visible(text, 300)


def _value(value: Value, language: Language) -> str:
    """Return the parts of a value in one line: words in the language, text with what cannot be seen escaped."""
    return ", ".join(label(each.key, language) if isinstance(each, Word) else visible(each, 600) for each in value)


def _picture(path: Path) -> str:
    """Return a photograph as a data URI of a picture that was decoded and encoded again."""
    try:
        shown = for_view(path.read_bytes(), face=False, longest=PICTURE)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    if shown is None:
        raise _unusable(path, "it cannot be decoded")
    return "data:image/png;base64," + base64.b64encode(shown).decode("ascii")


def _unusable(path: Path, why: str) -> UsageError:
    return UsageError(
        "USE-LAB-002",
        f"no photograph: {why}",
        where=str(path),
        expected="a PNG or JPEG picture",
        todo="name another file",
    )
