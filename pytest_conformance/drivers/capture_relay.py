"""The relay process of the mock bench: `python -m pytest_conformance.drivers.capture_relay HOST:PORT` (patch panel).

Takes orders as JSON lines on standard input (start, mark, stop) and answers each with one line; ends with its input.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pytest_conformance.drivers.capture_flows import TcpRelay, UdpRelay
from pytest_conformance.drivers.capture_frames import FrameFactory
from pytest_conformance.drivers.capture_panel import PatchPanelLink
from pytest_conformance.drivers.pcapng import PcapngWriter

_PANEL_LOST = 3


class Tape:
    """Where frames go: a pcapng file while a capture runs, nowhere otherwise. Frames that cannot be written count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writer: PcapngWriter | None = None
        self._dropped = 0

    def start(self, path: Path) -> None:
        """Begin a new file. Raises ValueError when one is open, OSError when it cannot be made."""
        with self._lock:
            if self._writer is not None:
                raise ValueError("a capture is running already")
            self._writer = PcapngWriter(path, "relay", "pytest-conformance relay", time.time_ns())
            self._dropped = 0

    def emit(self, frame: bytes) -> None:
        """Write one frame at the present time."""
        with self._lock:
            if self._writer is None:
                return
            try:
                self._writer.packet(frame, time.time_ns())
            except OSError:
                self._dropped += 1

    def stop(self) -> tuple[int, int]:
        """End the file; return how many packets it holds and how many were lost."""
        with self._lock:
            if self._writer is None:
                raise ValueError("no capture is running")
            writer, self._writer = self._writer, None
            writer.close(time.time_ns(), self._dropped)
            return writer.packets, self._dropped


class Orders:
    """What the driver may ask for."""

    def __init__(self, tape: Tape, panel: PatchPanelLink, factory: FrameFactory) -> None:
        self._tape = tape
        self._panel = panel
        self._factory = factory

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do one order. Raises ValueError, KeyError or OSError."""
        verb = order["do"]
        if verb == "start":
            self._tape.start(Path(order["path"]))
            return {}
        if verb == "mark":
            payload = bytes.fromhex(order["payload"])
            self._tape.emit(self._factory.udp(self._panel.gateway(), self._panel.marker(), payload))
            return {}
        if verb == "stop":
            packets, dropped = self._tape.stop()
            return {"packets": packets, "dropped": dropped}
        raise ValueError(f"unknown order {verb!r}")


def main(argv: list[str]) -> int:
    """Attach to the patch panel, relay, and obey until standard input ends."""
    host, _, port = argv[1].rpartition(":")
    tape, factory = Tape(), FrameFactory()
    try:
        panel = PatchPanelLink((host, int(port)), lambda: os._exit(_PANEL_LOST))
        tcp, udp = TcpRelay(panel, factory, tape.emit), UdpRelay(panel, factory, tape.emit)
        panel.attach(tcp.port, udp.port)
    except OSError as error:
        _say({"error": str(error)})
        return 1
    tcp.start()
    udp.start()
    orders = Orders(tape, panel, factory)
    _say({"ok": {"tcp": tcp.port, "udp": udp.port}})
    for line in sys.stdin:
        try:
            _say({"ok": orders.obey(json.loads(line))})
        except (ValueError, KeyError, OSError) as error:
            _say({"error": f"{type(error).__name__}: {error}"})
    return 0


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv))
