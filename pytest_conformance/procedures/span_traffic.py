"""What leaves a device of any kind while nobody uses it, after a consent was withdrawn, and after data were deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.traffic import Recording, Tap, Traffic
from pytest_conformance.procedures.traps import Trap, set_traps

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.roles import Device, Done
    from pytest_conformance.drivers.roles import Uplink
    from pytest_conformance.procedures.canaries import Canaries
    from pytest_conformance.record import Run

DELETE = "delete-account"
"""The way to erase after which the traffic is watched, where it is declared; else the first that is."""


@dataclass(frozen=True)
class IdleTraffic:
    """A device that is set up, its cloud consents declined, and left alone; then restarted, then at night."""

    traffic: Traffic
    traps: tuple[Trap, ...]
    evidence: tuple[str, ...]


@procedure
def idle_traffic(
    device: Device, bench: Bench, uplink: Uplink, run: Run, tap: Tap, declaration: Declaration, profile: Profile
) -> IdleTraffic:
    """Set the device up with the cloud consents declined, leave it alone, restart it, let it be night."""
    cloud = {each.scope for each in declaration.cloud_consents}
    with run.step("Setup", "Factory reset, set up, cloud consents declined"):
        device.factory_reset()
        device.first_use({each.scope: each.scope not in cloud for each in declaration.consents})
    with tap.watch("idle") as recording:
        with run.step("Stimulate", f"{profile.windows.idle:g} s idle"):
            bench.clock.sleep(profile.windows.idle)
        traps = set_traps(device, bench, uplink, run, recording, profile)
    traffic = recording.result()
    return IdleTraffic(traffic, traps, traffic.evidence)


@dataclass(frozen=True)
class WithdrawalTraffic:
    """The same use before and after every cloud consent was withdrawn; after it also a restart and a night.

    `given` and `withdrawn` are the traffic of the two spans, `done` how withdrawing each scope went.
    """

    scopes: tuple[str, ...]
    given: Traffic
    done: Mapping[str, Done]
    withdrawn: Traffic
    traps: tuple[Trap, ...]
    evidence: tuple[str, ...]

    def require_exercised(self) -> None:
        """Refuse to conclude when nothing went up while the consents were given: silence afterwards says nothing.

        Raises MethodError MET-CLD-002.
        """
        if self.scopes and not self.given.sent():
            raise MethodError(
                "MET-CLD-002",
                "nothing went up although every cloud consent was given",
                expected="content in the cloud once it is allowed",
                todo="check that the functions were exercised and the uplink was there",
            )


@procedure
def withdrawal_traffic(
    device: Device, bench: Bench, uplink: Uplink, run: Run, tap: Tap, declaration: Declaration, profile: Profile
) -> WithdrawalTraffic:
    """Use every function with the cloud consents given, withdraw them, use every function again, set traps."""
    scopes = tuple(each.scope for each in declaration.cloud_consents)
    with tap.watch("before-withdrawal") as before:
        with run.step("Setup", "Factory reset, set up with every consent"):
            device.factory_reset()
            device.first_use({each.scope: True for each in declaration.consents})
        _use_all(device, bench, run, before, profile, "before the withdrawal")
    done = {}
    with run.step("Stimulate", "Withdraw every cloud consent"):
        for scope in scopes:
            done[scope] = device.withdraw(scope)
    with tap.watch("after-withdrawal") as after:
        after.mark("withdrawn")
        _use_all(device, bench, run, after, profile, "after the withdrawal")
        traps = set_traps(device, bench, uplink, run, after, profile)
    given, withdrawn = before.result(), after.result()
    return WithdrawalTraffic(scopes, given, done, withdrawn, traps, (*given.evidence, *withdrawn.evidence))


@dataclass(frozen=True)
class DeletionTraffic:
    """What a device still sends after the data on it were deleted by `way`, while nobody uses it.

    `planted` names what was there before and recognisable, `before` is the traffic of planting it.
    """

    way: str
    planted: tuple[str, ...]
    done: Done
    before: Traffic
    after: Traffic
    traps: tuple[Trap, ...]
    evidence: tuple[str, ...]

    def personal(self) -> tuple[str, ...]:
        """Return what of persons left after the deletion: name of the planted thing or kind, and destination."""
        return tuple(f"{each.matched or each.kind} to {each.host}" for each in self.after.personal(scope=""))


@procedure
def deletion_traffic(
    device: Device,
    bench: Bench,
    uplink: Uplink,
    run: Run,
    tap: Tap,
    canaries: Canaries,
    declaration: Declaration,
    profile: Profile,
) -> DeletionTraffic:
    """Plant data by normal use, delete them by a declared way, leave the device alone, set traps; inspect what left."""
    ways = tuple(device.ways_to_erase())
    way = DELETE if DELETE in ways else next(iter(ways), "")
    if not way:
        raise MethodError("MET-ERA-002", "no way to erase is declared", todo="add it to the declaration")
    with tap.watch("before-deletion") as before, run.step("Setup", "Factory reset, set up, plant"):
        device.factory_reset()
        device.first_use({each.scope: True for each in declaration.consents})
        planted = device.plant(way)
        canaries.add(planted)
        bench.clock.sleep(profile.windows.idle)
    with run.step("Stimulate", f"Erase by {way}"):
        done = device.erase(way)
        bench.clock.sleep(declaration.longest_deletion)
    with tap.watch("after-deletion") as after:
        after.mark("deleted")
        with run.step("Stimulate", f"{profile.windows.idle:g} s idle"):
            bench.clock.sleep(profile.windows.idle)
        traps = set_traps(device, bench, uplink, run, after, profile)
    earlier, later = before.result(), after.result()
    return DeletionTraffic(way, tuple(planted), done, earlier, later, traps, (*earlier.evidence, *later.evidence))


def _use_all(device: Device, bench: Bench, run: Run, recording: Recording, profile: Profile, when: str) -> None:
    with run.step("Stimulate", f"Every function {when}"):
        for function in device.functions():
            recording.mark(function)
            device.use(function)
        bench.clock.sleep(profile.windows.idle)
