"""Known-bad behaviours of start-up and self-description: a device that never starts, one whose words are hostile."""

from __future__ import annotations

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
    """Says who it is, and logs, in text made to harm whoever prints, stores or displays it."""

    def start(self) -> None:
        self.device.emit(HOSTILE.encode("utf-8", "surrogateescape"))
        self.device.log("banner", text=HOSTILE, **{HOSTILE: HOSTILE})

    def identify(self) -> Json:
        return {name: f"{text}{HOSTILE}" for name, text in self.device.identity().items()}
