"""Which serial port an address means: never by a name that the kernel hands out anew, never one of two alike."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from pytest_conformance.errors import LinkError, UsageError

BY_ID = "/dev/serial/by-id/"
QUIET = 1.0
"""Seconds for which a port that came back must stay the same."""
BACK_WITHIN = 5.0
"""Seconds that a port which went away is given to come back and settle."""
_NUMBERED = re.compile(r"/dev/tty(USB|ACM)\d+", re.ASCII)


def require_lasting(address: str, where: str) -> None:
    """Refuse an address that may mean another adapter tomorrow (cases B02, B03).

    Raises UsageError USE-SER-001 for a name such as /dev/ttyUSB0, which the kernel gives in the order of plugging in,
    and LinkError BEN-LNK-133 when two adapters have the USB serial number that a name below /dev/serial/by-id holds.
    """
    if _NUMBERED.fullmatch(address):
        raise UsageError(
            "USE-SER-001",
            f"{address} is whichever adapter was plugged in in that order",
            where=where,
            expected=f"a name below {BY_ID} (USB serial number) or /dev/serial/by-path (physical port)",
            todo=f"look for the link that leads to {address} there, and write it into the bench file",
        )
    if not address.startswith(BY_ID):
        return
    alike = same_adapter(os.path.realpath(address))
    if len(alike) > 1:
        raise LinkError(
            "BEN-LNK-133",
            f"{len(alike)} adapters have the same USB serial number: {', '.join(alike)}",
            where=where,
            expected="one adapter with this serial number: their names below /dev/serial/by-id are the same",
            todo="name the physical port instead, below /dev/serial/by-path, or unplug the other adapter",
        )


def same_adapter(device: str) -> list[str]:
    """Return the ports, "name at physical port", of all adapters that have the model and serial number of `device`'s.

    Interfaces of one adapter count once. Empty when `device` is no USB port or tells no serial number.
    """
    from serial.tools.list_ports import comports

    ports = list(comports())
    mine = next((each for each in ports if each.device == device and each.serial_number), None)
    if mine is None:
        return []
    found: dict[str, str] = {}
    for each in ports:
        if (each.vid, each.pid, each.serial_number) == (mine.vid, mine.pid, mine.serial_number):
            found.setdefault(str(each.location).partition(":")[0], f"{each.device} at {each.location}")
    return [found[each] for each in sorted(found)]


@dataclass
class Settling:
    """Tells when a port that vanishes and returns (case B08) has come to rest: call `look` again and again."""

    address: str
    changes: int = 0
    """How often another port, or none, was found under the address."""
    _seen: tuple[object, ...] | None = None
    _since: int = field(default=-1)

    def look(self, now: int) -> bool:
        """Return whether the address has meant one and the same port for QUIET seconds; `now` in ns."""
        try:
            found = os.stat(self.address)
            seen: tuple[object, ...] | None = (os.path.realpath(self.address), found.st_rdev, found.st_ino)
        except OSError:
            seen = None
        if self._since < 0 or seen != self._seen:
            self.changes += self._since >= 0
            self._seen, self._since = seen, now
        return seen is not None and now - self._since >= QUIET * 1e9
