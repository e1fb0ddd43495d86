"""The check `certificate-validation` passes only where each certificate was tried at each host and refused."""

from __future__ import annotations

from typing import Any

import pytest

REFUSED = {"c.example": "refused"}


def judged(look: Any, wire: Any, **given: Any) -> tuple[str, str, str]:
    check = look(wire, interception=given).checks["certificate-validation"]
    return check.verdict.value, check.reason, check.explanation


def test_both_refused_passes(look: Any, wire: Any) -> None:
    assert judged(look, wire, endpoints=REFUSED, wrong_host=REFUSED)[:2] == ("PASS", "refused")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "no interception was tried"),
        ({"endpoints": REFUSED}, "a certificate of a trusted authority for another host was not tried for c.example"),
        (
            {"endpoints": REFUSED, "wrong_host": {**REFUSED, "d.example": "refused"}},
            "a certificate of an unknown authority was not tried for d.example",
        ),
    ],
)
def test_what_was_not_tried_is_named(look: Any, wire: Any, given: Any, told: str) -> None:
    assert judged(look, wire, **given) == ("INCONCLUSIVE", "not-tried", told)


def test_a_host_that_was_spoken_to_and_not_tried_is_named(look: Any, wire: Any) -> None:
    name = b"other.example"
    names = b"\0\0" + (len(name) + 5).to_bytes(2, "big") + (len(name) + 3).to_bytes(2, "big")
    names += b"\0" + len(name).to_bytes(2, "big") + name
    body = b"\3\3" + bytes(32) + b"\0\0\2\x13\1\1\0" + len(names).to_bytes(2, "big") + names
    hello = b"\1" + len(body).to_bytes(3, "big") + body
    wire.tcp([(True, b"\x16\3\1" + len(hello).to_bytes(2, "big") + hello)], port=443)
    verdict, reason, told = judged(look, wire, endpoints=REFUSED, wrong_host=REFUSED)
    assert (verdict, reason) == ("INCONCLUSIVE", "not-tried")
    assert told.endswith("not tried for other.example")


@pytest.mark.parametrize("state", ["decrypted", "mutual-tls", "not-interceptable"])
def test_what_is_neither_refused_nor_accepted_is_open(look: Any, wire: Any, state: str) -> None:
    given = {"endpoints": {"c.example": state}, "wrong_host": REFUSED}
    assert judged(look, wire, **given)[:2] == ("INCONCLUSIVE", "not-refused")


@pytest.mark.parametrize(
    "given",
    [
        {"endpoints": {"c.example": "accepted-unknown-ca"}},
        {"endpoints": REFUSED, "wrong_host": {"c.example": "accepted"}},
        {"wrong_host": {"c.example": "accepted"}},
    ],
)
def test_an_accepted_certificate_fails_whatever_else_was_tried(look: Any, wire: Any, given: Any) -> None:
    assert judged(look, wire, **given)[:2] == ("FAIL", "accepted-unknown-ca")
