"""Templates of a format that nobody knows are found by what agrees between two enrolments of one person."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_conformance.analysis.traffic import Event, evidence, evidencepack
from pytest_conformance.analysis.traffic.context import PROBE
from pytest_conformance.analysis.traffic.samesubject import compare, fields

D = 128
RANDOM = np.random.default_rng(3)
STATE = RANDOM.bit_generator.state
Vector = Any


def person() -> Vector:
    vector = RANDOM.normal(0, 1, D)
    return vector / np.linalg.norm(vector)


def seen(of: Vector, noise: float = 0.4) -> Vector:
    """Another picture of the same person: cosine of about 0.86 with the last."""
    vector = of + RANDOM.normal(0, noise / D**0.5, D)
    return vector / np.linalg.norm(vector)


ANN, BOB = person(), person()
TURN, _ = np.linalg.qr(RANDOM.normal(0, 1, (D, D)))


def small(vector: Vector) -> bytes:
    return bytes(np.rint(TURN @ vector * 90 / np.abs(TURN @ vector).max()).astype(np.int8).tobytes())


def signs(vector: Vector) -> bytes:
    """A binary code of 512 bits."""
    planes = np.random.default_rng(9).normal(0, 1, (512, D))
    return bytes(np.packbits(planes @ vector > 0).tobytes())


@pytest.fixture(autouse=True)
def _the_same_numbers_in_any_order() -> None:
    RANDOM.bit_generator.state = STATE


def message(**more: Any) -> bytes:
    return json.dumps({"at": int(RANDOM.integers(10**11, 9 * 10**11)), "user": "ann", **more}).encode()


WRITTEN: dict[str, Callable[[Vector], bytes]] = {
    "one byte a number, base64 in JSON": lambda v: message(c={"d": base64.b64encode(small(v)).decode()}),
    "hex in JSON": lambda v: message(c=[{"d": small(v).hex()}]),
    "a list of numbers": lambda v: message(c=[round(float(x), 4) for x in TURN @ v * 3]),
    "floats behind a header": lambda v: b"CAL\1" + RANDOM.bytes(9) + (TURN @ v).astype("<f4").tobytes(),
    "big-endian floats": lambda v: RANDOM.bytes(2) + (TURN @ v).astype(">f4").tobytes() + RANDOM.bytes(40),
    "half floats": lambda v: RANDOM.bytes(3) + (TURN @ v).astype("<f2").tobytes(),
    "offset bytes": lambda v: bytes(RANDOM.bytes(5)) + bytes(each ^ 0x80 for each in small(v)),
    "a binary code": lambda v: b"user-0001-header" + RANDOM.bytes(6) + signs(v),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_template_in_any_form_is_found(how: str) -> None:
    write = WRITTEN[how]
    agreed = compare(write(seen(ANN)), write(seen(ANN)), write(seen(BOB)))
    assert agreed is not None, how
    assert agreed.same < 0.5
    assert agreed.other - agreed.same > 0.25


def same_bytes(size: int) -> bytes:
    return random.Random(5).randbytes(size)


INNOCENT: dict[str, Callable[[int], bytes]] = {
    "random bytes": lambda _: bytes(RANDOM.bytes(4000)),
    "an identifier of the user": lambda n: message(
        key=base64.b64encode(same_bytes(32) if n != 2 else RANDOM.bytes(32)).decode()
    ),
    "an identifier and a nonce": lambda n: (
        (same_bytes(64) if n != 2 else bytes(RANDOM.bytes(64))) + bytes(RANDOM.bytes(80))
    ),
    "numbers of the user": lambda n: message(c=[float(x) for x in (ANN if n != 2 else BOB)]),
    "numbers of the user and a counter": lambda n: message(c=[float(n), *(float(x) for x in (ANN if n != 2 else BOB))]),
    "a constant table": lambda _: message(c=[float(x) for x in range(200)]),
    "telemetry": lambda _: message(c=[20.0 + float(x) for x in RANDOM.normal(0, 1, 200)]),
    "sound": lambda _: RANDOM.normal(0, 900, 2000).astype("<i2").tobytes(),
    "wild numbers": lambda _: message(c=[float(x) for x in RANDOM.standard_cauchy(300)]),
    "text": lambda n: b"enrolled user number %d, thank you for waiting " % n * 20,
    "zeros with a counter": lambda n: bytes(500) + bytes([n]) * 4 + bytes(500),
    "a drifting sensor": lambda n: (np.full(300, 40 + n) + RANDOM.normal(0, 0.5, 300)).astype("<f4").tobytes(),
}


@pytest.mark.parametrize("what", INNOCENT)
def test_what_is_no_template_is_not_taken_for_one(what: str) -> None:
    for _ in range(30):
        assert compare(*(INNOCENT[what](n) for n in (0, 1, 2))) is None, what


def test_two_people_enrolled_once_each_agree_in_nothing() -> None:
    for how, write in WRITTEN.items():
        assert compare(write(seen(ANN)), write(seen(BOB)), write(seen(person()))) is None, how


def test_fields_are_named_by_their_path() -> None:
    data = json.dumps(
        {"a": [{"b": base64.b64encode(same_bytes(90)).decode()}], "n": list(range(64)), "s": "x" * 10}
    ).encode()
    found = dict(fields(data))
    assert found == {"$.a[0].b": same_bytes(90), "$.n": tuple(float(n) for n in range(64))}
    assert dict(fields(b"\x01\xff\x80" * 30)) == {"": b"\x01\xff\x80" * 30}
    assert dict(fields(b"[" * 100_000)) == {}


def upload(wire: Any, body: bytes, port: int) -> None:
    head = b"POST /v1/calibration HTTP/1.1\r\nHost: c.example\r\nContent-Length: %d\r\n\r\n" % len(body)
    wire.tcp([(True, head + body)], sport=41000 + port)
    wire.time += 60


def enrol(wire: Any, order: tuple[tuple[str, Vector], ...], write: Callable[[Vector], bytes]) -> tuple[Event, ...]:
    events = []
    for number, (name, vector) in enumerate(order):
        events.append(Event(wire.time - 1, PROBE, name))
        upload(wire, message(state="ok"), 2 * number)
        upload(wire, write(seen(vector)), 2 * number + 1)
    return tuple(events)


def test_an_inspection_finds_what_agrees_and_fails_with_evidence(wire: Any, look: Any, tmp_path: Path) -> None:
    write = WRITTEN["one byte a number, base64 in JSON"]
    events = enrol(wire, (("S1", ANN), ("S2", BOB), ("S1", ANN)), write)
    found = look(wire, events=events)
    check = found.checks["face-information-not-sent-to-internet"]
    assert check.verdict.value == "FAIL"
    (template,) = found.faces("internet")
    match = template.match
    assert (match.kind, match.canary, template.format, match.suspect) == ("same-subject", "S1", "i1", False)
    assert match.distance < 0.4 < match.decoy
    assert template.layers[-2:] == ("json:$.c.d", "same-subject:i1")
    assert sum(flow.up.hit for flow in found.flows) == 2 * template.size
    for name, content in evidencepack.files(found, [wire.pcap()]):
        (tmp_path / name).write_bytes(content)
    replayed = evidence.replay_file(tmp_path / f"{template.id}.json", found.context)
    assert replayed.found is not None
    assert replayed.capture_unchanged
    assert look(wire).faces("internet") == []


@pytest.mark.parametrize("order", [("S1", "S2"), ("S1", "S1"), ("S1",), ()])
def test_without_one_person_twice_and_another_nothing_is_compared(wire: Any, look: Any, order: tuple[str, ...]) -> None:
    people = {"S1": ANN, "S2": BOB}
    events = enrol(wire, tuple((name, people[name]) for name in order), small)
    assert look(wire, events=events).faces("internet") == []
