from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_conformance.declaration import Declaration
from pytest_conformance.declaration.consistency import contradictions

Changed = Callable[..., Declaration]


def test_the_small_declaration_does_not_contradict_itself(declared: Changed) -> None:
    assert contradictions(declared()) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "at", "says"),
    [
        ("id: SC-2", "id: SC-1", "USE-DEC-003", "SC-1, serial: SN-2", "is there already, at small.yaml:11:10"),
        ("serial: SN-2", "serial: SN-1", "USE-DEC-003", "SN-1}", "serial 'SN-1' is there already"),
        ("scope: recording", "scope: privacy_rules", "USE-DEC-003", "privacy_rules", "at small.yaml:27:12"),
        ("id: time,", "id: api,", "USE-DEC-003", "api, host: time", "id 'api' is there already"),
        ("data: [clip]", "data: [clp]", "USE-DEC-004", "clp]", "no personal data 'clp' is declared"),
        ("consents: [recording]", "consents: [recordin]", "USE-DEC-004", "recordin]", "no consent 'recordin'"),
        ("after: recording", "after: recordng", "USE-DEC-004", "recordng", "no consent 'recordng'"),
        ("kinds: [device_status, clip]", "kinds: [device_status, clips]", "USE-DEC-004", "clips]", "'clips'"),
        ("mechanism: SecComMech-1", "mechanism: SecComMech-2", "USE-DEC-004", "SecComMech-2}", "IXIT 11-SecComMech"),
        ("authentication: AuthMech-1", "authentication: AuthMech-9", "USE-DEC-004", "AuthMech-9}", "no credential"),
        ("interface: LogIntf-1,", "interface: LogIntf-7,", "USE-DEC-004", "LogIntf-7,", "no interface"),
        ("needs: [privacy_rules]", "needs: [privcy_rules]", "USE-DEC-004", "privcy_rules]", "no consent"),
        ("interface: [LogIntf-1]", "interface: [LogIntf-2]", "USE-DEC-004", "LogIntf-2]", "row of IXIT 28-LogIntf"),
        ("access: [PhyIntf-1]", "access: [PhyIntf-3]", "USE-DEC-004", "PhyIntf-3]", "row of IXIT 15-PhyIntf"),
        (
            "{id: AuthMech-1, description",
            "{id: AuthMech-2, description",
            "USE-DEC-005",
            "AuthMech-1, name: label",
            "has no row 'AuthMech-1'",
        ),
        ("basis: consent, consents: [recording]", "basis: consent", "USE-DEC-006", "consent, kept", "names none"),
        ("product: camera", "product: lock", "USE-DEC-010", "lock", "but the kind of device is 'camera'"),
        (
            "networked: true",
            "networked: false",
            "USE-DEC-011",
            "api.small.example",
            "the device speaks to api.small.example",
        ),
        ("cloud: true", "cloud: false", "USE-DEC-011", "[cloud]", "clip is kept in the cloud"),
        ("camera: true", "camera: false", "USE-DEC-011", "video, purpose", "sensor camera senses video"),
        ("collects_pi: true", "collects_pi: false", "USE-DEC-011", "video, purpose", "personal data video is declared"),
        ("collects_pi: true", "collects_pi: false", "USE-DEC-010", "consent\n", "legal_basis is 'consent'"),
        ("microphone: false", "microphone: true", "USE-DEC-012", "true", "no sensor of that sort is declared"),
        ("companion_app: true", "companion_app: false", "USE-DEC-011", "companion", "asked for in the app"),
        ("preset_passwords: true", "preset_passwords: false", "USE-DEC-011", "preset_per_device", "label is preset"),
        (
            "network_authentication: true",
            "network_authentication: false",
            "USE-DEC-011",
            "network, interface",
            "over network",
        ),
    ],
)
def test_each_contradiction_is_found_at_its_place(
    declared: Changed, small_text: str, old: str, new: str, code: str, at: str, says: str
) -> None:
    """`at` is how the text goes on from the place that is told."""
    lines = small_text.replace(old, new).splitlines(keepends=True)
    found = []
    for each in contradictions(declared((old, new))):
        position = declared((old, new)).document.positions.value(each.path)
        found.append((each.code, lines[position.line - 1][position.column - 1 :], each.message))
    assert any(c == code and text.startswith(at) and says in message for c, text, message in found), found


def test_a_reference_into_nothing_comes_with_the_nearest_name(declared: Changed) -> None:
    found = contradictions(declared(("after: recording", "after: recordng")))
    assert [each.meant for each in found] == ["recording"]


def test_collecting_faces_without_a_camera_is_a_contradiction(declared: Changed) -> None:
    declaration = declared(("collects_face: false", "collects_face: true"), ("camera: true", "camera: false"))
    messages = {each.message for each in contradictions(declaration)}
    assert "collects_face is true, but camera is false" in messages


def test_consent_and_data_must_name_each_other(declared: Changed) -> None:
    one = contradictions(declared(("data: [clip]", "data: []")))
    assert [each.code for each in one] == ["USE-DEC-006"]
    assert "the data names the consent" in one[0].message
    other = contradictions(declared(("consents: [recording]", "consents: [privacy_rules]")))
    assert [each.code for each in other] == ["USE-DEC-006", "USE-DEC-006"]


def test_two_interfaces_on_one_port_are_found_with_both_places(declared: Changed) -> None:
    line = "interfaces:\n"
    twin = "  - {id: LogIntf-2, transport: tcp, port: 554, protocol: x, status: disabled, purpose: none}\n"
    declaration = declared((line, line + twin))
    found = [each for each in contradictions(declaration) if each.code == "USE-DEC-003"]
    assert [each.message for each in found] == ["port 'tcp 554' is there already, at small.yaml:55:43"]


def test_two_rows_of_a_table_with_one_id_are_found(declared: Changed) -> None:
    line = "    - {id: PhyIntf-1, description: Wi-Fi, debug_interface: no}\n"
    found = contradictions(declared((line, line + line)))
    assert [each.code for each in found] == ["USE-DEC-003"]


def test_minors_without_the_section_on_minors_is_found(declared: Changed) -> None:
    found = contradictions(declared(("  camera: true\n", "  camera: true\n  minors: true\n")))
    assert [(each.code, each.path) for each in found] == [("USE-DEC-012", ("features", "minors"))]


def test_a_guardian_consent_that_is_not_there_is_found(declared: Changed) -> None:
    declaration = declared(("timing:", "minors: {guardian_consent: guardian, controls: []}\ntiming:"))
    assert [(each.code, each.path) for each in contradictions(declaration)] == [
        ("USE-DEC-004", ("minors", "guardian_consent"))
    ]
