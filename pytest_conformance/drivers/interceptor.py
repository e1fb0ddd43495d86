"""mitmproxy as a child process in its own environment: stands between a device that trusts it and the true hosts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_conformance.analysis.traffic.parity import Outcome
from pytest_conformance.clock import Clock
from pytest_conformance.drivers import interceptor_addon
from pytest_conformance.errors import InstrumentError, MethodError

MITMDUMP = "CONFORMANCE_MITMDUMP"
"""Name of the environment variable that says where mitmdump is."""
OWN = Path(".venv-interception", "bin", "mitmdump")
"""Where `make interception` puts it, below the folder of the run."""
_STARTS_WITHIN = 30.0
_ENDS_WITHIN = 5.0


@dataclass(frozen=True)
class Route:
    """A host to stand in for, and where its true service is reached."""

    host: str
    upstream: tuple[str, int]


def find_mitmdump(environment: Mapping[str, str] = os.environ) -> str:
    """Return the path of mitmdump. Raises MethodError MET-INT-001 when there is none."""
    named = environment.get(MITMDUMP, "")
    own = Path.cwd() / OWN
    found = named or (str(own) if own.exists() else shutil.which("mitmdump")) or ""
    if not found or not os.access(found, os.X_OK):
        raise MethodError(
            "MET-INT-001",
            "mitmproxy is not installed, so nothing can be opened between device and cloud",
            where=named or str(OWN),
            expected="mitmdump in an environment of its own",
            todo=f"run `make interception`, or set {MITMDUMP}",
        )
    return found


class Interceptor:
    """Listens for each route on a loopback port of its own; knows what came of every connection.

    Raises MethodError MET-INT-001 without mitmproxy, InstrumentError BEN-INC-001 when it does not start.
    """

    def __init__(self, routes: Sequence[Route], clock: Clock, *, upstream_authority: str = "") -> None:
        program = find_mitmdump()
        self._clock = clock
        self._folder = tempfile.TemporaryDirectory(prefix="conformance-interceptor-")
        self._path = Path(self._folder.name)
        self._ports = {route.host: _free_port() for route in routes}
        command = [program, "--quiet", "--set", f"confdir={self._path}", "-s", interceptor_addon.__file__]
        for route in routes:
            host, port = route.upstream
            command += ["--mode", f"reverse:tls://{host}:{port}@127.0.0.1:{self._ports[route.host]}"]
        if upstream_authority:
            (self._path / "upstream.pem").write_text(upstream_authority)
            command += ["--set", f"ssl_verify_upstream_trusted_ca={self._path / 'upstream.pem'}"]
        self._words = (self._path / "words").open("w+b")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._words,
            stderr=self._words,
            env={**_clean(os.environ), interceptor_addon.REPORT: str(self._report), "SSLKEYLOGFILE": str(self._keys)},
            start_new_session=True,
        )
        self._await_start()

    @property
    def version(self) -> str:
        """What the program says that it is."""
        done = subprocess.run([find_mitmdump(), "--version"], capture_output=True, text=True, timeout=60, check=False)
        return (done.stdout.splitlines() or ["mitmproxy"])[0]

    @property
    def authority(self) -> str:
        """The certificate of its authority, PEM: what the device must be made to trust."""
        return (self._path / "mitmproxy-ca-cert.pem").read_text()

    def port(self, host: str) -> int:
        """Return the loopback port on which it stands in for `host`."""
        return self._ports[host]

    def keys(self) -> str:
        """Return the session keys so far, NSS key log format: with them the captured packets are read."""
        return self._keys.read_text() if self._keys.exists() else ""

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return every connection so far, in the order in which they came."""
        rows: dict[str, Outcome] = {}
        hosts = {port: host for host, port in self._ports.items()}
        for line in self._report.read_text().splitlines() if self._report.exists() else []:
            said = json.loads(line)
            old = rows.get(said["id"], Outcome(hosts.get(said["port"], ""), False))
            rows[said["id"]] = _grown(old, said)
        return tuple(rows.values())

    def close(self) -> None:
        """End the child process and remove its keys; safe to call twice."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(_ENDS_WITHIN)
        self._words.close()
        self._folder.cleanup()

    @property
    def _report(self) -> Path:
        return self._path / "outcomes.jsonl"

    @property
    def _keys(self) -> Path:
        return self._path / "keys.log"

    def _await_start(self) -> None:
        with self._clock.realtime():
            self._clock.wait_for(lambda: self._is_up() or self._process.poll() is not None, _STARTS_WITHIN)
        if not self._is_up():
            self._words.seek(0)
            words = self._words.read().decode("utf-8", "replace").strip().splitlines()
            self.close()
            raise InstrumentError(
                "BEN-INC-001",
                f"mitmproxy does not listen: {words[-1] if words else 'it said nothing'}",
                expected=f"listening within {_STARTS_WITHIN:.0f} s",
                todo="run mitmdump by hand and see what it says",
            )

    def _is_up(self) -> bool:
        return (self._path / "mitmproxy-ca-cert.pem").exists() and all(_listens(each) for each in self._ports.values())


def _grown(old: Outcome, said: Mapping[str, object]) -> Outcome:
    what, reason = said["what"], str(said.get("reason", "")) or old.reason
    return Outcome(
        old.host,
        old.accepted or what == "accepted",
        reason,
        old.received + (int(str(said.get("size", 0))) if what == "bytes" else 0),
        old.server_failed or what == "no-server",
    )


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what belongs to this Python and would confuse another."""
    return {name: value for name, value in environment.items() if not name.startswith("PYTHON")}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    """Tell from the kernel's table whether somebody listens on `port`, without connecting."""
    wanted = f":{port:04X}"
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(wanted) and row.split()[3] == "0A" for row in rows)
