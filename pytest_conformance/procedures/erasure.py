"""Erasure: plant recognisable data, erase it in each declared way, and look for what is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.procedure import procedure

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.roles import Device, Done
    from pytest_conformance.drivers.roles import Cloud
    from pytest_conformance.procedures.canaries import Canaries
    from pytest_conformance.record import Run


@dataclass(frozen=True)
class Erased:
    """One way to erase, tried: what was planted, what could still be found and where.

    `planted` are names of things that were recognisable before; `in_storage`, `in_cloud` and `to_new_owner` name
    those found afterwards. `old_works` is whether an old credential or face still had an effect.
    """

    way: str
    done: Done
    planted: tuple[str, ...]
    before: tuple[str, ...]
    in_storage: tuple[str, ...]
    in_cloud: tuple[str, ...]
    to_new_owner: tuple[str, ...]
    old_works: tuple[str, ...]

    def require_planted(self) -> None:
        """Refuse to conclude when something planted was not there before: its absence then says nothing.

        Raises MethodError MET-ERA-001.
        """
        absent = [each for each in self.planted if each not in self.before]
        if absent or not self.planted:
            raise MethodError(
                "MET-ERA-001",
                f"{self.way}: {', '.join(absent) or 'nothing'} was not there before erasing",
                expected="everything planted works or is listed before it is erased",
                todo="see why planting failed in the record",
            )


@dataclass(frozen=True)
class Erasure:
    """Every declared way to erase, each tried from a fresh set-up."""

    ways: Mapping[str, Erased]
    evidence: tuple[str, ...]

    def left(self) -> dict[str, tuple[str, ...]]:
        """Return what was left, by way; empty when everything planted is gone."""
        rows = {
            way: tuple(dict.fromkeys((*each.in_storage, *each.in_cloud, *each.to_new_owner, *each.old_works)))
            for way, each in self.ways.items()
        }
        return {way: names for way, names in rows.items() if names}


@procedure
def erasure(
    device: Device,
    bench: Bench,
    cloud: Cloud,
    run: Run,
    canaries: Canaries,
    declaration: Declaration,
    profile: Profile,
) -> Erasure:
    """Plant a name, a face and records; erase them in each declared way; search storage, cloud, a new owner's view."""
    results, evidence = {}, []
    for way in device.ways_to_erase():
        with run.step("Setup", f"{way}: factory reset, set up, plant"):
            since = bench.clock.now()
            device.factory_reset()
            device.first_use({each.scope: True for each in declaration.consents})
            planted = device.plant(way)
            canaries.add(planted)
            before = tuple(each for each in planted if device.still_there(each))
        with run.step("Stimulate", f"Erase by {way}"):
            done = device.erase(way)
            bench.clock.sleep(declaration.longest_deletion)
        with run.step("Measure", f"Look for what {way} left"):
            image = device.storage()
            in_storage = tuple(each for each in canaries.found_in(image) if each in planted)
            in_cloud = tuple(each for each in canaries.in_cloud(cloud.stored(), since) if each in planted)
            old = tuple(each for each in planted if device.still_there(each))
        with run.step("Measure", f"A new owner looks around after {way}"):
            to_new_owner = tuple(device.seen_by_new_owner(planted))
        evidence.append(
            run.evidence(image, name=f"flash-after-{way}.bin", media_type="application/octet-stream", face=True)
        )
        results[way] = Erased(way, done, tuple(planted), before, in_storage, in_cloud, to_new_owner, old)
    return Erasure(results, tuple(evidence))
