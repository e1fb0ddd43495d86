"""Certificates that a device must refuse: what counts as accepted, what as tried, and what cannot be concluded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pytest

from pytest_conformance.devices.roles import Done
from pytest_conformance.drivers.roles import Handshake
from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.certificates import CertificateTrials, try_certificates

STRANGER = (Handshake("a", False, "unknown_ca", 0),)
WRONG_NAME = (Handshake("a", False, "bad_certificate", 0),)
TAKEN = (*WRONG_NAME, Handshake("a", True, "", 0))
ALL_REFUSED = CertificateTrials({"a": STRANGER}, Done(True), {"a": WRONG_NAME})


def refused(trials: CertificateTrials) -> str:
    with pytest.raises(MethodError) as caught:
        trials.require_tried()
    return f"{caught.value.code}: {caught.value.what}"


def test_a_device_that_refused_both_for_every_host_was_tried() -> None:
    ALL_REFUSED.require_tried()
    assert ALL_REFUSED.accepted() == ()


def test_an_accepted_certificate_is_named_with_its_host() -> None:
    assert replace(ALL_REFUSED, unknown={"a": TAKEN}).accepted() == ("a: a false certificate was accepted",)
    assert replace(ALL_REFUSED, misnamed={"a": TAKEN}).accepted() == ("a: another host's certificate was accepted",)
    told_in_clear = (Handshake("a", False, "no-tls", 9),)
    assert replace(ALL_REFUSED, unknown={"a": told_in_clear}).accepted()


def test_a_host_that_the_device_did_not_come_to_was_not_tried() -> None:
    assert refused(replace(ALL_REFUSED, unknown={"a": STRANGER, "b": ()})).endswith("the device did not come to b")
    said = refused(replace(ALL_REFUSED, misnamed={"a": ()}))
    assert said.startswith("MET-TRN-002: a trusted certificate in another host's name was not tried")


def test_a_build_that_cannot_be_told_to_trust_the_bench_leaves_the_name_untried() -> None:
    said = refused(CertificateTrials({"a": STRANGER}, Done(False, "no such verb"), {}))
    assert said == (
        "MET-TRN-003: a trusted certificate in another host's name was not tried: "
        "the test build cannot be told to trust the bench's authority (no such verb)"
    )


def test_a_device_that_refuses_the_authority_all_the_same_never_looked_at_the_name() -> None:
    said = refused(replace(ALL_REFUSED, misnamed={"a": STRANGER}))
    assert said.startswith("MET-TRN-003")
    assert "a: the device refused the authority (unknown_ca) although it was told to trust it" in said
    replace(ALL_REFUSED, misnamed={"a": (*STRANGER, *WRONG_NAME)}).require_tried()


class Uplink:
    """Answers with what a device that `trusts` the shown certificate's authority does."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.used = 0

    @contextmanager
    def intercept(self, host: str, shown: Any = None) -> Iterator[Any]:
        self.asked.append((host, shown is not None))
        yield self

    def handshakes(self) -> tuple[Handshake, ...]:
        return (Handshake(self.asked[-1][0], False, "bad_certificate", 0),) * self.used


class Run:
    def step(self, kind: str, told: str) -> Any:
        return nullcontext()


def test_each_host_is_shown_both_certificates_while_the_device_is_used() -> None:
    uplink, authorities = Uplink(), []

    def trust(authority: str) -> Done:
        authorities.append(authority)
        return Done(True)

    def use() -> None:
        uplink.used += 1

    trials = try_certificates(trust, uplink, Run(), ("a", "b", "a"), use)  # type: ignore[arg-type]
    assert uplink.asked == [("a", False), ("b", False), ("a", True), ("b", True)]
    assert [len(each) for each in (*trials.unknown.values(), *trials.misnamed.values())] == [1, 2, 3, 4]
    assert "BEGIN CERTIFICATE" in authorities[0]
    trials.require_tried()


def test_without_trust_no_other_name_is_shown() -> None:
    uplink = Uplink()
    trials = try_certificates(lambda _: Done(False, "no"), uplink, Run(), ("a",), lambda: None)  # type: ignore[arg-type]
    assert uplink.asked == [("a", False)]
    assert trials.misnamed == {}
