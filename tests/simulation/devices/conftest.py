import json
import os
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.simulation.devices.base import Behaviour, Boot, Device, Facts, VerbError, verb
from pytest_conformance.simulation.devices.behaviours import COMMON, Storage
from pytest_conformance.simulation.devices.console import ConsoleFarEnd
from pytest_conformance.simulation.devices.ui import Panel
from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.world import Options, World


class Diary(Behaviour):
    """The sample device's own thing: it keeps notes, and counts since it was switched on."""

    slot = "diary"

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.count = 0
        self.stopped = False

    def start(self) -> None:
        self.device.get(Panel).show("welcome", "Welcome", "Touch OK", {"OK": self._ok})
        self.device.every(10.0, self._tick)

    def stop(self) -> None:
        self.stopped = True

    def status(self) -> dict[str, Json]:
        return {"count": self.count, "state": "set-up" if self.device.get(Storage).names() else "factory"}

    @verb("note")
    def note(self, name: str, text: str) -> Json:
        self.device.get(Storage).put(f"note/{name}", text.encode())
        return {"kept": name}

    @verb("read")
    def read(self, name: str) -> Json:
        data = self.device.get(Storage).get(f"note/{name}")
        if data is None:
            raise VerbError("MISSING", f"no note {name!r}")
        return {"text": data.decode()}

    @verb("crash")
    def crash(self) -> Json:
        raise ZeroDivisionError("on purpose")

    def _ok(self) -> None:
        self.device.get(Panel).show("home", "Home")

    def _tick(self) -> None:
        self.count += 1
        self.device.log("tick", count=self.count)


SLOTS = {**COMMON, "diary": Diary}
FACTS = Facts("Sample Works", "Sample 1", "SN-1", "1.0")


class Wire:
    """The test port's client, by hand."""

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
        self.buffer = b""
        self.log: list[str] = []

    def call(self, line: str, timeout: float = 2.0) -> str | None:
        """Send `line` with a nonce; return what follows the nonce in the answer, or None."""
        os.write(self.descriptor, f">0123abcd {line}\n".encode())
        return self.wait("<0123abcd ", timeout)

    def ok(self, line: str) -> dict[str, Any]:
        answer = self.call(line)
        assert answer is not None
        assert answer.startswith("ok "), answer
        content: dict[str, Any] = json.loads(answer[3:])
        return content

    def wait(self, prefix: str, timeout: float = 2.0) -> str | None:
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            while b"\n" in self.buffer:
                line, _, self.buffer = self.buffer.partition(b"\n")
                text = line.decode("utf-8", "replace")
                self.log.append(text)
                if text.startswith(prefix):
                    return text[len(prefix) :]
            if select.select([self.descriptor], [], [], left)[0]:
                self.buffer += os.read(self.descriptor, 65536)
        return None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(Options("sample", folder=tmp_path))
    yield made
    made.stop()


@pytest.fixture
def build(world: World) -> Callable[..., Device]:
    """Build the sample device with some slots replaced."""

    def make(**slots: type[Behaviour]) -> Device:
        return Device(world, "sample", FACTS, {**SLOTS, **slots})

    return make


@pytest.fixture
def device(build: Callable[..., Device]) -> Device:
    return build()


@pytest.fixture
def running(world: World, device: Device) -> Device:
    """The sample device, powered and booted."""
    world.rail.set(5.0)
    world.timeline.advance(float(Boot.seconds or 0) + 0.1)
    assert device.state == "running"
    return device


@pytest.fixture
def wire(world: World, device: Device) -> Iterator[Wire]:
    """A client on the device's test port; the device is still off."""
    far_end = ConsoleFarEnd(device)
    world.add(far_end)
    made = Wire(str(far_end.start()["address"]))
    yield made
    os.close(made.descriptor)
