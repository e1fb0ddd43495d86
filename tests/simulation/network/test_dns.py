from __future__ import annotations

import pytest

from pytest_conformance.simulation.network import dns


def test_a_question_is_read_back() -> None:
    assert dns.asked(dns.question("API.Cloud.example", 7)) == ("api.cloud.example", dns.A_RECORD)


def test_an_answer_carries_the_address() -> None:
    query = dns.question("api.cloud.example", 7)
    assert dns.addresses(dns.answer(query, "203.0.113.10"), 7) == ["203.0.113.10"]


def test_another_record_type_is_answered_without_an_address() -> None:
    query = dns.question("api.cloud.example", 7)[:-3] + bytes([28, 0, 1])
    assert dns.asked(query)[1] == 28
    assert dns.addresses(dns.answer(query, "203.0.113.10"), 7) == []


def test_an_unknown_name_is_an_error_with_its_code() -> None:
    response = dns.answer(dns.question("no.example", 7), None, dns.NO_SUCH_NAME)
    with pytest.raises(dns.ResolutionError, match="code 3"):
        dns.addresses(response, 7)


def test_a_response_to_another_query_is_refused() -> None:
    with pytest.raises(ValueError, match="some other query"):
        dns.addresses(dns.answer(dns.question("a.example", 7), "203.0.113.1"), 8)


@pytest.mark.parametrize("packet", [b"", b"\0" * 11, dns.question("a.example", 1)[:-6], b"\0" * 12 + b"\x3fabc"])
def test_cut_off_queries_are_refused(packet: bytes) -> None:
    with pytest.raises(ValueError, match=r"DNS|cut off|end of the packet"):
        dns.asked(packet)


@pytest.mark.parametrize("name", ["a..example", "x" * 64 + ".example"])
def test_bad_host_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"host name|label"):
        dns.question(name)
