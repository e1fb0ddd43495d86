"""Hosts of the simulated internet that speak HTTP: names, pages and special routes. No sockets here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pytest_conformance.simulation.cloud.accounts import Account


@dataclass(frozen=True)
class Request:
    """An HTTP request: `path` without the query, header names in lower case, `account` None for strangers."""

    host: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    sender: str
    account: Account | None

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "application/octet-stream")


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"


Route = Callable[[Request], Response]


@dataclass
class Host:
    """One name. `supplier`: part of the supplier's cloud, whose contents the bench may ask for.

    `pages` are public, path to (content type, body); `routes` are keyed (method, path) and come before everything.
    """

    name: str
    address: str
    supplier: bool = True
    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    routes: dict[tuple[str, str], Route] = field(default_factory=dict)

    def rules(self, html: str) -> None:
        """Publish the personal information processing rules at /rules."""
        self.pages["/rules"] = ("text/html; charset=utf-8", html.encode())
