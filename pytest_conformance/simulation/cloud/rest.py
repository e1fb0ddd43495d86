"""The cloud's REST interface: store, read, list and delete objects below /v1/, accounts, sessions, time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from pytest_conformance.simulation.cloud.accounts import Account, Accounts, Action, OwnerPolicy, Policy
from pytest_conformance.simulation.cloud.hosts import Host, Request, Response
from pytest_conformance.simulation.cloud.store import Item, Store

_PATH = re.compile(r"/v1(?:/[A-Za-z0-9._~-]{1,80}){1,6}")
_WRITING = ("POST", "PUT", "PATCH")


class Rest:
    """Answers requests; `policy` decides every access and may be swapped at any time."""

    def __init__(self, accounts: Accounts, store: Store, now: Callable[[], int]) -> None:
        self._accounts = accounts
        self._store = store
        self._now = now
        self.policy: Policy = OwnerPolicy()

    def answer(self, host: Host, request: Request) -> Response:
        """Answer `request`, and note what it carried before anything is decided about it."""
        if request.method in _WRITING:
            self._store.receive(self._item(request, request.path))
        if (route := host.routes.get((request.method, request.path))) is not None:
            return route(request)
        if request.method in ("GET", "HEAD") and (page := host.pages.get(request.path)) is not None:
            return Response(200, page[1], page[0])
        if not host.supplier:
            return Response(204)
        if not _PATH.fullmatch(request.path):
            return _error(404, "no such page")
        special = {
            ("GET", "/v1/time"): self._time,
            ("POST", "/v1/heartbeat"): self._heartbeat,
            ("POST", "/v1/sessions"): self._session,
        }.get((request.method, request.path))
        if special is not None:
            return special(request)
        if request.path.startswith("/v1/accounts/"):
            return self._account(request)
        return self._object(request)

    def _object(self, request: Request) -> Response:
        handle = {"POST": self._post, "PUT": self._put, "GET": self._get, "DELETE": self._delete}.get(request.method)
        return handle(request) if handle is not None else _error(405, "not here")

    def _post(self, request: Request) -> Response:
        return self._keep(request, self._store.new_path(request.path))

    def _put(self, request: Request) -> Response:
        there = self._store.get(request.path)
        if there is not None and not self._allows("delete", request.account, there.owner):
            return _refusal(request.account)
        return self._keep(request, request.path)

    def _keep(self, request: Request, path: str) -> Response:
        if not self._allows("store", request.account, ""):
            return _refusal(request.account)
        self._store.put(self._item(request, path))
        return _json(201, {"path": path, "id": path.rpartition("/")[2]})

    def _get(self, request: Request) -> Response:
        item = self._store.get(request.path)
        if item is None:
            return self._list(request)
        if not self._allows("read", request.account, item.owner):
            return _refusal(request.account)
        return Response(200, item.body, item.content_type)

    def _list(self, request: Request) -> Response:
        below = [item for item in self._store.stored() if item.path.startswith(request.path + "/")]
        seen = [item for item in below if self._allows("read", request.account, item.owner)]
        if request.account is None and not seen:
            return _refusal(None)
        if not below and request.path.count("/") > 2:
            return _error(404, "no such object")
        listed = [{"path": item.path, "owner": item.owner, "content_type": item.content_type} for item in seen]
        return _json(200, listed)

    def _delete(self, request: Request) -> Response:
        item = self._store.get(request.path)
        if item is not None:
            if not self._allows("delete", request.account, item.owner):
                return _refusal(request.account)
            self._store.delete(lambda one: one is item)
            return Response(204)
        if request.account is None:
            return _refusal(None)
        account, below = request.account, request.path + "/"
        mine = self._store.delete(lambda one: one.path.startswith(below) and self._allows("delete", account, one.owner))
        return _json(200, {"deleted": mine})

    def _account(self, request: Request) -> Response:
        name = request.path.removeprefix("/v1/accounts/")
        account = request.account
        if name == "me" and account is not None:
            name = account.name
        known = self._accounts.get(name)
        action: Action = "erase" if request.method == "DELETE" else "read"
        if not self._allows(action, account, name):
            return _refusal(account)
        if known is None:
            return _error(404, "no such account")
        if request.method == "DELETE":
            self._store.delete(lambda item: item.owner == name)
            self._accounts.remove(name)
            return Response(204)
        return _json(200, {"name": known.name, "guardian_of": sorted(known.guardian_of)})

    def _session(self, request: Request) -> Response:
        try:
            given = json.loads(request.body)
            account = self._accounts.sign_in(str(given["account"]), str(given["password"]))
        except (ValueError, KeyError, TypeError):
            return _error(400, "account and password, as JSON")
        return _json(200, {"token": account.token}) if account is not None else _error(401, "wrong account or password")

    def _time(self, request: Request) -> Response:
        return _json(200, {"monotonic_ns": self._now()})

    def _heartbeat(self, request: Request) -> Response:
        return Response(204) if request.account is not None else _refusal(None)

    def _item(self, request: Request, path: str) -> Item:
        owner = request.account.name if request.account is not None else ""
        return Item(
            *(self._now(), request.host, path, request.content_type, request.body, request.sender, owner),
            method=request.method,
        )

    def _allows(self, action: Action, account: Account | None, owner: str) -> bool:
        return self.policy.allows(action, account, owner)


def _json(status: int, content: object) -> Response:
    return Response(status, json.dumps(content).encode())


def _error(status: int, reason: str) -> Response:
    return _json(status, {"error": reason})


def _refusal(account: Account | None) -> Response:
    return _error(401, "sign in first") if account is None else _error(403, "not yours")
