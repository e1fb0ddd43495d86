from __future__ import annotations

import json

import pytest

from pytest_conformance.simulation.cloud.accounts import Account, Accounts, Action
from pytest_conformance.simulation.cloud.hosts import Host, Request, Response
from pytest_conformance.simulation.cloud.rest import Rest
from pytest_conformance.simulation.cloud.store import Store

HOST = Host("api.cloud.example", "203.0.113.10")


class Anyone:
    """The policy of a cloud with insecure direct object references: any account will do."""

    def allows(self, action: Action, account: Account | None, owner: str) -> bool:
        return account is not None


class Service:
    def __init__(self) -> None:
        self.accounts, self.store = Accounts(), Store()
        self.rest = Rest(self.accounts, self.store, lambda: 42)
        self.child = self.accounts.create("child")
        self.parent = self.accounts.create("parent", password="right", guardian_of=("child",))
        self.other = self.accounts.create("other")

    def ask(self, method: str, path: str, account: Account | None = None, body: bytes = b"") -> Response:
        headers = {"content-type": "text/plain"}
        return self.rest.answer(HOST, Request(HOST.name, method, path, "", headers, body, "device", account))


@pytest.fixture
def service() -> Service:
    return Service()


def test_an_object_belongs_to_whom_it_was_stored_by(service: Service) -> None:
    stored = service.ask("POST", "/v1/tracks", service.child, b"here")
    path = json.loads(stored.body)["path"]
    assert stored.status == 201
    answers = {
        name: service.ask("GET", path, account).status
        for name, account in [
            ("child", service.child),
            ("parent", service.parent),
            ("other", service.other),
            ("stranger", None),
        ]
    }
    assert answers == {"child": 200, "parent": 200, "other": 403, "stranger": 401}


def test_a_swapped_policy_lets_others_in(service: Service) -> None:
    service.ask("POST", "/v1/tracks", service.child, b"here")
    service.rest.policy = Anyone()
    assert service.ask("GET", "/v1/tracks/1", service.other).body == b"here"


def test_a_list_shows_only_what_may_be_read(service: Service) -> None:
    service.ask("POST", "/v1/tracks", service.child)
    service.ask("POST", "/v1/tracks", service.other)
    owners = [each["owner"] for each in json.loads(service.ask("GET", "/v1/tracks", service.parent).body)]
    assert owners == ["child"]
    assert service.ask("GET", "/v1/tracks").status == 401


def test_an_object_is_not_overwritten_by_others(service: Service) -> None:
    assert service.ask("PUT", "/v1/settings/a", service.child, b"mine").status == 201
    assert service.ask("PUT", "/v1/settings/a", service.other, b"yours").status == 403
    assert service.ask("GET", "/v1/settings/a", service.child).body == b"mine"


def test_deleting_a_collection_deletes_what_is_ones_own(service: Service) -> None:
    service.ask("POST", "/v1/faces", service.child)
    service.ask("POST", "/v1/faces", service.other)
    assert json.loads(service.ask("DELETE", "/v1/faces", service.child).body) == {"deleted": 1}
    assert [item.owner for item in service.store.stored()] == ["other"]
    assert service.ask("DELETE", "/v1/faces").status == 401


def test_erasing_an_account_erases_its_objects_and_its_token(service: Service) -> None:
    service.ask("POST", "/v1/faces", service.child)
    assert service.ask("DELETE", "/v1/accounts/child", service.other).status == 403
    assert service.ask("DELETE", "/v1/accounts/child", service.parent).status == 204
    assert service.store.stored() == ()
    assert service.accounts.by_token(service.child.token) is None
    assert service.ask("DELETE", "/v1/accounts/me", service.other).status == 204
    assert service.accounts.get("other") is None


def test_a_session_needs_the_right_password(service: Service) -> None:
    def sign_in(**given: str) -> Response:
        return service.ask("POST", "/v1/sessions", body=json.dumps(given).encode())

    assert json.loads(sign_in(account="parent", password="right").body) == {"token": service.parent.token}
    assert sign_in(account="parent", password="wrong").status == 401
    assert sign_in(account="child", password="").status == 401
    assert sign_in(account="parent").status == 400
    assert service.ask("POST", "/v1/sessions", body=b"[").status == 400


def test_refused_uploads_are_noted_and_not_kept(service: Service) -> None:
    assert service.ask("POST", "/v1/faces", None, b"picture").status == 401
    assert [(item.body, item.at) for item in service.store.received()] == [(b"picture", 42)]
    assert service.store.stored() == ()


@pytest.mark.parametrize("path", ["/", "/v2/x", "/v1", "/v1/../etc", "/v1//x", "/v1/" + "a" * 81, "/v1" + "/a" * 7])
def test_paths_outside_the_interface_do_not_exist(service: Service, path: str) -> None:
    assert service.ask("GET", path, service.child).status == 404


def test_an_object_that_is_not_there_is_not_found(service: Service) -> None:
    assert service.ask("GET", "/v1/faces/7", service.child).status == 404


def test_pages_and_routes_of_a_host_come_first() -> None:
    service, host = Service(), Host("api.cloud.example", "203.0.113.10")
    host.rules("<p>rules</p>")
    host.routes["GET", "/v1/firmware"] = lambda request: Response(200, b"image for " + request.sender.encode())
    page = Request(host.name, "GET", "/rules", "", {}, b"", "phone", None)
    assert service.rest.answer(host, page) == Response(200, b"<p>rules</p>", "text/html; charset=utf-8")
    firmware = Request(host.name, "GET", "/v1/firmware", "", {}, b"", "device", None)
    assert service.rest.answer(host, firmware).body == b"image for device"


def test_time_is_told_and_heartbeats_need_an_account(service: Service) -> None:
    assert json.loads(service.ask("GET", "/v1/time").body) == {"monotonic_ns": 42}
    assert service.ask("POST", "/v1/heartbeat", service.child).status == 204
    assert service.ask("POST", "/v1/heartbeat").status == 401


@pytest.mark.parametrize("name", ["", "a/b", "a+b", "#", "a b"])
def test_names_that_cannot_stand_in_a_topic_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="account name"):
        Accounts().create(name)
