"""From a run's start to the process's end it speaks to nobody outside the bench: whoever tries is stopped and recorded.

Evidence shows persons. What may be spoken to: this computer, private and local networks, and every host and address
that the bench file names. Other programs of this computer are not watched: that is the laboratory's firewall.
"""

from __future__ import annotations

import ipaddress
import os
import re
import sys
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_conformance.errors import StorageError, UsageError

if TYPE_CHECKING:
    from pytest_conformance.bench.file import BenchFile
    from pytest_conformance.record import Run
    from pytest_conformance.running.options import Request

_WATCHED = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"))
_MOST_RECORDED = 100
_HOST = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")
_LIBRARY = os.path.dirname(os.__file__)


class OutboundError(UsageError, ConnectionRefusedError):
    """This process may not speak to that host. Libraries see a connection that was refused."""


class Guard:
    """Looks at every connection and datagram of this process before it goes; `named` are hosts that may be reached."""

    def __init__(self, run: Run, named: Collection[str]) -> None:
        self._run = run
        self._named = frozenset(each.lower() for each in named)
        self._resolved = threading.local()
        self.refused = 0

    def look(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raise OutboundError USE-OUT-001 for what would leave the bench; called before it is done."""
        if event == "socket.getaddrinfo":
            host, port = arguments[0], arguments[1]
            self._resolved.named = isinstance(host, str) and host.lower().rstrip(".") in self._named
        else:
            address = arguments[1]
            if not isinstance(address, tuple) or len(address) < 2:
                return  # not of the internet family
            host, port = address[0], address[1]
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if isinstance(name, str) and not self._is_inside(name):
            self._refuse(name, port)

    def _is_inside(self, host: str) -> bool:
        plain = host.lower().rstrip(".").partition("%")[0]
        if plain in self._named or getattr(self._resolved, "named", False):
            return True
        try:
            address = ipaddress.ip_address(plain)
        except ValueError:
            return "." not in plain or plain.endswith((".local", ".localhost", ".localdomain"))
        return address.is_multicast or not address.is_global

    def _refuse(self, host: str, port: Any) -> None:
        self.refused += 1
        by = _caller()
        if self.refused <= _MOST_RECORDED:
            with suppress(StorageError):
                self._tell({"to": host, "port": port, "by": by, "blocked": True})
        raise OutboundError(
            "USE-OUT-001",
            f"an attempt to reach {host}, port {port}, was blocked: the run's evidence stays in the laboratory",
            where=by,
            expected="only this computer, private networks, and hosts that the bench file names",
            todo="take it out of the test or driver, or name the host in the bench file if it is an instrument",
        )

    def _tell(self, attempt: Mapping[str, Any]) -> None:
        """Journal an attempt; after the end of the run in its sequel, for plugins that send when all is over."""
        from pytest_conformance.record.sequel import add

        try:
            self._run.event("x-outbound", attempt)
        except StorageError as error:
            if error.code != "BEN-STO-011":
                raise
            add(self._run.folder, "x-outbound", attempt)


def _caller() -> str:
    """Return file and line of whoever asked for it: the nearest frame outside Python's library and this file."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        file = frame.f_code.co_filename
        if file != __file__ and not file.startswith((_LIBRARY, "<")):
            break
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


_state: dict[str, Guard | None] = {}


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _WATCHED and (guard := _state["guard"]) is not None:
        guard.look(event, arguments)


@contextmanager
def guarded(run: Run, named: Collection[str]) -> Iterator[Guard]:
    """Watch this process within the block. An audit hook cannot be taken out again; outside it looks at nothing."""
    if "guard" not in _state:
        _state["guard"] = None
        sys.addaudithook(_audit)
    before, guard = _state["guard"], Guard(run, named)
    _state["guard"] = guard
    try:
        yield guard
    finally:
        _state["guard"] = before


def spoken_to(request: Request) -> frozenset[str]:
    """Return the hosts that a run may speak to: those of its bench file, and the authority of its time stamps."""
    stamps = {urlsplit(request.authority.url).hostname or ""} if request.authority is not None else set()
    return named_hosts(request.bench) | stamps


def named_hosts(file: BenchFile) -> frozenset[str]:
    """Return every host name and address in the settings of the bench's roles and channels."""
    texts = _texts([each.raw for each in (*file.roles.values(), *file.channels.values())])
    return frozenset(found for text in texts for found in _HOST.findall(text))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, Iterable):
        for each in value:
            yield from _texts(each)
