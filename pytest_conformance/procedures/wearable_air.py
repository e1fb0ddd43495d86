"""A wearable over Bluetooth LE: what it tells everybody, and what it takes before it gives its data away."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.procedure import procedure

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.devices.channels.ble import Answer, Ble, Security
    from pytest_conformance.devices.wearable import ReferenceWearable
    from pytest_conformance.procedures.canaries import Canaries
    from pytest_conformance.record import Run

LISTEN = 1.0
"""Wall seconds of listening to advertisements."""
ASSIGNED = {"generic access": "1800", "generic attribute": "1801", "device information": "180A"}
"""Assigned numbers of services that a declaration may leave open, by name (Bluetooth SIG)."""
ALWAYS_OPEN = ("1800", "1801")


@dataclass(frozen=True)
class Visit:
    """One way to come to the device: what the link was, and which of its protected values could be read there.

    `read` maps a characteristic's UUID to its value (hexadecimal), `notified` lists those that sent by themselves.
    """

    paired: bool
    encrypted: bool
    authenticated: bool
    secure_connections: bool
    key_size: int | None
    reason: str
    read: Mapping[str, str]
    notified: tuple[str, ...]
    asked: int


@dataclass(frozen=True)
class Air:
    """The device over the air: advertisements, open values, and four visits: unpaired, just works, legacy, proper.

    `told` names planted things that could be read out of advertisements or of values that anybody may read; `codes`
    are the pairing codes that the device showed one after the other.
    """

    heard: int
    told: tuple[str, ...]
    unpaired: Visit
    just_works: Visit
    legacy: Visit
    proper: Visit
    codes: tuple[str, ...]
    evidence: tuple[str, ...]

    def require_reachable(self) -> None:
        """Refuse to conclude when the device was not heard, or gave nothing even to a properly paired phone.

        Raises MethodError MET-AIR-001.
        """
        if not self.heard or not self.proper.read:
            raise MethodError(
                "MET-AIR-001",
                f"{self.heard} advertisements were heard, {len(self.proper.read)} values read after pairing",
                expected="at least one of each: else a refusal says nothing",
                todo="bring the dongle nearer, wake the device, see the btsnoop file",
            )


@procedure
def air(wearable: ReferenceWearable, bench: Bench, run: Run, canaries: Canaries, declaration: Declaration) -> Air:
    """Listen to advertisements, then read every value unpaired, and after just works, legacy and proper pairing."""
    with run.step("Setup", "Factory reset, every consent given, a child's name, worn"):
        wearable.factory_reset()
        wearable.first_use({each.scope: True for each in declaration.consents})
        name = f"Child-{secrets.token_hex(6)}"
        canaries.add({"name of the child over the air": name})
        wearable.describe_child(name, 8)
        for sensor in declaration.sensors:
            if sensor.senses == "heart_rate":
                wearable.stimulate(sensor.name)
    ble = wearable.ble
    with run.step("Stimulate", "Listen, and read as a stranger"):
        ble.disconnect()
        heard = [each for each in ble.scan(LISTEN) if each.address.upper() == wearable.air_address().upper()]
        open_air = b"\n".join(each.name.encode() + b"\n" + each.manufacturer for each in heard)
        ble.forget()
        wearable.over_air()
        told = canaries.found_in(open_air + b"\n" + _open_values(ble, declaration))
        unpaired = _visit(ble, wearable, declaration, None)
    with run.step("Stimulate", "Pair without a code, by the old method, and properly"):
        codes: list[str] = []
        just_works = _paired(wearable, declaration, codes, use_code=False)
        legacy = _paired(wearable, declaration, codes, secure=False)
        proper = _paired(wearable, declaration, codes)
        ble.disconnect()
    snoop = run.evidence(
        ble.snoop.read_bytes(), name="air.btsnoop", media_type="application/octet-stream", caption="Bluetooth LE"
    )
    return Air(len(heard), told, unpaired, just_works, legacy, proper, tuple(codes), (snoop,))


def _paired(
    wearable: ReferenceWearable,
    declaration: Declaration,
    codes: list[str],
    *,
    use_code: bool = True,
    secure: bool = True,
) -> Visit:
    """Come anew, pair in the way that is asked for, and read."""
    wearable.ble.disconnect()
    wearable.ble.forget()
    codes.append(wearable.pairing_code())
    ble = wearable.over_air()
    security = ble.pair(int(codes[-1]) if use_code else None, secure_connections=secure)
    return _visit(ble, wearable, declaration, security)


def _visit(ble: Ble, wearable: ReferenceWearable, declaration: Declaration, security: Security | None) -> Visit:
    read, notified, asked = {}, [], 0
    for uuid, properties in _characteristics(ble, open_services(declaration), inside=False):
        if "read" in properties:
            asked += 1
            answer: Answer = ble.ask(uuid)
            if answer.ok:
                read[uuid] = answer.value.hex()
        if "notify" in properties and ble.subscribe(uuid).ok:
            asked += 1
            wearable.wear(True)
            wearable.rest_a_reading()
            if ble.notifications(uuid):
                notified.append(uuid)
    link = security if security is not None else ble.security()
    return Visit(
        link.paired,
        link.encrypted,
        link.authenticated,
        link.secure_connections,
        link.key_size,
        link.reason,
        read,
        tuple(notified),
        asked,
    )


def _open_values(ble: Ble, declaration: Declaration) -> bytes:
    """Return all that anybody may read, one value a line."""
    values = []
    for uuid, properties in _characteristics(ble, open_services(declaration), inside=True):
        if "read" in properties:
            values.append(ble.ask(uuid).value)
    return b"\n".join(values)


def _characteristics(ble: Ble, services: Sequence[str], *, inside: bool) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (each.uuid, each.properties)
        for service in ble.services()
        if (service.uuid in services) is inside
        for each in service.characteristics
    ]


def open_services(declaration: Declaration) -> tuple[str, ...]:
    """Return the UUIDs of services that anybody may read: those of the protocol itself and those declared so."""
    declared = [
        ASSIGNED.get(each.service or "", (each.service or "").upper())
        for each in declaration.interfaces
        if each.transport == "ble" and each.authentication in (None, "none")
    ]
    return (*ALWAYS_OPEN, *declared)
