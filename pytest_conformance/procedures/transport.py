"""How the device speaks: every flow of a whole use classified, and what it does before an impostor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.procedures.certificates import CertificateTrials, try_certificates
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.traffic import Tap, Traffic

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.roles import Device
    from pytest_conformance.drivers.roles import Uplink
    from pytest_conformance.record import Run


@dataclass(frozen=True)
class Transport:
    """`traffic` of boot, set-up, idle and every function with all consents given; `certificates` is what the device
    did with false ones of each declared TLS host.
    """

    traffic: Traffic
    certificates: CertificateTrials
    evidence: tuple[str, ...]


@procedure
def transport(
    device: Device,
    bench: Bench,
    uplink: Uplink,
    run: Run,
    tap: Tap,
    declaration: Declaration,
    profile: Profile,
) -> Transport:
    """Boot, set up, idle and use everything under capture; then stand in for each host with false certificates."""
    told = "Boot, set-up with every consent, idle, every function"
    with tap.watch("transport") as recording, run.step("Stimulate", told):
        device.factory_reset()
        recording.mark("set-up")
        device.first_use({each.scope: True for each in declaration.consents})
        for function in device.functions():
            recording.mark(function)
            device.use(function)
        bench.clock.sleep(profile.windows.idle)

    def use() -> None:
        device.power_cycle()
        for function in device.functions():
            device.use(function)
        bench.clock.sleep(profile.windows.idle)

    certificates = try_certificates(device.trust, uplink, run, declaration.tls_hosts, use)
    traffic = recording.result()
    return Transport(traffic, certificates, traffic.evidence)
