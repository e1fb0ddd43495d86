"""Walk through a companion app as a person would: by labels, one step each; answer consents; find the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_conformance.clock import Clock
from pytest_conformance.devices.roles import Asked, Done, Rules, SetUp, Witness
from pytest_conformance.errors import DeviceError

if TYPE_CHECKING:
    from pytest_conformance.devices.channels.companion import Companion, Screen

MOST_SCREENS = 20
"""Screens of a first use after which the app is taken to go in circles."""
CONSENT = "/consent/"


class Walk:
    """The way through the reference app (docs/test-port.md, section 5), counting a person's steps."""

    def __init__(self, companion: Companion, clock: Clock, witness: Witness | None = None) -> None:
        self.companion = companion
        self.clock = clock
        self._witness = witness

    def follow(self, path: Sequence[str]) -> Done:
        """From the home screen press each label of `path`, and `Confirm` when the app asks once more.

        Returns ok=False with what the app showed when a label is missing.
        """
        began = self.clock.now()
        self.companion.open("/")
        return self.press(path, began, self.companion.steps)

    def press(self, labels: Sequence[str], began: int, before: int) -> Done:
        """Press each of `labels` from where the app stands, and `Confirm` when it asks once more.

        `began` (bench time, ns) and `before` (steps) say where the person's way began, for `seconds` and `steps`.
        Returns ok=False with what the app showed when a label is missing.
        """
        for label in labels:
            try:
                self.companion.press(label)
            except DeviceError as missing:
                return Done(False, str(missing), self.companion.steps - before)
        if "Confirm" in self._labels() and "Cancel" in self._labels():
            self.companion.press("Confirm")
        seconds = (self.clock.now() - began) / 1e9
        return Done(True, self._look().text, self.companion.steps - before, seconds)

    def reach(self, path: Sequence[str]) -> Screen:
        """Press all labels of `path` but the last; return the screen on which the last should stand.

        Raises DeviceError DUT-APP-001 when a label is missing on the way.
        """
        self.companion.open("/")
        for label in path[:-1]:
            self.companion.press(label)
        return self._look()

    def first_use(
        self, name: str, secret: str, consents: Mapping[str, bool], *, agree: bool = True, pairing: str = ""
    ) -> SetUp:
        """Set the device up from the first screen; `consents` says yes or no to each scope that is asked for.

        A scope that `consents` does not name is declined. Ends at the home screen, or where the app leaves a
        person who does not agree: at the rules themselves where they cannot be declined.
        """
        before = self.companion.steps
        rules: list[Rules] = []
        asked: list[Asked] = []
        self.companion.open("/")
        for _ in range(MOST_SCREENS):
            screen = self._look()
            labels = self._labels()
            if "Agree" in labels:
                rules.append(Rules("app", screen.text, self.clock.now()))
                self._keep("processing rules")
                if not agree:
                    if "Decline" in labels:
                        self.companion.press("Decline")
                    break
                self.companion.press("Agree")
            elif screen.path == "/set-up":
                self._introduce(labels, name, secret, pairing)
            elif screen.path.startswith(CONSENT):
                scope = screen.path.removeprefix(CONSENT)
                asked.append(self.answer(scope, consents.get(scope, False)))
            else:
                break
        return SetUp(tuple(rules), tuple(asked), self.companion.steps - before)

    def answer(self, scope: str, accept: bool) -> Asked:
        """Answer the consent screen that is open: tick its box and go on, or decline."""
        self._keep(f"consent {scope}")
        screen = self._look()
        boxes = [control for control in screen.controls if control.kind == "checkbox"]
        labels = [control.label for control in screen.controls]
        preticked = any(control.checked for control in boxes)
        can_decline = "Decline" in labels
        asked = Asked(
            scope,
            screen.title,
            screen.text,
            tuple(control.label for control in boxes),
            preticked,
            can_decline,
            accept,
            self.clock.now(),
        )
        if accept:
            for box in boxes:
                self.companion.tick(box.label, True)
            self.companion.press("Continue")
        elif can_decline:
            self.companion.press("Decline")
        else:
            for box in boxes:
                self.companion.tick(box.label, False)
            self.companion.press("Continue")
        return asked

    def rules(self) -> Rules | None:
        """Find the processing rules in the app: at first use, else by Settings, Privacy, Privacy rules."""
        self.companion.open("/")
        if "Agree" in self._labels():
            return Rules("app", self._look().text, self.clock.now())
        if self.follow(("Settings", "Privacy", "Privacy rules")).ok:
            screen = self._look()
            return Rules("app", screen.text, self.clock.now())
        return None

    def _introduce(self, labels: Sequence[str], name: str, secret: str, pairing: str) -> None:
        if "Name" in labels:
            self.companion.fill("Name", name)
        if "Secret" in labels:
            self.companion.fill("Secret", secret)
        if "Pairing password" in labels:
            self.companion.fill("Pairing password", pairing)
        self.companion.press("Save")

    def _keep(self, title: str) -> None:
        if self._witness is not None:
            self._witness.screen(self.companion, title)

    def _look(self) -> Screen:
        return self.companion.screen(picture=False)

    def _labels(self) -> list[str]:
        return [control.label for control in self._look().controls]
