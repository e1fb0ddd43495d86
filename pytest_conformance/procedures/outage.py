"""Without a network, and after a power cut: do the local functions work, and does the device come back?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.procedures.procedure import procedure

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.roles import Device, Done
    from pytest_conformance.drivers.roles import Uplink
    from pytest_conformance.record import Run


@dataclass(frozen=True)
class Outage:
    """`offline`: functions declared to work offline, tried with the uplink cut. `recovered`: the same after power
    came back. `recovery` is the time in seconds from power to the first answer (U in `uncertainty`, k = 2);
    `state_kept` whether set-up, sensors and bolt were as before or safer.
    """

    online: Mapping[str, Done]
    offline: Mapping[str, Done]
    recovered: Mapping[str, Done]
    recovery: float
    uncertainty: float
    state_kept: bool
    evidence: tuple[str, ...] = ()


@procedure
def outage(
    device: Device, bench: Bench, uplink: Uplink, run: Run, declaration: Declaration, profile: Profile
) -> Outage:
    """Cut the uplink and use every function that is declared to work offline; then cut the power in mid-use."""
    names = [each.name for each in declaration.functions if each.offline]
    with run.step("Setup", "Factory reset and first use"):
        device.factory_reset()
        device.first_use({each.scope: True for each in declaration.consents})
        online = {name: device.use(name) for name in names}
    uplink.cut()
    try:
        with run.step("Stimulate", "Uplink cut: use every offline function"):
            bench.clock.sleep(profile.windows.outage)
            offline = {name: device.use(name) for name in names}
            before = device.condition()
        with run.step("Stimulate", "Power cut and restored, uplink still cut"):
            device.power_off()
            bench.clock.sleep(profile.windows.power_cut)
            started = bench.clock.now()
            device.power_on()
            recovery = (bench.clock.now() - started) / 1e9
            kept = device.no_less_safe(before)
            recovered = {name: device.use(name) for name in names}
    finally:
        uplink.restore()
    return Outage(online, offline, recovered, recovery, device.readiness_uncertainty, kept)
