import json
import os
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.simulation.companion import Session
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


class LockBench:
    """A simulated lock with its world, driven without wires: time, power, turntable, app and test port."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.app: Any = world.app
        self.device: Device = self.app._device
        self.session = Session("owner")
        self.logged: list[tuple[str, dict[str, Any]]] = []
        self.device.emit = self._heard

    def _heard(self, line: bytes) -> None:
        if line.startswith(b"#"):
            _, event, data = line.decode().split(" ", 2)
            self.logged.append((event, json.loads(data)))

    def power(self) -> None:
        self.world.rail.set(5.0)
        self.world.timeline.advance(float(Boot.seconds or 0) + 0.1)

    def power_cycle(self, seconds: float = 2.0) -> None:
        self.world.rail.set(0.0)
        self.world.timeline.advance(seconds)
        self.power()

    def wait(self, seconds: float) -> None:
        self.world.timeline.advance(seconds)

    def call(self, verb: str, **arguments: Any) -> Any:
        return self.device.call(verb, arguments)

    def submit(self, path: str, **form: str) -> str:
        where: str = self.app.submit(path, self.session, form)
        return where

    def set_up(self, **consents: bool) -> str:
        """Agree to the rules, set up owner and PIN, answer each consent of first use; return where the app ends."""
        self.submit("/rules", press="agree")
        path = self.submit("/set-up", name="Owner", secret="123456", press="save")
        while path.startswith("/consent/"):
            path = self.answer(path, consents.get(path.removeprefix("/consent/"), False))
        return path

    def answer(self, path: str, yes: bool) -> str:
        return self.submit(path, press="continue", consent="on") if yes else self.submit(path, press="decline")

    def enrol(self, holder: int = 1, user: str = "1", *, agree: bool = True) -> bool:
        """Stand the holder before the lock and enrol; tell whether a face is enrolled."""
        self.world.holder.set(holder)
        path = self.submit(f"/users/{user}", press="enrol")
        if path.startswith("/consent/"):
            self.answer(path, agree)
        self.wait(1.0)
        self.world.holder.set(0)
        return any(event == "enrolled" for event, _ in self.logged)

    def attempt(self, holder: int) -> tuple[str, bool]:
        """Stand the holder before the lock and touch it; return the last decision and whether the bolt was drawn."""
        self.wait(6.0)
        self.logged.clear()
        self.world.holder.set(holder)
        self.call("wake")
        said: list[str] = []
        for _ in range(20):  # a busy machine may look late
            self.wait(0.5)
            said = [event for event, _ in self.logged if event in ("match", "reject", "timeout")]
            if said:
                break
        self.wait(0.3)
        opened = not self.world.bolt.value
        self.world.holder.set(0)
        return (said[-1] if said else "none"), opened

    def records(self, prefix: str = "") -> list[str]:
        return self.device.get(Storage).names(prefix)

    def sent(self, path: str = "/v1/") -> list[Any]:
        return [item for item in self.world.cloud.store.received() if item.path.startswith(path)]

    def kept(self, path: str) -> list[Any]:
        return [item for item in self.world.cloud.store.stored() if item.path.startswith(path)]


@pytest.fixture
def make_lock(tmp_path: Path) -> Iterator[Callable[..., LockBench]]:
    """Build a powered lock with the known-bad variants that are named."""
    from pytest_conformance.simulation.build import build_world

    worlds = []

    def build(*known_bad: str) -> LockBench:
        world = build_world(Options("mock-lock", known_bad, folder=tmp_path, door="relay"))
        worlds.append(world)
        world.start()
        lock = LockBench(world)
        lock.power()
        return lock

    yield build
    for world in worlds:
        world.stop()


@pytest.fixture
def lock(make_lock: Callable[..., LockBench]) -> LockBench:
    """The good lock, powered, in factory state."""
    return make_lock()


@pytest.fixture
def owned(lock: LockBench) -> LockBench:
    """The good lock, set up; no face is enrolled."""
    lock.set_up()
    return lock
