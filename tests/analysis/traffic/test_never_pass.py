"""Where bytes that nobody could read might hold the object, nothing passes: whatever the traffic is made of."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_conformance.analysis.traffic import inspect

CONTENT = {
    "face-information-not-sent-to-internet": 128,
    "no-child-voice-leaves": 600,
    "no-child-location-leaves": 4,
}
"""Checks that may pass on content only, and the least size of what they protect by default."""


def _post(body: bytes) -> bytes:
    return b"POST /s HTTP/1.1\r\nHost: c.example\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _tls(body: bytes) -> bytes:
    records = [body[i : i + 9000] for i in range(0, len(body), 9000)]
    return b"".join(b"\x17\x03\x03" + len(each).to_bytes(2, "big") + each for each in records)


def _names(wire: Any, body: bytes, port: int) -> None:
    for number, at in enumerate(range(0, len(body), 28)):
        label = body[at : at + 28].hex().encode()
        name = bytes([len(label)]) + label + b"\x05other\x07example\0"
        wire.udp(number.to_bytes(2, "big") + b"\1\0\0\1" + bytes(6) + name + b"\0\1\0\1", 53, sport=40000 + port)


CARRIERS: dict[str, Callable[[Any, bytes, int], None]] = {
    "private": lambda wire, body, port: wire.tcp([(True, body)], port=9000, sport=41000 + port),
    "post": lambda wire, body, port: wire.tcp([(True, _post(body))], sport=41000 + port),
    "json": lambda wire, body, port: wire.tcp([(True, _post(b'{"d":"%s"}' % body.hex().encode()))], sport=41000 + port),
    "tls": lambda wire, body, port: wire.tcp([(True, _tls(body))], port=443, sport=41000 + port),
    "udp": lambda wire, body, port: [wire.udp(body[i : i + 1200], 7000 + port) for i in range(0, len(body), 1200)],
    "names": _names,
    "ping": lambda wire, body, port: wire.ip("10.77.0.50", "203.0.113.10", 1, b"\x08\0\0\0\0\1\0\1" + body[:1400]),
    "ntp": lambda wire, body, port: wire.udp(b"\x23" + bytes(47) + body[:900], 123, sport=42000 + port),
    "ip": lambda wire, body, port: wire.ip("10.77.0.50", "203.0.113.10", 99, body[:1400]),
    "lost": lambda wire, body, port: wire.tcp(
        [(True, _post(b"status ok " * (len(body) // 5 + 500)))], sport=41000 + port, lose=lambda n: n == 1
    ),
}
CLEAN: tuple[Callable[[Any, int], None], ...] = (
    lambda wire, port: wire.tcp([(True, _post(b'{"battery": 81, "door": "closed"}'))], sport=43000 + port),
    lambda wire, port: wire.udp(b"\x23" + bytes(47), 123, sport=44000 + port),
    lambda wire, port: wire.tcp([(True, b"GET /time HTTP/1.1\r\nHost: c\r\n\r\n")], sport=45000 + port),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    carriers=st.lists(st.sampled_from(sorted(CARRIERS)), min_size=1, max_size=3),
    clean=st.lists(st.sampled_from(range(len(CLEAN))), max_size=3),
    size=st.integers(700, 6000),
    seed=st.integers(0, 1 << 30),
    content=st.booleans(),
)
def test_random_bytes_in_any_carrier_leave_no_pass(
    wire: Any, context: Any, carriers: list[str], clean: list[int], size: int, seed: int, content: bool
) -> None:
    fresh, rnd = type(wire)(), random.Random(seed)
    for number, index in enumerate(clean):
        CLEAN[index](fresh, number)
    for number, name in enumerate(carriers):
        CARRIERS[name](fresh, rnd.randbytes(size), number)
    found = inspect([fresh.pcap()], context, content=content)
    for name in CONTENT:
        assert found.checks[name].verdict.value != "PASS", (name, carriers, found.accounting())
    assert found.checks["face-information-stays-in-device"].verdict.value != "PASS"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(clean=st.lists(st.sampled_from(range(len(CLEAN))), min_size=1, max_size=4), size=st.integers(0, 3000))
def test_a_pass_always_means_that_the_object_does_not_fit(wire: Any, context: Any, clean: list[int], size: int) -> None:
    fresh = type(wire)()
    for number, index in enumerate(clean):
        CLEAN[index](fresh, number)
    secret = zlib.crc32(bytes([size & 255])).to_bytes(4, "big") + random.Random(size).randbytes(size)
    fresh.tcp([(True, secret)], port=9000)
    found = inspect([fresh.pcap()], context)
    for name, least in CONTENT.items():
        if found.checks[name].verdict.value == "PASS":
            assert found.accounted(least), (name, size)
    verdict = found.checks["face-information-not-sent-to-internet"].verdict.value
    assert verdict == ("PASS" if found.accounted(128) else "INCONCLUSIVE")


def test_messages_that_could_not_be_put_together_never_pass(wire: Any, look: Any, monkeypatch: Any) -> None:
    for number in range(3):
        CLEAN[0](wire, number)
    check = "face-information-not-sent-to-internet"
    assert look(wire).checks[check].verdict.value == "PASS"
    for module, name, bound in (
        ("flowwork", "PARTS", 30),  # no room to keep them
        ("gathering", "_MOST_JOINED", 30),  # too large together
        ("gathering", "_MOST_MESSAGES", 2),  # too many together
        ("gathering", "_MOST_GROUPS", 0),  # too many kinds
    ):
        with monkeypatch.context() as patched:
            patched.setattr(f"pytest_conformance.analysis.traffic.{module}.{name}", bound)
            found = look(wire)
            assert (name, found.checks[check].verdict.value) == (name, "INCONCLUSIVE")
            assert [each.reason for each in found.validity if not each.ok] == ["decode-bound"]
