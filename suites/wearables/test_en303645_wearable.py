"""EN303645: ETSI EN 303 645 V3.1.3 at a wearable: authentication and communication over Bluetooth LE."""

from pytest_conformance import MethodError, clause

BEST_PRACTICE = ("TLS 1.2", "TLS 1.3")
BROKEN = ("RC4", "3DES", "DES_CBC", "NULL", "EXPORT", "MD5", "_anon_")
KEY = 16
"""Bytes of the longest key of Bluetooth LE."""


@clause("EN303645-5.1-3")
def test_authentication_rests_on_best_practice_cryptography(air, transport, declaration):
    proper = air.proper
    assert proper.authenticated, "pairing with the code does not authenticate"
    assert proper.secure_connections, "pairing does not use LE Secure Connections"
    assert proper.key_size is None or proper.key_size >= KEY, f"the link's key has {proper.key_size} bytes"
    protected = set(air.proper.read) - set(air.unpaired.read)
    assert not protected & set(air.just_works.read), "pairing without a code opens what is protected"
    assert not protected & set(air.legacy.read), "legacy pairing opens what is protected"
    assert len(set(air.codes)) == len(air.codes), "the pairing code is the same again"
    for flow in transport.traffic.endpoints:
        if declaration.endpoint_for(flow.host, flow.port) is not None or flow.plaintext:
            if flow.scope != "internet" or not flow.bytes_up:
                continue
            assert flow.tls_version in BEST_PRACTICE, f"{flow.host} is logged in to by {flow.tls_version or 'no TLS'}"
            assert not [word for word in BROKEN if word in flow.cipher], f"{flow.host}: {flow.cipher}"
    air.require_reachable()
    if not [each for each in transport.traffic.endpoints if each.scope == "internet" and each.bytes_up]:
        raise MethodError("MET-TRN-001", "the device spoke to none of its declared endpoints", todo="exercise it")


@clause("EN303645-5.5-1")
def test_personal_data_over_the_air_needs_an_authenticated_encrypted_link(air):
    assert not air.told, f"{air.told[0]} is told to everybody in range"
    for name, visit in (("unpaired", air.unpaired), ("paired without a code", air.just_works)):
        assert not visit.read, f"{name}: characteristic {next(iter(visit.read))} can be read"
        assert not visit.notified, f"{name}: characteristic {visit.notified[0]} sends by itself"
    assert air.proper.encrypted, "the link is not encrypted after pairing"
    air.require_reachable()
