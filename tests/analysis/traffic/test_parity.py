from __future__ import annotations

import pytest

from pytest_conformance.analysis.traffic.parity import Outcome, alone, parity, state_of

HOST = "api.example"
READ = Outcome(HOST, True, received=900)
REFUSED = Outcome(HOST, False, "alert unknown ca")
NO_SERVER = Outcome(HOST, True, "certificate required", server_failed=True)
SILENT = Outcome(HOST, True)


@pytest.mark.parametrize(
    ("outcomes", "installed", "reached", "state"),
    [
        ([READ], True, True, "decrypted"),
        ([REFUSED, READ], False, True, "accepted-unknown-ca"),
        ([REFUSED] * 3, True, True, "refused"),
        ([REFUSED] * 2, True, True, "not-interceptable"),
        ([REFUSED] * 3, True, False, "not-interceptable"),
        ([REFUSED] * 3 + [READ], True, True, "refused"),
        ([REFUSED] * 2 + [READ], True, True, "decrypted"),
        ([NO_SERVER], True, True, "mutual-tls"),
        ([SILENT], True, True, "not-interceptable"),
        ([Outcome("other.example", True, received=5)], True, True, "not-interceptable"),
    ],
)
def test_each_state_needs_its_evidence(outcomes: list[Outcome], installed: bool, reached: bool, state: str) -> None:
    found = state_of(HOST, outcomes, authority_installed=installed, passed_through=reached)
    assert (found.host, found.state) == (HOST, state)
    assert found.why


def agrees(passive: list[float], intercepted: list[float]) -> bool:
    (one,) = parity({HOST: passive}, {HOST: intercepted})
    assert one.agrees == (not one.why)
    return one.agrees


def test_the_same_bytes_agree_and_a_stray_heartbeat_does_not_matter() -> None:
    assert agrees([900, 905, 910, 900, 905], [905, 900, 910, 902, 1105])
    assert agrees([0, 0, 230, 0, 0], [0, 0, 0, 0, 0])
    assert agrees([], [0.0])


def test_an_upload_that_is_held_back_is_seen() -> None:
    assert not agrees([5100, 5000, 5200, 5100, 5000], [0, 0, 0, 230, 0])


def test_medians_decide_where_there_are_too_few_for_ranks() -> None:
    assert not agrees([1000, 1000, 1000], [700, 700, 700])
    assert agrees([1000, 1000, 1000], [900, 900, 900])


def test_a_host_in_one_run_only_is_named_with_the_run() -> None:
    one, other = {"a": (1.0,), "b": (2.0,), "c": (0.0,)}, {"b": (2.0,), "d": (5.0,)}
    assert alone(one, other) == ("a: content goes to it in run A only", "d: content goes to it in run B only")
