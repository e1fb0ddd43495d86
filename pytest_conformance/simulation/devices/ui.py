"""The device's own panel: the screens that it showed or spoke since power came on, and the controls to touch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pytest_conformance.simulation.devices.base import Behaviour, Device, VerbError, verb
from pytest_conformance.simulation.farend import Json

MOST_SCREENS = 500


@dataclass(frozen=True)
class PanelScreen:
    """One screen: `controls` maps a control's label to what touching it does."""

    id: str
    title: str
    text: str
    at_ms: int
    controls: Mapping[str, Callable[[], object]] = field(default_factory=dict)


class Panel(Behaviour):
    """Shows screens and takes touches. Screens stay listed until power goes; only the last one can be touched."""

    slot = "ui"

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._screens: list[PanelScreen] = []

    def show(
        self, id: str, title: str, text: str = "", controls: Mapping[str, Callable[[], object]] | None = None
    ) -> None:
        """Show or say something; logged as `screen`, and its title is on the front for the watch camera."""
        self._screens.append(PanelScreen(id, title, text, self.device.uptime_ms, controls or {}))
        del self._screens[:-MOST_SCREENS]
        self.device.front(title)
        self.device.log("screen", id=id, title=title)

    @property
    def current(self) -> PanelScreen | None:
        """What is shown now."""
        return self._screens[-1] if self._screens else None

    @verb("screens")
    def screens(self) -> Json:
        rows: list[Json] = [
            {"id": s.id, "title": s.title, "text": s.text, "at_ms": s.at_ms, "controls": list(s.controls)}
            for s in self._screens
        ]
        return {"screens": rows}

    @verb("press")
    def press(self, control: str) -> Json:
        screen = self.current
        if screen is None or control not in screen.controls:
            there = ", ".join(screen.controls) if screen is not None else ""
            raise VerbError("CONTROL", f"there is no such control now; there are: {there or 'none'}")
        screen.controls[control]()
        return {}
