"""The ways to tap packets: dumpcap on an interface or in a namespace, or the relay process. One tap, one process."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any, Protocol

from pytest_conformance.clock import RealClock
from pytest_conformance.errors import InstrumentError, LinkError

_CLONE_NEWNET = 0x40000000
_BEGINS_WITHIN = 5.0
_ENDS_WITHIN = 5.0
_ANSWERS_WITHIN = 5.0
_BEGAN = re.compile(r"^File: ", re.MULTILINE)
"""Said by dumpcap when the interface and the file are open."""
_CAPTURED = re.compile(r"Packets captured: (\d+)")
_DROPPED = re.compile(r"received/dropped on .*\(pcap:(\d+)/dumpcap:(\d+)/flushed:\d+/ps_ifdrop:(\d+)\)")
"""What was flushed comes after the last marker and is no loss."""


class Tap(Protocol):
    """Writes a pcapng file while it runs."""

    door: str
    model: str

    def start(self, path: Path) -> None: ...
    def send(self, payload: bytes) -> None:
        """Bring a marker datagram into the segment."""
        ...

    def alive(self) -> bool: ...
    def stop(self) -> tuple[int, int]:
        """End the file; return packets and losses."""
        ...

    def complaint(self) -> str:
        """Return the last words of the process behind the tap."""
        ...

    def close(self) -> None: ...


class DumpcapTap:
    """Runs dumpcap on `interface`, inside the network namespace `namespace` when that is not empty."""

    def __init__(self, interface: str, namespace: str, marker: tuple[str, int]) -> None:
        self.door = "namespace" if namespace else "interface"
        self._interface = interface
        self._prefix = ["ip", "netns", "exec", namespace] if namespace else []
        self._marker = marker
        self._process: subprocess.Popen[bytes] | None = None
        self._words: IO[bytes] | None = None
        self.model = _dumpcap_version()
        self._sender = _in_namespace(namespace) if namespace else _datagram_socket()

    def start(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        command = [*self._prefix, "dumpcap", "-q", "-i", self._interface, "-s", "0", "-B", "16", "-w", str(path)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._words, start_new_session=True
        )
        RealClock().wait_for(lambda: not self.alive() or _BEGAN.search(self.complaint()), _BEGINS_WITHIN)

    def send(self, payload: bytes) -> None:
        try:
            self._sender.sendto(payload, self._marker)
        except OSError as error:
            raise LinkError(
                "BEN-CAP-004",
                f"the marker datagram cannot be sent: {error}",
                where=f"{self._marker[0]}:{self._marker[1]} by {self._interface}",
                expected="an address of the captured segment",
                todo="set `marker` to the segment's broadcast address and a port that nobody uses (9)",
            ) from error

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> tuple[int, int]:
        words = ""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_ENDS_WITHIN)
            words = self.complaint()
        self._end()
        captured, dropped = _CAPTURED.search(words), _DROPPED.search(words)
        if captured is None or dropped is None:
            raise InstrumentError(
                "BEN-CAP-005",
                f"dumpcap ended without its counters: {words.strip()[-300:] or 'it said nothing'}",
                where=self._interface,
                expected="'Packets captured' and 'Packets received/dropped'",
                todo="use dumpcap of Wireshark 3.6 or newer",
            )
        return int(captured[1]), sum(int(count) for count in dropped.groups())

    def complaint(self) -> str:
        if self._words is None:
            return ""
        said = os.pread(self._words.fileno(), 65536, 0)  # seeking would move the place where dumpcap writes
        return said.decode("utf-8", "replace")

    def close(self) -> None:
        self._end()
        self._sender.close()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.kill()
            process.wait(_ENDS_WITHIN)
        if self._words is not None:
            self._words.close()
            self._words = None


class RelayTap:
    """Starts the relay process, which attaches itself to the patch panel of the simulated network."""

    door = "relay"
    model = "relay"

    def __init__(self, panel: str) -> None:
        self._panel = panel
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pytest_conformance.drivers.capture_relay", panel],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            start_new_session=True,
        )
        try:
            self._answer()
        except LinkError:
            self.close()
            raise

    def start(self, path: Path) -> None:
        self._order({"do": "start", "path": str(path)})

    def send(self, payload: bytes) -> None:
        self._order({"do": "mark", "payload": payload.hex()})

    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> tuple[int, int]:
        done = self._order({"do": "stop"})
        return int(done["packets"]), int(done["dropped"])

    def complaint(self) -> str:
        if self._words.closed:
            return ""
        self._words.seek(0)
        return self._words.read().decode("utf-8", "replace")

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_ENDS_WITHIN)
        self._words.close()

    def _order(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._gone() from error
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _ANSWERS_WITHIN)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            raise self._gone()
        answer = json.loads(line)
        if "ok" not in answer:
            raise LinkError("BEN-CAP-006", f"the relay refused: {answer.get('error')}", where=self._panel)
        done: dict[str, Any] = answer["ok"]
        return done

    def _gone(self) -> LinkError:
        words = self.complaint().strip().splitlines()
        return LinkError(
            "BEN-CAP-003",
            f"the relay that captures is gone{': ' + words[-1] if words else ''}",
            where=self._panel,
            expected="the relay process lives as long as the run",
            todo="repeat the run; the packets since are lost",
        )


def _dumpcap_version() -> str:
    program = shutil.which("dumpcap")
    if program is None:
        raise InstrumentError(
            "BEN-CAP-001",
            "dumpcap is not installed",
            where="PATH",
            expected="dumpcap (Debian package wireshark-common)",
            todo="install it, or use the relay door on the mock bench",
        )
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=_ANSWERS_WITHIN, check=False)
    return done.stdout.splitlines()[0].rstrip(".") if done.stdout else "dumpcap"


def _datagram_socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    return made


def _in_namespace(name: str) -> socket.socket:
    """Return a UDP socket that lives in the namespace `name`: made by a thread that goes there and ends."""
    made: list[socket.socket] = []
    failed: list[OSError] = []

    def go() -> None:
        try:
            handle = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(handle, _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            finally:
                os.close(handle)
            made.append(_datagram_socket())
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=go, name="into-namespace")
    thread.start()
    thread.join()
    if failed:
        raise LinkError(
            "BEN-CAP-002",
            f"the network namespace cannot be entered: {failed[0]}",
            where=name,
            expected="a namespace of this host, and the right to enter it (root)",
            todo="is the simulated bench still running?",
        ) from failed[0]
    return made[0]
