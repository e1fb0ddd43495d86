"""The simulated device's test port: JSON lines over a pseudo-terminal, as `docs/test-port.md` describes them."""

from __future__ import annotations

import json
import os
import re
import select
import threading
import tty
from collections import deque
from collections.abc import Mapping
from contextlib import suppress

from pytest_conformance.simulation.devices.base import Device, VerbError
from pytest_conformance.simulation.farend import Json

LINE = 65536
"""Longest line in bytes, either way."""
PENDING = 1 << 20
"""Bytes that wait for a reader; what comes on top is lost, as on a wire that nobody listens to."""
_REQUEST = re.compile(rb">([0-9a-f]{8}) ([a-z][a-z0-9-]{0,39})(?: (.*))?\Z", re.DOTALL)


def event_line(uptime_ms: int, event: str, data: Mapping[str, Json]) -> bytes:
    """Return the line that tells of `event`."""
    return f"#{uptime_ms} {event} {json.dumps(data)}\n".encode()


class ConsoleFarEnd:
    """Far end `console`. Silent while the device is off; while it boots, only its log lines come.

    Everything that is written goes through one bounded queue, so that a client that does not read stops nothing.
    """

    name = "console"

    def __init__(self, device: Device) -> None:
        self._device = device
        self._lock = threading.Condition()
        self._queue: deque[bytes] = deque()
        self._pending = 0
        self._master = self._slave = -1
        self._wake = (-1, -1)
        self._closed = False
        self._seen: list[Json] = []
        self.lost = 0
        """Bytes that found no reader."""
        device.emit = self.send

    def start(self) -> Mapping[str, Json]:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._wake = os.pipe()
        path = os.ttyname(self._slave)
        threading.Thread(target=self._run, name="console", daemon=True).start()
        return {"address": path}

    def stop(self) -> None:
        self.kill()

    def kill(self) -> None:
        with self._lock:
            if self._closed or self._slave < 0:
                self._closed = True
                return
            self._closed = True
            os.write(self._wake[1], b"x")

    def seen(self) -> Json:
        """Return the verbs that were called, in order."""
        return list(self._seen)

    def send(self, data: bytes) -> None:
        """Write raw bytes to the port; lost when the port is closed or nobody reads for too long."""
        with self._lock:
            if self._closed or self._slave < 0 or self._pending + len(data) > PENDING:
                self.lost += len(data)
                return
            self._queue.append(data)
            self._pending += len(data)
            self._drain()
            if self._queue:
                os.write(self._wake[1], b"w")

    def _run(self) -> None:
        buffer = b""
        while not self._closed:
            writing = [self._master] if self._queue else []
            ready, writable, _ = select.select([self._master, self._wake[0]], writing, [])
            if self._wake[0] in ready:
                os.read(self._wake[0], 4096)
            if writable:
                self._drain()
            if self._master in ready:
                with suppress(OSError):
                    buffer = self._take(buffer + os.read(self._master, 65536))
        with self._lock:
            for descriptor in (self._master, self._slave, *self._wake):
                os.close(descriptor)
            self._slave = -1

    def _drain(self) -> None:
        """Write what the port takes at once."""
        with self._lock:
            while self._queue:
                data = self._queue[0]
                try:
                    written = os.write(self._master, data)
                except OSError:
                    return
                self._pending -= written
                if written < len(data):
                    self._queue[0] = data[written:]
                    return
                self._queue.popleft()

    def _take(self, buffer: bytes) -> bytes:
        *lines, rest = buffer.split(b"\n")
        for line in lines:
            self._answer(line.rstrip(b"\r"))
        return rest[-LINE:]

    def _answer(self, line: bytes) -> None:
        match = _REQUEST.match(line)
        if self._device.state != "running" or match is None or len(line) > LINE:
            return
        nonce, name = match[1].decode(), match[2].decode()
        self._seen.append(name)
        try:
            arguments = json.loads(match[3] or b"{}")
            if not isinstance(arguments, dict):
                raise ValueError("not an object")
            text = f"<{nonce} ok {json.dumps(self._device.call(name, arguments))}\n"
        except VerbError as error:
            text = f"<{nonce} err {error.code} {json.dumps({'text': error.text})}\n"
        except (ValueError, RecursionError):
            text = f"<{nonce} err JSON {json.dumps({'text': 'the arguments are not a JSON object'})}\n"
        self.send(text.encode())
        self._device.answered()
