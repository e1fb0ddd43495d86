"""Read a page of the app from its HTML: visible text, controls with accessible names, form fields. Pure."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Literal
from urllib.parse import unquote_to_bytes

from pytest_conformance.devices.channels.companion import Control, Image, Kind

Attributes = dict[str, str]

BLOCKS = frozenset(
    "address article aside blockquote body br button dd div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 header hr img "  # noqa: SIM905
    "li main nav ol p pre section table td th tr ul".split()
)
"""Elements that begin and end a line of text."""
SILENT = frozenset(["head", "script", "style", "template", "noscript", "textarea", "svg"])
"""Elements whose text is not shown as text."""
VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
TYPED = frozenset(["text", "password", "email", "number", "tel", "search", "url"])
DEEPEST = 500
"""Open elements beyond which a page is read no further inwards."""


@dataclass
class Field:
    """One control and what its form needs to send it. `form` is the number of its form, -1 outside any."""

    kind: Kind | Literal["hidden"]
    form: int
    id: str = ""
    name: str = ""
    value: str = ""
    checked: bool = False
    enabled: bool = True
    target: str = ""
    """Where a link leads."""
    spoken: str = ""
    """aria-label or the text inside."""

    def control(self, labels: Attributes) -> Control | None:
        """Return it as a person meets it; None for hidden fields."""
        if self.kind == "hidden":
            return None
        label = " ".join((self.spoken or labels.get(self.id, "")).split())
        checked = self.checked if self.kind in ("checkbox", "switch") else None
        value = self.value if self.kind == "text" else ""
        return Control(self.kind, label, self.name, checked, value, self.enabled)


@dataclass
class Form:
    """Where a form goes and how."""

    action: str
    method: str


@dataclass
class Page:
    """A page as read. `fields` are in the order of the page, hidden ones included."""

    title: str = ""
    text: str = ""
    fields: list[Field] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    labels: Attributes = field(default_factory=dict)

    def shown(self) -> list[tuple[Field, Control]]:
        """Return the controls that a person meets, each with its field."""
        pairs = [(one, one.control(self.labels)) for one in self.fields]
        return [(one, control) for one, control in pairs if control is not None]


def read_page(html: str) -> Page:
    """Read a page; broken markup is read as far as it goes."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    page = reader.page
    page.title = " ".join(page.title.split())
    page.text = lines("".join(reader.pieces))
    return page


def lines(text: str) -> str:
    """Return text with white space collapsed in each line and without empty lines."""
    return "\n".join(line for raw in text.split("\n") if (line := " ".join(raw.split())))


def inline_image(source: str, label: str) -> Image:
    """Return the picture of a `src`: its bytes when they are a data URL, none when they lie elsewhere."""
    head, comma, data = source.partition(",")
    if not comma or not head.startswith("data:"):
        return Image(label, "", b"")
    kind, _, coding = head[5:].partition(";")
    try:
        content = base64.b64decode(data, validate=True) if coding.endswith("base64") else unquote_to_bytes(data)
    except binascii.Error:
        content = b""
    return Image(label, kind or "text/plain", content)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.pieces: list[str] = []
        self._open: list[tuple[str, bool]] = []
        """Open elements, and whether each hides what is inside."""
        self._hidden = 0
        self._form = -1
        self._title = False
        self._speaking: list[tuple[str, Field]] = []
        self._label: str | None = None
        self._label_text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        hides = tag in SILENT or "hidden" in given
        if tag not in VOID and len(self._open) < DEEPEST:
            self._open.append((tag, hides))
            self._hidden += hides
        if tag == "title":
            self._title = True
        if tag in BLOCKS:
            self.pieces.append("\n")
        if tag == "form":
            self.page.forms.append(Form(given.get("action", ""), given.get("method", "get").lower()))
            self._form = len(self.page.forms) - 1
        if tag == "label":
            self._label, self._label_text = given.get("for", ""), []
        if not self._hidden and not (hides and tag in VOID):
            self._control(tag, given)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._title = False
        if tag in BLOCKS:
            self.pieces.append("\n")
        if tag == "form":
            self._form = -1
        if tag == "label" and self._label is not None:
            self.page.labels.setdefault(self._label, "".join(self._label_text))
            self._label = None
        if self._speaking and self._speaking[-1][0] == tag:
            self._speaking.pop()
        for position in range(len(self._open) - 1, -1, -1):
            if self._open[position][0] == tag:
                for _, hides in self._open[position:]:
                    self._hidden -= hides
                del self._open[position:]
                break

    def handle_data(self, data: str) -> None:
        if self._title and not self.page.title.strip():
            self.page.title += data
        if self._hidden:
            return
        flat = data.replace("\n", " ").replace("\r", " ")
        self.pieces.append(flat)
        if self._label is not None:
            self._label_text.append(flat)
        for _, one in self._speaking:
            one.spoken += flat

    def _control(self, tag: str, given: Attributes) -> None:
        if tag == "a" and "href" in given:
            self._speak(tag, self._field("link", given, target=given["href"]))
        elif tag == "button":
            kind: Kind = "switch" if given.get("role") == "switch" else "button"
            on = given.get("aria-checked") == "true"
            self._speak(tag, self._field(kind, given, value=given.get("value", ""), checked=on))
        elif tag == "textarea":
            self.page.fields.append(self._field("text", given))
        elif tag == "input":
            self._input(given)
        elif tag == "img":
            self.page.images.append(inline_image(given.get("src", ""), given.get("alt", "")))

    def _input(self, given: Attributes) -> None:
        kind, value = given.get("type", "text").lower(), given.get("value", "")
        if kind in ("submit", "button"):
            one = self._field("button", given, value=value)
            one.spoken = one.spoken or value
        elif kind == "checkbox":
            one = self._field("checkbox", given, value=given.get("value", "on"), checked="checked" in given)
        elif kind == "hidden":
            one = self._field("hidden", given, value=value)
        elif kind in TYPED:
            one = self._field("text", given, value=value)
        else:
            return
        self.page.fields.append(one)

    def _field(
        self,
        kind: Kind | Literal["hidden"],
        given: Attributes,
        *,
        value: str = "",
        checked: bool = False,
        target: str = "",
    ) -> Field:
        return Field(
            kind,
            self._form,
            given.get("id", ""),
            given.get("name", ""),
            value,
            checked,
            "disabled" not in given,
            target,
            given.get("aria-label", ""),
        )

    def _speak(self, tag: str, one: Field) -> None:
        self.page.fields.append(one)
        if not one.spoken:
            self._speaking.append((tag, one))
