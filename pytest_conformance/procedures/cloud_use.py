"""Cloud functions with the consent declined and given: what goes up, where to, and was it asked for?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.traffic import Tap, Traffic, merged

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.roles import Asked, Device, Done, SetUp
    from pytest_conformance.record import Run


@dataclass(frozen=True)
class CloudUse:
    """The same stimuli twice: consents declined, and given. `withdrawal_traffic` has what comes after.

    `declined` and `given` are the traffic of the two spans; `asked` the consents that were asked for on the way,
    `granted` how granting each cloud scope went.
    """

    scopes: tuple[str, ...]
    first_use: SetUp
    asked: tuple[Asked, ...]
    granted: Mapping[str, Done]
    declined: Traffic
    given: Traffic
    evidence: tuple[str, ...]

    def require_exercised(self) -> None:
        """Refuse to conclude when the consents, once given, let no content through: the trigger never fired.

        Raises MethodError MET-CLD-002.
        """
        if self.scopes and not self.given.sent():
            raise MethodError(
                "MET-CLD-002",
                "nothing went up although every cloud consent was given",
                expected="content in the cloud once it is allowed",
                todo="check that the functions were exercised and the uplink was there",
            )

    @property
    def traffic(self) -> Traffic:
        """Both spans as one."""
        return merged("cloud use", [self.declined, self.given])


@procedure
def cloud_use(device: Device, bench: Bench, run: Run, tap: Tap, declaration: Declaration, profile: Profile) -> CloudUse:
    """Exercise every function with the cloud consents declined, then given."""
    scopes = tuple(each.scope for each in declaration.cloud_consents)
    local = {each.scope: each.scope not in scopes for each in declaration.consents}
    setups: list[SetUp] = []

    def span(name: str) -> Traffic:
        with tap.watch(f"cloud-{name}") as recording, run.step("Stimulate", f"All functions, cloud consent {name}"):
            if not setups:
                device.factory_reset()
                setups.append(device.first_use(local))
            for function in device.functions():
                recording.mark(function)
                device.use(function)
            bench.clock.sleep(profile.windows.idle)
        return recording.result()

    declined = span("declined")
    setup = setups[0]
    asked = list(setup.asked)
    granted = {}
    for scope in scopes:
        granted[scope], more = device.grant(scope)
        asked.extend(more)
    given = span("given")
    return CloudUse(
        scopes,
        setup,
        tuple(asked),
        granted,
        declined,
        given,
        (*declined.evidence, *given.evidence),
    )
