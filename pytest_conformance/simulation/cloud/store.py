"""What the simulated cloud was sent (kept for ever) and what it still holds (until deleted)."""

from __future__ import annotations

import base64
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass

from pytest_conformance.simulation.farend import Json


@dataclass(frozen=True)
class Item:
    """One thing that arrived: world time in ns, path, content, and who sent it ("device", "phone", "bench")."""

    at: int
    host: str
    path: str
    content_type: str
    body: bytes
    sender: str
    owner: str = ""
    method: str = "POST"

    def as_json(self) -> dict[str, Json]:
        """Return it for the admin door, the body in base64."""
        return {
            "at": self.at,
            "host": self.host,
            "method": self.method,
            "path": self.path,
            "content_type": self.content_type,
            "body": base64.b64encode(self.body).decode(),
            "sender": self.sender,
            "owner": self.owner,
        }


class Store:
    """Items by path; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._received: list[Item] = []
        self._stored: dict[str, Item] = {}

    def receive(self, item: Item) -> None:
        """Note that `item` arrived, whatever becomes of it."""
        with self._lock:
            self._received.append(item)

    def new_path(self, collection: str) -> str:
        """Return a fresh path below `collection`."""
        with self._lock:
            return f"{collection.rstrip('/')}/{next(self._numbers)}"

    def put(self, item: Item) -> None:
        with self._lock:
            self._stored[item.path] = item

    def get(self, path: str) -> Item | None:
        with self._lock:
            return self._stored.get(path)

    def delete(self, chosen: Callable[[Item], bool]) -> int:
        """Delete every stored item that is `chosen`; return how many."""
        with self._lock:
            gone = [path for path, item in self._stored.items() if chosen(item)]
            for path in gone:
                del self._stored[path]
            return len(gone)

    def received(self) -> tuple[Item, ...]:
        with self._lock:
            return tuple(self._received)

    def stored(self) -> tuple[Item, ...]:
        with self._lock:
            return tuple(self._stored.values())

    def clear(self) -> None:
        """Forget everything, for a fresh run."""
        with self._lock:
            self._received.clear()
            self._stored.clear()
