"""The far ends of the network that the bench drives: the access point's control door, and the tap of the capture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.network.jsondoor import JsonDoor
from pytest_conformance.simulation.network.network import Network
from pytest_conformance.simulation.network.services import start_name_server, start_time_server

_LISTENING = "0A"
_ANY = {"00000000", "0" * 32}


class AccessPoint:
    """Opens the network when it starts, and takes orders of the bench over HTTP/JSON (docs/network.md)."""

    name = "access-point"

    def __init__(self, network: Network) -> None:
        self._network = network
        self._orders: list[Json] = []
        self._door = JsonDoor(
            {
                "GET /v1/status": self._status,
                "POST /v1/uplink": self._uplink,
                "POST /v1/clock": self._clock,
                "POST /v1/redirect": self._redirect,
                "POST /v1/release": self._release,
                "POST /v1/block": self._block,
            }
        )

    def start(self) -> Mapping[str, Json]:
        self._network.open()
        start_name_server(self._network)
        start_time_server(self._network)
        self._door.start()
        return {"address": self._door.url, "door": self._network.door}

    def stop(self) -> None:
        self._door.close()
        self._network.close()

    def kill(self) -> None:
        """Lose power: the control door is gone and so is the uplink."""
        self._door.close()
        self._network.up.set(False)

    def seen(self) -> Json:
        """Return the orders that the bench gave, oldest first."""
        return list(self._orders)

    def _status(self, request: Mapping[str, Json]) -> Json:
        return {
            "model": "simulated access point",
            "door": self._network.door,
            "door_reason": self._network.door_reason,
            "up": self._network.up.value,
            "clock": {"ahead": self._network.ahead, "asked": self._network.time_asked},
            "device": {"address": self._network.bench_address(), "foreign_ports": list(foreign_ports())},
            "hosts": self._network.hosts(),
        }

    def _uplink(self, request: Mapping[str, Json]) -> Json:
        up = request.get("up")
        if not isinstance(up, bool):
            raise ValueError(f"up must be true or false, not {up!r}")
        self._orders.append({"uplink": up})
        self._network.up.set(up)
        return {"up": up}

    def _clock(self, request: Mapping[str, Json]) -> Json:
        ahead = request.get("ahead")
        if isinstance(ahead, bool) or not isinstance(ahead, int | float) or not abs(ahead) < 1e9:
            raise ValueError(f"ahead must be seconds, not {ahead!r}")
        self._orders.append({"clock": ahead})
        self._network.ahead = float(ahead)
        return {"ahead": float(ahead)}

    def _redirect(self, request: Mapping[str, Json]) -> Json:
        host, address, port = request.get("host"), request.get("address"), request.get("port")
        if not isinstance(host, str) or not isinstance(address, str) or not isinstance(port, int):
            raise ValueError("redirect needs host, address and port")
        if host.lower() not in self._network.hosts():
            raise LookupError(f"no host {host!r} here; there are {', '.join(sorted(self._network.hosts()))}")
        self._orders.append({"redirect": host})
        return {"address": self._network.divert(host, (address, port))}

    def _release(self, request: Mapping[str, Json]) -> Json:
        host = str(request.get("host"))
        self._orders.append({"release": host})
        self._network.release(host)
        return {}

    def _block(self, request: Mapping[str, Json]) -> Json:
        transport, port, blocked = request.get("transport"), request.get("port"), request.get("blocked")
        if transport not in ("tcp", "udp") or not isinstance(blocked, bool):
            raise ValueError("block needs transport, tcp or udp, and blocked, true or false")
        if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65_536:
            raise ValueError(f"port must be 1 to 65535, not {port!r}")
        self._orders.append({"block": f"{transport}/{port}", "blocked": blocked})
        self._network.block(transport, port, blocked)
        return {"blocked": blocked}


class Tap:
    """Where the bench's capture joins the segment; `kill()` ends captures and leaves the traffic alone."""

    name = "capture"

    def __init__(self, network: Network) -> None:
        self._network = network

    def start(self) -> Mapping[str, Json]:
        return self._network.tap()

    def stop(self) -> None:
        """The door closes with the access point."""

    def kill(self) -> None:
        self._network.kill_tap()

    def seen(self) -> Json:
        return self._network.door


def foreign_ports(tables: tuple[str, ...] = ("/proc/net/tcp", "/proc/net/tcp6")) -> tuple[int, ...]:
    """Return the TCP ports on which some other program of this host listens at every address.

    They answer at the device's loopback address too, so a port scan must not ascribe them to the device.
    """
    found = set()
    for table in tables:
        path = Path(table)
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            local, state = line.split()[1], line.split()[3]
            address, _, port = local.rpartition(":")
            if state == _LISTENING and address in _ANY:
                found.add(int(port, 16))
    return tuple(sorted(found))
