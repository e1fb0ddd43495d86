from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from pytest_conformance.catalogue import Support
from pytest_conformance.declaration import Declaration
from pytest_conformance.errors import ConformanceError, MethodError
from pytest_conformance.quantities import Rate
from pytest_conformance.yamlfile import FileError

Changed = Callable[..., Declaration]


@dataclass(frozen=True)
class Sent:
    kind: str
    consents: tuple[str, ...] = ()


def test_facts_are_answered_with_their_units(declared: Changed) -> None:
    small = declared()
    assert small.retention("video") == 10.0
    assert small.retention("clip") is None
    assert small.rate("video") == Rate(25, 1.0)
    assert small.rate("clip") is None
    precision = small.precision("video")
    assert precision is not None
    assert precision.pixels == (1280, 720)
    assert small.precision("clip") is None
    assert small.feature("camera") is True
    assert small.feature("product") == "camera"
    assert small.timing.boot == 10.0
    assert small.longest_deletion == 90.0


def test_text_stays_text_and_the_digest_is_that_of_the_bytes(declared: Changed, small_text: str) -> None:
    small = declared()
    assert small.firmware == "1.10"
    assert small.sha256 == hashlib.sha256(small_text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda small: small.feature("camra"), "MET-DEC-010"),
        (lambda small: small.consent("recordin"), "MET-DEC-001"),
        (lambda small: small.consented("clip", "recordin"), "MET-DEC-001"),
        (lambda small: small.sensor("camra"), "MET-DEC-002"),
        (lambda small: small.retention("vidio"), "MET-DEC-012"),
        (lambda small: small.rate("vidio"), "MET-DEC-012"),
        (lambda small: small.precision("vidio"), "MET-DEC-012"),
        (lambda small: small.ixit("1-AuthMech", "AuthMech-2"), "MET-DEC-011"),
        (lambda small: small.ixit_rows("1-AuthMec"), "MET-DEC-011"),
        (lambda small: small.credential("lable"), "MET-DEC-013"),
        (lambda small: small.account("ownr"), "MET-DEC-014"),
    ],
)
def test_what_was_not_declared_is_a_method_error_with_the_nearest_name(
    declared: Changed, ask: Callable[[Declaration], object], code: str
) -> None:
    with pytest.raises(MethodError) as caught:
        ask(declared())
    assert caught.value.code == code
    assert "did you mean" in caught.value.what
    assert caught.value.where.startswith("small.yaml:")


def test_a_consent_covers_its_data_while_it_is_in_force(declared: Changed) -> None:
    small = declared()
    assert small.consented("clip", "recording")
    assert not small.consented("video", "recording")
    assert small.consented(Sent("clip", ("privacy_rules", "recording")), "recording")
    assert not small.consented(Sent("clip", ("privacy_rules",)), "recording")
    assert not small.consented(Sent("video", ("recording",)), "recording")


def test_separate_optional_consents_to_the_cloud_are_found(declared: Changed) -> None:
    assert [each.scope for each in declared().cloud_consents] == ["recording"]
    assert not declared(("    optional: true\n", "")).cloud_consents


@pytest.mark.parametrize(
    ("host", "port", "found"),
    [
        ("api.small.example", 443, "api"),
        ("API.Small.Example.", 443, "api"),
        ("api.small.example", 80, None),
        ("xapi.small.example", 443, None),
        ("eu.app.small.example", 443, "app"),
        ("app.small.example", 443, None),
        ("small.example", 443, None),
        ("time.small.example", 123, "time"),
    ],
)
def test_endpoints_are_found_by_exact_name_or_by_wildcard(
    declared: Changed, host: str, port: int, found: str | None
) -> None:
    endpoint = declared().endpoint_for(host, port)
    assert (endpoint.id if endpoint else None) == found


def test_endpoints_of_device_and_phone_are_kept_apart_when_asked(declared: Changed) -> None:
    assert declared().endpoint_for("api.small.example", 443, "phone") is None
    assert declared().endpoint_for("eu.app.small.example", 443, "phone") is not None


def test_only_declared_kinds_are_allowed_at_an_endpoint(declared: Changed) -> None:
    small = declared()
    assert small.allows("clip", "api.small.example", 443)
    assert not small.allows("video", "api.small.example", 443)
    assert not small.allows("clip", "time.small.example", 123)
    assert small.personal_kinds == {"video", "clip"}
    assert small.kinds_under("recording") == ("clip",)


def test_protection_follows_from_the_protocol(declared: Changed) -> None:
    assert [each.encrypted for each in declared().endpoints] == [True, True, False]


