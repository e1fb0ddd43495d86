"""Known-bad behaviours of start-up and self-description: never starting, hostile words, updates by itself."""

from __future__ import annotations

from dataclasses import replace

from pytest_conformance.simulation.devices.base import Boot
from pytest_conformance.simulation.devices.behaviours import Identity
from pytest_conformance.simulation.devices.known_bad import ANY, known_bad
from pytest_conformance.simulation.farend import Json

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\x00<script>alert(1)</script><img src=x onerror=alert(1)>\u202e../../etc/passwd\udc80\r\n"
)
"""Control sequences, HTML, a bidirectional override, path separators, a lone surrogate and a line end."""


@known_bad("never-boots", kind=ANY, slot="boot", breaks=[])
class NeverBoots(Boot):
    """Takes power and never gets ready."""

    seconds = None


@known_bad("hostile-identity", kind=ANY, slot="identity", breaks=[])
class HostileIdentity(Identity):
    """Says who it is, and logs, in text made to harm whoever prints, stores or shows it; the model is the true one."""

    def start(self) -> None:
        self.device.emit(HOSTILE.encode("utf-8", "surrogateescape"))
        self.device.log("banner", text=HOSTILE, **{HOSTILE: HOSTILE})

    def identify(self) -> Json:
        honest = self.device.identity()
        return {name: text if name == "model" else f"{text}{HOSTILE}" for name, text in honest.items()}


@known_bad("updates-by-itself", kind=ANY, slot="identity", breaks=[])
class UpdatesByItself(Identity):
    """Puts another firmware on itself some minutes after it came up, and starts again with it."""

    delay = 240.0
    newer = "99.0"

    def start(self) -> None:
        if self.device.facts.firmware != self.newer:
            self.device.after(self.delay, self._update)

    def _update(self) -> None:
        self.device.log("update", firmware=self.newer)
        self.device.facts = replace(self.device.facts, firmware=self.newer)
        self.device.restart()
