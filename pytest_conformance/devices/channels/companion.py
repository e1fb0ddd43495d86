"""The companion app as a person uses it: screens, labels, presses. Its two doors live in modules of their own."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from pytest_conformance.clock import Clock
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.errors import DeviceError, LinkError, MethodError

Kind = Literal["button", "link", "checkbox", "switch", "text"]
PRESSED: Collection[Kind] = ("button", "link", "switch")
TICKED: Collection[Kind] = ("checkbox", "switch")
FILLED: Collection[Kind] = frozenset({"text"})
BUTTONS: Collection[Kind] = frozenset({"button"})

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ANSWER = 15.0
"""Wall seconds that a page may take to answer."""
LARGEST_PAGE = 8_000_000
"""Bytes of a page that are read."""


@dataclass(frozen=True)
class Control:
    """Something to touch or fill. `label` is its accessible name; `checked` is None for what cannot be ticked."""

    kind: Kind
    label: str
    name: str = ""
    checked: bool | None = None
    value: str = ""
    enabled: bool = True


@dataclass(frozen=True)
class Image:
    """A picture inside a screen, with its alternative text and bytes (empty when they are not in the page)."""

    label: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Screen:
    """What the app shows. `text` holds one line per block of visible text; `at` is bench time in ns.

    `picture` is a PNG of the whole screen, None where the door has no pixels. `status` is the HTTP status.
    """

    path: str
    title: str
    text: str
    controls: tuple[Control, ...]
    images: tuple[Image, ...] = ()
    picture: bytes | None = None
    status: int = 200
    at: int = 0

    def has(self, label: str) -> bool:
        """Tell whether there is a control with this label."""
        return any(normal(control.label) == normal(label) for control in self.controls)


class Companion(Protocol):
    """The app on a phone. Every act waits until the app shows what follows.

    Each raises LinkError BEN-LNK-031 when the app does not answer. Acts on a label raise DeviceError DUT-APP-001
    when no control that can do so bears it, DUT-APP-002 when it is greyed out, DUT-APP-003 when several bear it.
    """

    door: str
    """"chromium" or "forms"."""
    person: str
    """Whose phone it is."""
    steps: int
    """What the person did since `reset_steps`: opening a screen, a press, a tick that changes something, a filling."""

    def open(self, path: str = "/") -> None: ...

    def screen(self, *, picture: bool = True) -> Screen:
        """Return what is shown now; without `picture` no screenshot is taken."""
        ...

    def reload(self) -> None:
        """Show the same screen anew; not counted as a step."""
        ...

    def press(self, label: str) -> None: ...

    def tick(self, label: str, on: bool = True) -> None:
        """Bring a checkbox or switch into a state; one that has it already is left alone and costs no step."""
        ...

    def fill(self, label: str, text: str) -> None: ...

    def submit(self) -> None:
        """Press the first button of the screen."""
        ...

    def as_person(self, name: str) -> None:
        """Take up the phone of `name`: sessions are kept apart, and each phone keeps the screen it was left at."""
        ...

    def reset_steps(self) -> None: ...

    def forget(self) -> None:
        """Forget every person's session, as if the app were installed anew on all phones."""
        ...

    def close(self) -> None: ...


def open_companion(
    address: str, clock: Clock, folder: Path, door: Literal["auto", "chromium", "forms"] = "auto"
) -> Companion:
    """Open the companion app at the web address `address`.

    "auto" takes chromium where the browser and playwright are there, else plain HTTP forms. Raises MethodError
    MET-COM-002 when chromium is asked for and is not there, LinkError when the app does not answer.
    """
    browser = find_browser()
    playwright = importlib.util.find_spec("playwright") is not None
    if door == "chromium" and (browser is None or not playwright):
        raise MethodError(
            "MET-COM-002",
            f"the companion app cannot be driven by a browser: {'no playwright' if browser else 'no chromium'}",
            where=address,
            expected="chromium and playwright",
            todo="apt install chromium; pip install pytest-conformance[companion]",
        )
    if door == "forms" or browser is None or not playwright:
        from pytest_conformance.devices.channels.companion_forms import FormsCompanion

        return FormsCompanion(address, clock)
    from pytest_conformance.devices.channels.companion_chromium import ChromiumCompanion

    return ChromiumCompanion(address, clock, browser)