def test_the_entropy_of_a_secret_follows_from_length_and_alphabet(declared: Changed) -> None:
    assert declared().credential("label").entropy == pytest.approx(60.0)
    assert declared(("alphabet: ABCDEFGHJKLMNPQRSTUVWXYZ23456789", "alphabet: digits")).credential(
        "AuthMech-1"
    ).entropy == pytest.approx(39.86, abs=0.01)
    assert declared(("length: {minimum: 12, maximum: 12}, ", "")).credential("label").entropy == 0.0


def test_the_ics_is_given_as_the_catalogue_takes_it(declared: Changed) -> None:
    assert declared().ics == {
        "EN303645-5.1-1": Support.YES,
        "EN303645-5.1-2A": Support.NO,
        "EN303645-5.3-14": Support.NOT_APPLICABLE,
    }


def test_ixit_rows_are_read_by_table_and_id(declared: Changed) -> None:
    row = declared().ixit("11-SecComMech", "SecComMech-1")
    assert row.text("description") == "HTTPS"
    assert row.text("cryptographic_details") == ""
    assert row.references("interface") == ("LogIntf-1",)
    assert declared().ixit_rows("3-VulnTypes") == ()


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ("hardware: rev A", "hardwear: rev A", "USE-FIL-013", "missing key 'hardware'"),
        ('firmware: "1.10"', "firmware: 1.10", "USE-FIL-014", ":5:11: text is due, and 1.10 is not text"),
        ("kind: camera\nmodel", "kind: camra\nmodel", "USE-FIL-016", "did you mean 'camera'?"),
        ("retention: 10 s", "retention: 10", "USE-FIL-015", "a time with unit or 'until deleted' is due"),
        ("retention: 10 s", "retention: forever", "USE-FIL-015", "or 'until deleted'"),
        ("retention: 10 s", "retention: -10 s", "USE-FIL-016", "greater than or equal to 0"),
        ("rate: 25 per s", "rate: 25", "USE-FIL-015", "a rate is due, and 25 has no unit"),
        ("rate: 25 per s", "rate: 25 Hz", "USE-FIL-015", "write for example '1 per 600 s'"),
        ("{pixels: 1280 x 720}", "{pixels: 1280}", "USE-FIL-016", "width and height are due"),
        ("{pixels: 1280 x 720}", "{}", "USE-FIL-016", "one of decimal_places"),
        ("{pixels: 1280 x 720}", "{decimal_places: 3, distance: 10 m}", "USE-FIL-016", "not 2 of them"),
        ("boot: 10 s", "boot: 10 V", "USE-FIL-015", "V measures something else"),
        ("{minimum: 12, maximum: 12}", "{minimum: 12, maximum: 8}", "USE-FIL-016", "minimum 12 is above maximum 8"),
        ("tries: 5", "tries: 0", "USE-FIL-016", "greater than or equal to 1"),
        ("port: 554, ", "", "USE-FIL-016", "an interface over tcp names its port"),
        ("transport: tcp", "transport: ble", "USE-FIL-016", "an interface over ble names its service"),
        ("host: api.small.example", "host: 'API small'", "USE-FIL-016", "pattern"),
        ("port: 443, protocol: https, purpose", "port: 70000, protocol: https, purpose", "USE-FIL-016", "65535"),
        ('mac: "02:00:00:00:00:01"', "mac: 02:00:00:00:00:01", "USE-FIL-014", "write it in quotes"),
        ("camera: true\n", "camera: yes\n", "USE-FIL-014", "write true or false"),
        ("camera: true\n", "camera: [true]\n", "USE-FIL-016", "a feature is true, false, a number or a word"),
        ("EN303645-5.1-1: yes", "EN303645-5.1-1: maybe", "USE-FIL-016", "must be one of yes, no, not_applicable"),
        ("user: owner@small.example", "user: x, secret: hunter2", "USE-FIL-016", "pattern"),
        ("  1-AuthMech:", "  1-AuthMec:", "USE-FIL-012", "did you mean '1-AuthMech'?"),
        ("description: RTSP", "descripton: RTSP", "USE-FIL-012", "did you mean 'description'?"),
        ("debug_interface: no", "debug_interface: maybe", "USE-FIL-016", "must be one of yes, no"),
    ],
)
def test_each_wrong_line_is_refused(declared: Changed, old: str, new: str, code: str, says: str) -> None:
    with pytest.raises(FileError) as caught:
        declared((old, new))
    shown = [f":{problem}" for problem in caught.value.problems]
    assert code in {problem.code for problem in caught.value.problems}
    assert any(says in each for each in shown), shown


def test_a_declaration_is_frozen_and_can_be_a_key(declared: Changed) -> None:
    small = declared()
    with pytest.raises(Exception, match="frozen"):
        small.model = "other"  # type: ignore[misc]
    assert {small: 1}[small] == 1


def test_the_errors_are_of_the_tree(declared: Changed) -> None:
    with pytest.raises(ConformanceError):
        declared().feature("x")
