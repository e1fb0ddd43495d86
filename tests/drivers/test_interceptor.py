"""mitmproxy as a child process, where it is installed; and what is said where it is not."""

from __future__ import annotations

import contextlib
import socket
import ssl
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.drivers.interception import untrusted_context
from pytest_conformance.drivers.interceptor import MITMDUMP, Interceptor, Route, find_mitmdump
from pytest_conformance.errors import InstrumentError, MethodError

HOST = "api.example"


def there() -> bool:
    with contextlib.suppress(MethodError):
        return bool(find_mitmdump())
    return False


NEEDS_MITMPROXY = pytest.mark.skipif(not there(), reason="mitmproxy is not installed (make interception)")


def test_without_mitmproxy_the_method_cannot_conclude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    for environment in ({}, {MITMDUMP: str(tmp_path / "no")}):
        with pytest.raises(MethodError) as failure:
            find_mitmdump(environment)
        assert failure.value.code == "MET-INT-001"


def test_a_program_that_ends_at_once_is_the_benchs_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "mitmdump"
    program.write_text("#!/bin/sh\necho no such option >&2\nexit 2\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv(MITMDUMP, str(program))
    with pytest.raises(InstrumentError, match="no such option") as failure:
        Interceptor([Route(HOST, ("127.0.0.1", 9))], RealClock())
    assert failure.value.code == "BEN-INC-001"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[tuple[str, int], str]]:
    """A TLS server that answers one line in capitals: where it is, and its own certificate as authority."""
    context = untrusted_context(HOST)
    listener = socket.create_server(("127.0.0.1", 0))
    place = listener.getsockname()

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                secure.sendall(secure.recv(4096).upper())

    threading.Thread(target=run, daemon=True).start()
    authority = ssl.get_server_certificate(place)
    yield place, authority
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def say(port: int, authority: str, text: bytes) -> bytes:
    context = ssl.create_default_context(cadata=authority)
    raw = socket.create_connection(("127.0.0.1", port), 10)
    with raw, context.wrap_socket(raw, server_hostname=HOST) as line:
        line.sendall(text)
        return line.recv(4096)


@NEEDS_MITMPROXY
def test_who_trusts_it_is_read_and_who_does_not_refuses(server: tuple[tuple[str, int], str]) -> None:
    place, authority = server
    between = Interceptor([Route(HOST, place)], RealClock(), upstream_authority=authority)
    try:
        port = between.port(HOST)
        assert say(port, between.authority, b"\x00hello, private protocol") == b"\x00HELLO, PRIVATE PROTOCOL"
        with pytest.raises(ssl.SSLCertVerificationError):
            say(port, authority, b"never")
        assert RealClock().wait_for(lambda: len(between.outcomes()) == 2, 20)
        read, refused = between.outcomes()
        assert (read.host, read.accepted, read.received) == (HOST, True, 24)
        assert (refused.host, refused.accepted, refused.received) == (HOST, False, 0)
        assert refused.reason
        secrets = between.keys()
        assert "CLIENT_TRAFFIC_SECRET_0" in secrets
    finally:
        between.close()
        between.close()
