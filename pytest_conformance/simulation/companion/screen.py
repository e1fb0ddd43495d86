"""What an app screen consists of: text, pictures and controls with accessible labels. No HTML, no device, no policy."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

ENGLISH = "en"
CHINESE = "zh-CN"


@dataclass(frozen=True)
class Paragraph:
    """Text in one language. `style`: "small" is fine print, "hidden" is in the page but not shown."""

    text: str
    lang: str = ENGLISH
    style: Literal["plain", "heading", "notice", "small", "hidden"] = "plain"


@dataclass(frozen=True)
class Button:
    """Sends the screen's form with `press` set to `name`."""

    label: str
    name: str
    note: str = ""
    """Text under the label, usually the Chinese; not part of the accessible name."""
    primary: bool = False
    enabled: bool = True


@dataclass(frozen=True)
class Link:
    """Goes to another screen of the app."""

    label: str
    path: str
    note: str = ""


@dataclass(frozen=True)
class Checkbox:
    """A box that is sent with the next button: `name` is "on" in the form when ticked, absent otherwise."""

    label: str
    name: str
    ticked: bool = False
    note: str = ""
    enabled: bool = True


@dataclass(frozen=True)
class Switch:
    """A toggle that acts at once: touching it sends the form with `name` set to the state asked for, "on" or "off"."""

    label: str
    name: str
    on: bool = False
    note: str = ""
    enabled: bool = True


@dataclass(frozen=True)
class TextInput:
    """A line to type into, sent as `name` with the next button."""

    label: str
    name: str
    value: str = ""
    kind: Literal["text", "password", "number", "tel"] = "text"
    note: str = ""
    enabled: bool = True


@dataclass(frozen=True)
class Picture:
    """A picture in the screen, for example the live view; `label` is its alternative text."""

    label: str
    content: bytes
    media_type: str = "image/jpeg"


Control: TypeAlias = Button | Link | Checkbox | Switch | TextInput | Picture


@dataclass(frozen=True)
class AppScreen:
    """One screen. Buttons, switches and fields belong to one form, which is posted to `path`."""

    path: str
    title: str
    paragraphs: tuple[Paragraph | str, ...] = ()
    controls: tuple[Control, ...] = ()
    status: int = 200
    """HTTP status with which it is served: 403 for what this person may not see, 404 for what is not there."""
    lang: str = ENGLISH


@dataclass
class Session:
    """One running app on one person's phone. `person` is empty until the app has logged somebody in."""

    id: str
    person: str = ""
    facts: MutableMapping[str, Any] = field(default_factory=dict)
    """What the app remembers for this session: the device builder's own."""


class App(Protocol):
    """The app of one kind of device. Calls come one at a time."""

    def screen(self, path: str, session: Session) -> AppScreen | None:
        """Return the screen at `path` as this session sees it; None when there is no such screen.

        A screen whose own `path` differs from the one that was asked for is served as a redirect to it: the app
        sends a first-run user to the rules, whatever he opened.
        """
        ...

    def submit(self, path: str, session: Session, form: Mapping[str, str]) -> str:
        """Act on the form of the screen at `path` and return the path of the screen that follows."""
        ...