class CompanionChannel:
    """The channel as a bench file names it (`driver: companion-page`)."""

    class Settings(BaseModel):
        """`address`: the app's web address; `door`: "auto", "chromium" or "forms"."""

        model_config = ConfigDict(extra="forbid")
        address: str
        door: Literal["auto", "chromium", "forms"] = "auto"

    @classmethod
    def open(cls, settings: Settings, context: DriverContext) -> Companion:
        """Open the app; see `open_companion`."""
        return open_companion(settings.address, context.clock, context.folder, settings.door)


def find_browser() -> str | None:
    """Return the path of a chromium on this machine, or None."""
    return next((found for name in BROWSERS if (found := shutil.which(name, path="/usr/bin:/usr/local/bin"))), None)


def picture_or_refuse(screen: Screen) -> bytes:
    """Return the screen's PNG; MethodError MET-COM-001 where the app is driven without pixels."""
    if screen.picture is None:
        raise MethodError(
            "MET-COM-001",
            f"the look of app screen {screen.title!r} cannot be judged: the app is driven by its forms, without pixels",
            where=f"companion app, {screen.path}",
            expected="the app in a browser",
            todo="apt install chromium; pip install pytest-conformance[companion]",
        )
    return screen.picture


def wait_for_screen(
    companion: Companion, clock: Clock, condition: Callable[[Screen], bool], timeout: float
) -> Screen | None:
    """Look at the screen again and again until `condition` holds; None when `timeout` seconds of bench time passed."""

    def look() -> Screen | None:
        companion.reload()
        screen = companion.screen(picture=False)
        return screen if condition(screen) else None

    return clock.wait_for(look, timeout)


def find_control(screen: Screen, label: str, kinds: Collection[Kind]) -> int:
    """Return the position in `screen.controls` of the enabled control `label` that is one of `kinds`."""
    found = [
        position
        for position, control in enumerate(screen.controls)
        if control.kind in kinds and normal(control.label) == normal(label)
    ]
    where = f"companion app, {screen.path} ({screen.title})"
    if not found:
        there = ", ".join(f"{control.kind} {control.label!r}" for control in screen.controls) or "no control at all"
        raise DeviceError(
            "DUT-APP-001",
            f"the app shows no {' or '.join(kinds)} {label!r}",
            where=where,
            expected=f"{label!r}",
            todo=f"there is: {there}. Correct the label in the declaration, or the way that leads here",
        )
    if len(found) > 1:
        raise DeviceError(
            "DUT-APP-003",
            f"the app shows {len(found)} controls {label!r}",
            where=where,
            expected="one",
            todo="give the controls different labels in the app, or name a more specific screen",
        )
    if not screen.controls[found[0]].enabled:
        raise DeviceError(
            "DUT-APP-002",
            f"the app shows {label!r} greyed out",
            where=where,
            expected="a control that can be used",
            todo="do first what the app asks for on this screen",
        )
    return found[0]


def first_button(screen: Screen) -> str:
    """Return the label of the first button; DUT-APP-001 when the screen has none."""
    for control in screen.controls:
        if control.kind == "button" and control.enabled:
            return control.label
    return screen.controls[find_control(screen, "", BUTTONS)].label


def normal(label: str) -> str:
    """Return a label as it is compared: white space collapsed, case folded."""
    return " ".join(label.split()).casefold()


def silent(address: str, why: str) -> LinkError:
    """Return the error for an app that does not answer."""
    return LinkError(
        "BEN-LNK-031",
        f"the companion app does not answer: {why}",
        where=address,
        expected=f"a page within {ANSWER:g} s",
        todo="see that the app's far end (or phone) is running and reachable, then run again",
    )


def strayed(address: str, target: str) -> DeviceError:
    """Return the error for an app that leads out of itself: the bench does not follow."""
    return DeviceError(
        "DUT-APP-004",
        f"the app leads to another site: {target[:200]!r}",
        where=address,
        expected="a screen of the app",
        todo="give the procedure a way that stays inside the app",
    )
