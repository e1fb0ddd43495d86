"""The simulated vendor lock, and the simulated door switch that stands beside it. Runs in the simulation's process."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Mapping

from pytest_conformance.simulation.devices.base import Device
from pytest_conformance.simulation.devices.lock import build as build_lock
from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.world import World


class DoorFarEnd:
    """Far end `door`: shut while the bolt is thrown."""

    name = "door"

    def __init__(self, world: World) -> None:
        self.asked: list[str] = []
        far_end = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                for line in self.rfile:
                    question = line.decode("ascii", "replace").strip()
                    far_end.asked.append(question)
                    answer = {"ID?": "Private Lab,Reed,D1,1.0", "DOOR?": "CLOSED" if world.bolt.value else "OPEN"}
                    self.wfile.write(answer.get(question, "ERR").encode() + b"\n")

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)

    def start(self) -> Mapping[str, Json]:
        threading.Thread(target=self._server.serve_forever, name="door", daemon=True).start()
        return {"address": f"127.0.0.1:{self._server.server_address[1]}"}

    def stop(self) -> None:
        self.kill()

    def kill(self) -> None:
        self._server.server_close()

    def seen(self) -> Json:
        return list(self.asked)


def build(world: World, known_bad: tuple[str, ...]) -> Device:
    """Return the simulated lock, with a door switch beside it."""
    world.add(DoorFarEnd(world))
    return build_lock(world, known_bad)
