"""Traps for what is stored and sent later: the device restarts, its clock says night, its uplink comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from pytest_conformance.errors import MethodError

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.drivers.roles import Uplink
    from pytest_conformance.procedures.traffic import Recording
    from pytest_conformance.record import Run

NIGHT = 2.5
"""Hour (UTC) to which the night trap moves the clock that the device is told."""
_DAY = 86_400.0


class Restartable(Protocol):
    """What a trap asks of a device."""

    def power_cycle(self) -> None: ...


@dataclass(frozen=True)
class Trap:
    """One trap: was it set, and if not, why. `asked` counts how often the device asked for the time (None: unknown)."""

    name: str
    was_set: bool
    reason: str = ""
    asked: int | None = None


def set_traps(
    device: Restartable, bench: Bench, uplink: Uplink, run: Run, recording: Recording, profile: Profile
) -> tuple[Trap, ...]:
    """Restart the device, then let it be night for it, each watched for the profile's window; marks both."""
    with run.step("Stimulate", "Trap: restart"):
        recording.mark("restart")
        device.power_cycle()
        bench.clock.sleep(profile.windows.trap)
    return (Trap("restart", True), _night(bench, uplink, run, recording, profile))


def _night(bench: Bench, uplink: Uplink, run: Run, recording: Recording, profile: Profile) -> Trap:
    before = uplink.times_asked()
    with run.step("Stimulate", f"Trap: the clock says {NIGHT:g} h at night"):
        try:
            uplink.move_clock(until_night(datetime.now(UTC)))
        except MethodError as error:
            return Trap("night", False, error.what)
        try:
            recording.mark("night")
            bench.clock.sleep(profile.windows.trap)
        finally:
            uplink.move_clock(0.0)
    after = uplink.times_asked()
    return Trap("night", True, asked=None if before is None or after is None else after - before)


def until_night(now: datetime) -> float:
    """Return the seconds from `now` to the next time that is `NIGHT` hours UTC, 0 to a day."""
    at = now.hour * 3600.0 + now.minute * 60.0 + now.second
    return (NIGHT * 3600.0 - at) % _DAY


def require_traps(traps: Sequence[Trap], *names: str) -> None:
    """Refuse to conclude from silence when a trap was not set: what is stored may be sent later.

    Raises MethodError MET-TRF-003.
    """
    reasons = {each.name: each.reason for each in traps if not each.was_set}
    missing = [name for name in names if name not in {each.name for each in traps if each.was_set}]
    if missing:
        raise MethodError(
            "MET-TRF-003",
            f"no trap was set for what is stored and sent later: {', '.join(missing)}",
            where="; ".join(dict.fromkeys(each for each in reasons.values() if each)),
            expected="the device watched after a restart and with its clock moved to the night",
            todo="let the bench serve the time (clock_command of the access point), and repeat",
        )
