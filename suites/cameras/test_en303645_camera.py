"""EN303645: ETSI EN 303 645 V3.1.3, passwords, open ports and sensitive data, at a camera."""

from pytest_conformance import MethodError, clause
from pytest_conformance.analysis.presets import Preset, outside, weaknesses
from pytest_conformance.procedures.camera_access import PROMPT


@clause("EN303645-5.1-1")
def test_no_password_is_missing_or_the_same_everywhere(passwords, ports, declaration):
    declared = {each.port for each in declaration.interfaces if each.status == "enabled"}
    for scan in ports.scans:
        for port, said in scan.prompts.items():
            asks = any(word in said.lower().encode() for word in PROMPT)
            assert port in declared or not asks, f"{scan.state}: undeclared log-in on port {port}: {said!r}"
    assert not passwords.set_up_without, "set-up can be finished without a password"
    assert not passwords.opened, f"a usual password opens it: {', '.join(passwords.opened)}"
    presets = [each.password for each in passwords.labels]
    assert len(set(presets)) == len(presets), "units share a preset password"
    if not passwords.right_works or not passwords.tried:
        raise MethodError("MET-PWD-001", "set-up did not work with a password either, or no password was looked at")


@clause("EN303645-5.1-2")
def test_preset_passwords_follow_no_pattern(passwords, declaration, profile):
    preset = next(each for each in declaration.credentials if each.kind == "preset_per_device")
    alphabet = preset.characters
    for number, each in enumerate(passwords.labels, 1):
        wrong = outside(each.password, preset.length.minimum, preset.length.maximum, alphabet)
        assert not wrong, f"unit {number}: {wrong[0]}"
    found = weaknesses(
        [Preset(each.password, (each.serial, each.mac, declaration.model)) for each in passwords.labels], alphabet
    )
    assert not found, found[0]
    if len(passwords.labels) < profile.samples.units:
        raise MethodError("MET-PWD-002", f"only {len(passwords.labels)} units: uniqueness cannot be judged")


@clause("EN303645-5.6-1")
def test_nothing_is_open_that_is_not_declared(ports, declaration):
    allowed = {(each.transport, each.port) for each in declaration.interfaces if each.status == "enabled"}
    for scan in ports.scans:
        strange = [port for port in scan.tcp if ("tcp", port) not in allowed]
        assert not strange, f"{scan.state}: TCP {', '.join(map(str, strange))} is open and not declared"
        strange = [port for port in scan.udp if ("udp", port) not in allowed]
        assert not strange, f"{scan.state}: UDP {', '.join(map(str, strange))} answers and is not declared"
    for scan in ports.scans:
        scan.require_sound([port for transport, port in allowed if transport == "tcp"])


@clause("EN303645-5.8-2")
def test_nobody_on_the_way_can_read_sensitive_data(on_the_way):
    readable = on_the_way.readable.personal()
    assert not readable, f"{readable[0].matched or readable[0].kind} to {readable[0].host} can be read on the way"
    accepted = on_the_way.certificates.accepted()
    assert not accepted, accepted[0]
    if not on_the_way.arrived:
        raise MethodError("MET-PWD-003", "the cloud never got a picture: the trigger never fired")
    on_the_way.certificates.require_tried()
