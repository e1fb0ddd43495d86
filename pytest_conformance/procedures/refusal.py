"""Refusing what is optional: does the device still do what it is for?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.procedures.procedure import procedure

if TYPE_CHECKING:
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.devices.roles import Device, Done
    from pytest_conformance.record import Run


@dataclass(frozen=True)
class Refusals:
    """For each refused scope, how every basic function and the dependent ones did."""

    basic: Mapping[str, Mapping[str, Done]]
    others: Mapping[str, Mapping[str, Done]]
    evidence: tuple[str, ...] = ()

    def broken(self) -> list[str]:
        """Return "function without scope" for each function that should have worked and did not."""
        return [
            f"{name} without {scope}"
            for rows in (self.basic, self.others)
            for scope, functions in rows.items()
            for name, done in functions.items()
            if not done.ok
        ]


@procedure
def refusals(device: Device, run: Run, declaration: Declaration) -> Refusals:
    """Refuse each separate consent in turn, then all of them, and use every function that does not need it."""
    separate = [each.scope for each in declaration.consents if each.separate]
    basic: dict[str, dict[str, Done]] = {}
    others: dict[str, dict[str, Done]] = {}
    for refused in [*((scope,) for scope in separate), tuple(separate)]:
        label = "all optional" if len(refused) > 1 else refused[0]
        with run.step("Stimulate", f"Refuse {label}, use the rest"):
            device.factory_reset()
            device.first_use({each.scope: each.scope not in refused for each in declaration.consents})
            usable = [each for each in declaration.functions if not set(each.needs) & set(refused)]
            basic[label] = {each.name: device.use(each.name) for each in usable if each.basic}
            others[label] = {each.name: device.use(each.name) for each in usable if not each.basic}
    return Refusals(basic, others)
