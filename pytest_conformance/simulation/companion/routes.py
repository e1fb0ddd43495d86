"""An `App` put together from small pieces, so that a behaviour can add its screens and a known-bad one replace one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from pytest_conformance.simulation.companion.screen import AppScreen, Session

Show: TypeAlias = Callable[[Session], AppScreen | None]
ShowBelow: TypeAlias = Callable[[str, Session], AppScreen | None]
Act: TypeAlias = Callable[[Session, Mapping[str, str]], str]
ActBelow: TypeAlias = Callable[[str, Session, Mapping[str, str]], str]
Gate: TypeAlias = Callable[[str, Session], AppScreen | None]


class Routes:
    """Screens and actions by path.

    `on("/rules", show, act)` answers one path. `below("/users/", show, act)` answers every path that begins so and
    is given the rest of it ("anna" for "/users/anna"). A later registration replaces an earlier one. `gate` is asked
    before every screen and every action: the screen that it returns is shown instead (rules not yet agreed to, not
    logged in), unless it stands at the path that was asked for.
    """

    def __init__(self, gate: Gate | None = None) -> None:
        self.gate = gate
        self._screens: dict[str, Show] = {}
        self._actions: dict[str, Act] = {}
        self._screens_below: dict[str, ShowBelow] = {}
        self._actions_below: dict[str, ActBelow] = {}

    def on(self, path: str, show: Show, act: Act | None = None) -> None:
        """Answer `path`; without `act` the screen only shows and a form that is sent to it changes nothing."""
        self._screens[path] = show
        self._actions.pop(path, None)
        if act is not None:
            self._actions[path] = act

    def below(self, prefix: str, show: ShowBelow, act: ActBelow | None = None) -> None:
        """Answer every path that begins with `prefix` (which ends with a slash) and has no entry of its own."""
        if not prefix.endswith("/"):
            raise ValueError(f"a prefix ends with a slash: {prefix!r}")
        self._screens_below[prefix] = show
        self._actions_below.pop(prefix, None)
        if act is not None:
            self._actions_below[prefix] = act

    def remove(self, path: str) -> None:
        """Take a screen away: the app has no such function."""
        for table in (self._screens, self._actions, self._screens_below, self._actions_below):
            table.pop(path, None)

    def screen(self, path: str, session: Session) -> AppScreen | None:
        if (shut := self._shut(path, session)) is not None:
            return shut
        if show := self._screens.get(path):
            return show(session)
        for prefix in _longest_first(self._screens_below):
            if path.startswith(prefix):
                return self._screens_below[prefix](path[len(prefix) :], session)
        return None

    def submit(self, path: str, session: Session, form: Mapping[str, str]) -> str:
        shut = self._shut(path, session)
        if shut is not None and shut.path != path:
            return shut.path
        if act := self._actions.get(path):
            return act(session, form)
        for prefix in _longest_first(self._actions_below):
            if path.startswith(prefix):
                return self._actions_below[prefix](path[len(prefix) :], session, form)
        return path

    def _shut(self, path: str, session: Session) -> AppScreen | None:
        return None if self.gate is None else self.gate(path, session)


def _longest_first(prefixes: Mapping[str, object]) -> list[str]:
    return sorted(prefixes, key=len, reverse=True)
