"""How the device speaks: every flow of a whole use classified, and what it does before an impostor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pytest_conformance.drivers.interception import Authority
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.traffic import Tap, Traffic

if TYPE_CHECKING:
    import ssl

    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.roles import Device, Done
    from pytest_conformance.drivers.roles import Handshake, Uplink
    from pytest_conformance.record import Run


ELSEWHERE = "elsewhere.invalid"
"""The name in a certificate that a device trusts and must not take for its host."""


@dataclass(frozen=True)
class Transport:
    """`traffic` of boot, set-up, idle and every function with all consents given; `impostor` maps each declared
    TLS host to the handshakes that the device tried with a certificate that it has no reason to trust. `misnamed`
    does so for a certificate in another name, of an authority that the test build was told to trust; `trusted` is how
    the telling went, and without it `misnamed` is empty.
    """

    traffic: Traffic
    impostor: Mapping[str, tuple[Handshake, ...]]
    trusted: Done
    misnamed: Mapping[str, tuple[Handshake, ...]]
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
    """Boot, set up, idle and use everything under capture; then stand in for each host with a false certificate."""
    told = "Boot, set-up with every consent, idle, every function"
    with tap.watch("transport") as recording, run.step("Stimulate", told):
        device.factory_reset()
        recording.mark("set-up")
        device.first_use({each.scope: True for each in declaration.consents})
        for function in device.functions():
            recording.mark(function)
            device.use(function)
        bench.clock.sleep(profile.windows.idle)
    hosts = dict.fromkeys(each.host for each in declaration.endpoints if each.encrypted and each.sender == "device")
    use = partial(_tempted, device, bench, uplink, run, profile)
    impostor = {host: use(host, "an untrusted certificate") for host in hosts}
    authority = Authority("Bench authority")
    trusted = device.trust(authority.pem)
    elsewhere = authority.context(ELSEWHERE)
    other = f"a trusted certificate for {ELSEWHERE}"
    misnamed = {host: use(host, other, elsewhere) for host in hosts} if trusted.ok else {}
    traffic = recording.result()
    return Transport(traffic, impostor, trusted, misnamed, traffic.evidence)


def _tempted(
    device: Device,
    bench: Bench,
    uplink: Uplink,
    run: Run,
    profile: Profile,
    host: str,
    told: str,
    shown: ssl.SSLContext | None = None,
) -> tuple[Handshake, ...]:
    """Restart and use the device while somebody else answers for `host`; return what it did with him."""
    with run.step("Stimulate", f"Stand in for {host} with {told}"), uplink.intercept(host, shown) as interception:
        device.power_cycle()
        for function in device.functions():
            device.use(function)
        bench.clock.sleep(profile.windows.idle)
        return tuple(interception.handshakes())
