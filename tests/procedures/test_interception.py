"""What run A and run B say together: hosts that stay closed, behaviour that differs, and QUIC past the interceptor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from pytest_conformance.analysis.traffic.parity import EndpointState, Parity
from pytest_conformance.devices.roles import Done
from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.interception import Interception, _without_quic
from pytest_conformance.procedures.traffic import Spoken, Traffic, merged

EMPTY = replace(merged("run", []), volumes={"a.example": (5.0,) * 5})
OPEN = EndpointState("a.example", "decrypted", "9 bytes were read")
ALIKE = Parity("a.example", (1.0,), (1.0,), 1.0, True)
OVER_QUIC = Spoken("q.example", "203.0.113.10", 443, "quic", "device", "internet", False, True, 900, transport="udp")


def run(**changed: Any) -> Interception:
    made = Interception(Done(True), EMPTY, EMPTY, (OPEN,), {"open": (ALIKE,)}, (), "mitmproxy", "", ())
    return replace(made, **changed)


def spoke(*spoken: Spoken) -> Traffic:
    return replace(EMPTY, endpoints=spoken)


def refused(made: Interception) -> str:
    with pytest.raises(MethodError) as caught:
        made.require_speaks_for_the_device()
    return f"{caught.value.code}: {caught.value.what}"


def test_what_is_open_and_alike_speaks_for_the_device() -> None:
    run().require_speaks_for_the_device()


@pytest.mark.parametrize(("state", "named"), [("refused", "pinned"), ("mutual-tls", "mutual-tls")])
def test_a_closed_host_is_named_with_its_reason(state: str, named: str) -> None:
    said = refused(run(states=(OPEN, EndpointState("b.example", state, "3 of 3 tries"))))  # type: ignore[arg-type]
    assert said == f"MET-INT-003: {named}: b.example cannot be opened (3 of 3 tries)"


def test_other_behaviour_in_between_is_named() -> None:
    other = Parity("a.example", (9.0,), (1.0,), 0.001, False, "9 and 1 bytes")
    assert refused(run(parity={"open": (ALIKE, other)})).startswith("MET-INT-002: behaves-differently")
    quiet = replace(EMPTY, volumes={"a.example": (0.0,) * 5})
    assert "run A only" in refused(run(intercepted=quiet))


def test_quic_that_could_not_be_blocked_concludes_nothing() -> None:
    for made in (run(passive=spoke(OVER_QUIC)), run(intercepted=spoke(OVER_QUIC))):
        made.require_speaks_for_the_device()
        said = refused(replace(made, not_blocked="no command"))
        assert said.startswith("MET-INT-004: quic-not-blocked: q.example")
        assert "no command" in said


@pytest.mark.parametrize(
    "harmless",
    [
        replace(OVER_QUIC, transport="tcp"),
        replace(OVER_QUIC, port=53),
        replace(OVER_QUIC, scope="local"),
        replace(OVER_QUIC, bytes_up=0),
    ],
)
def test_where_no_quic_was_spoken_nothing_needed_to_be_blocked(harmless: Spoken) -> None:
    run(passive=spoke(harmless), not_blocked="no command").require_speaks_for_the_device()


class Bench:
    """An access point that can block, or cannot; and a journal."""

    def __init__(self, able: bool) -> None:
        self.able, self.did, self.events = able, [], []  # type: ignore[var-annotated]

    @contextmanager
    def blocked(self, transport: str, port: int) -> Iterator[None]:
        if not self.able:
            raise MethodError("MET-APN-004", "nothing here can block udp/443")
        self.did.append(f"block {transport}/{port}")
        yield
        self.did.append("unblock")

    def event(self, name: str, data: Any) -> None:
        self.events.append((name, data["blocked"], data["reason"]))

    def use(self) -> None:
        self.did.append("use")


def test_run_b_is_used_while_quic_is_blocked_and_the_journal_says_so() -> None:
    bench = Bench(True)
    assert _without_quic(bench, bench, bench.use) == ""  # type: ignore[arg-type]
    assert bench.did == ["block udp/443", "use", "unblock"]
    assert bench.events == [("x-quic", True, "")]


def test_where_nothing_can_block_quic_run_b_goes_on_and_says_why() -> None:
    bench = Bench(False)
    reason = _without_quic(bench, bench, bench.use)  # type: ignore[arg-type]
    assert "nothing here can block udp/443" in reason
    assert bench.did == ["use"]
    assert bench.events == [("x-quic", False, reason)]


def test_a_use_that_has_no_method_is_not_taken_for_a_block_that_failed() -> None:
    bench = Bench(True)

    def fails() -> None:
        raise MethodError("MET-STI-001", "nothing can be shown")

    with pytest.raises(MethodError, match="nothing can be shown"):
        _without_quic(bench, bench, fails)  # type: ignore[arg-type]
