"""The words of each kind agree with its declaration: scopes, sensors, hosts, labels of the ways."""

import pytest

from pytest_conformance.declaration import load_declaration
from pytest_conformance.resources import shipped
from pytest_conformance.simulation.devices.camera.words import SPEC as CAMERA
from pytest_conformance.simulation.devices.lock.words import SPEC as LOCK
from pytest_conformance.simulation.devices.spec import KindSpec
from pytest_conformance.simulation.devices.watch.words import SPEC as WATCH

KINDS = pytest.mark.parametrize("spec", [LOCK, CAMERA, WATCH], ids=["lock", "camera", "watch"])


def declared(spec: KindSpec):  # type: ignore[no-untyped-def]
    return load_declaration(
        shipped("fixtures") / "devices" / f"mock-{spec.hosts['api'].split('mock-')[1].split('.')[0]}.yaml"
    )


@KINDS
def test_model_and_scopes_are_the_declared_ones(spec: KindSpec) -> None:
    declaration = declared(spec)
    assert declaration.model == spec.model
    assert {each.scope for each in spec.consents} == {each.scope for each in declaration.consents if each.separate}


@KINDS
def test_every_host_is_declared(spec: KindSpec) -> None:
    assert set(spec.hosts.values()) <= {each.host for each in declared(spec).endpoints}


@KINDS
def test_sensors_and_their_labels_are_the_declared_ones(spec: KindSpec) -> None:
    ways = {each.name: each.control.path[-1] for each in declared(spec).sensors if each.control is not None}
    assert {each.name: each.label for each in spec.sensors if each.name in ways} == ways


@KINDS
def test_a_cloud_consent_is_one_in_the_declaration_too(spec: KindSpec) -> None:
    assert {each.scope for each in spec.consents if each.cloud} == {
        each.scope for each in declared(spec).cloud_consents
    }


def test_an_unknown_scope_is_a_key_error() -> None:
    assert LOCK.consent("face").scope == "face"
    with pytest.raises(KeyError):
        LOCK.consent("soul")
