"""The back door of the mock bench: advance time, kill a far end, ask what a far end saw. No procedure uses it."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Mapping

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.world import World


class ControlServer:
    """JSON lines over loopback TCP: {"do": "advance", "seconds": 5} answers {"ok": ...} or {"error": "..."}."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._verbs: Mapping[str, Callable[[Mapping[str, Json]], Json]] = {
            "advance": self._advance,
            "now": lambda _: world.timeline.now(),
            "kill": self._kill,
            "seen": lambda request: world.far_end(str(request["name"])).seen(),
            "names": lambda _: [far_end.name for far_end in world],
        }
        verbs = self._verbs

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                for line in self.rfile:
                    try:
                        request = json.loads(line)
                        answer: dict[str, Json] = {"ok": verbs[request["do"]](request)}
                    except Exception as error:
                        answer = {"error": f"{type(error).__name__}: {error}"}
                    self.wfile.write(json.dumps(answer).encode() + b"\n")
                    self.wfile.flush()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, name="control", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _advance(self, request: Mapping[str, Json]) -> Json:
        seconds = request["seconds"]
        if not isinstance(seconds, int | float) or not 0 <= seconds < 1e7:
            raise ValueError(f"seconds must be a number from 0 to 1e7, not {seconds!r}")
        self._world.timeline.advance(float(seconds))
        return self._world.timeline.now()

    def _kill(self, request: Mapping[str, Json]) -> Json:
        self._world.far_end(str(request["name"])).kill()
        return True
