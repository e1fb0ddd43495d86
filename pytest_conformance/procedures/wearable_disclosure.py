"""Strangers at the supplier's service: do they get to read what it keeps about a child?"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.procedures.procedure import procedure

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.devices.wearable import ReferenceWearable
    from pytest_conformance.drivers.roles import Cloud, CloudObject
    from pytest_conformance.record import Run

EACH = 3
"""Objects of each collection that are asked for."""
REFUSALS = (401, 403, 404)


@dataclass(frozen=True)
class Asked:
    """One request: who asked ("nobody", "false token", "stranger", "guardian") for what, and what came.

    `gave_away` is whether the answer held the object, or named one that belongs to the child.
    """

    who: str
    path: str
    status: int
    gave_away: bool


@dataclass(frozen=True)
class Disclosure:
    """Every request that was made, and the kinds of data (first part of the path) that were there to be found."""

    kinds: tuple[str, ...]
    requests: tuple[Asked, ...]
    evidence: tuple[str, ...] = ()

    def of(self, *who: str) -> tuple[Asked, ...]:
        """Return the requests of `who`."""
        return tuple(each for each in self.requests if each.who in who)


@procedure
def disclosure(
    wearable: ReferenceWearable, bench: Bench, cloud: Cloud, run: Run, declaration: Declaration
) -> Disclosure:
    """Let the service hold a child's profile, position and message; ask for them as guardian, stranger and nobody."""
    with run.step("Setup", "Factory reset, every consent given, a profile, a position and a message"):
        wearable.factory_reset()
        wearable.first_use({each.scope: True for each in declaration.consents})
        wearable.describe_child(f"Child-{secrets.token_hex(6)}", 8)
        for sensor in declaration.sensors:
            wearable.stimulate(sensor.name)
    kept = _chosen(cloud)
    callers = {
        "guardian": cloud.sign_up(declaration.account("guardian").user),
        "stranger": cloud.sign_up(declaration.account("stranger").user),
        "false token": secrets.token_urlsafe(24),
        "nobody": None,
    }
    requests = []
    with run.step("Stimulate", f"Ask for {len(kept)} objects and their collections"):
        for who, token in callers.items():
            for each in kept:
                status, body = cloud.request("GET", each.path, token)
                requests.append(Asked(who, each.path, status, status < 300 and each.body in body))
            for collection in sorted({each.path.rpartition("/")[0] for each in kept}):
                status, body = cloud.request("GET", collection, token)
                named = any(each.path.encode() in body or each.body in body for each in kept)
                requests.append(Asked(who, collection, status, status < 300 and named))
    return Disclosure(tuple(sorted({kind_of(each.path) for each in kept})), tuple(requests))


def _chosen(cloud: Cloud) -> list[CloudObject]:
    """Return the newest objects of each collection that the service holds."""
    chosen: dict[str, list[CloudObject]] = {}
    for each in cloud.stored():
        if each.body:
            chosen.setdefault(kind_of(each.path), []).append(each)
    return [each for group in chosen.values() for each in group[-EACH:]]


def kind_of(path: str) -> str:
    """Return the name of the collection in a path like /v1/location/7."""
    return path.strip("/").split("/")[1] if path.count("/") > 1 else path
