"""What sets one kind of simulated device apart in words and hosts: consents, sensors, names. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_conformance.simulation.companion import RulesFacts


@dataclass(frozen=True)
class ConsentSpec:
    """One separate consent. `title` is the label in the app and of its screen; texts are (Chinese, English).

    `at_set_up`: asked for when the device is set up. `page`: where the app offers to give or withdraw it later,
    "Privacy" or "Sensors". `cloud`: data go to the cloud under it.
    """

    scope: str
    title: str
    notice: tuple[str, str]
    box: tuple[str, str]
    at_set_up: bool = False
    page: str = "Privacy"
    cloud: bool = False


@dataclass(frozen=True)
class SensorSpec:
    """One sensor with a switch in the app; `consent` names the scope that must be given before it may sense."""

    name: str
    label: str
    consent: str = "privacy_rules"
    default_on: bool = True


@dataclass(frozen=True)
class KindSpec:
    """All the words of one kind. `hosts` are the cloud's names: "api" and, where there is one, "mqtt"."""

    kind: str
    model: str
    rules: RulesFacts
    consents: tuple[ConsentSpec, ...]
    sensors: tuple[SensorSpec, ...]
    hosts: dict[str, str]
    secret_label: str = "Secret"
    account_role: str = "owner"

    def consent(self, scope: str) -> ConsentSpec:
        """Return the consent `scope`; KeyError when there is none."""
        for each in self.consents:
            if each.scope == scope:
                return each
        raise KeyError(scope)
