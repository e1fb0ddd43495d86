"""The device's line to its cloud: HTTPS requests and MQTT messages over the simulated network, with TLS as declared."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import struct
from collections.abc import Mapping
from typing import ClassVar, Literal

from pytest_conformance.simulation.devices.base import Behaviour
from pytest_conformance.simulation.devices.owner import RULES, Consents, Spec

Sender = Literal["device", "phone"]
TIMEOUT = 5.0
"""Wall seconds that the device waits for its cloud."""


class CloudLink(Behaviour):
    """Speaks TLS 1.2 or better, checks certificates, and sends nothing before the rules were agreed to."""

    slot = "cloud"
    verify: ClassVar[bool] = True
    checks_name: ClassVar[bool] = True
    encrypted: ClassVar[bool] = True
    heartbeat: ClassVar[float] = 60.0
    min_version: ClassVar[ssl.TLSVersion] = ssl.TLSVersion.TLSv1_2
    max_version: ClassVar[ssl.TLSVersion] = ssl.TLSVersion.MAXIMUM_SUPPORTED

    @property
    def hosts(self) -> Mapping[str, str]:
        """Names of the cloud's hosts: "api" and, where there is one, "mqtt"."""
        return self.device.get(Spec).spec.hosts

    def start(self) -> None:
        self.device.every(self.heartbeat, self.beat)

    def beat(self) -> None:
        """Say that the device is alive."""
        if self.may_speak():
            self.request("POST", "/v1/heartbeat", b"{}")

    def may_speak(self) -> bool:
        """Tell whether the device may speak to its cloud at all."""
        return self.device.get(Consents).given(RULES)

    # --- account

    @property
    def role(self) -> str:
        return self.device.get(Spec).spec.account_role

    @property
    def account(self) -> str:
        """Name of the account under which the device stores."""
        return f"{self.role}@{self.hosts['api'].removeprefix('api.')}"

    def open_account(self, name: str) -> None:
        """Sign the owner up from the phone, and tell the cloud his name."""
        with contextlib.suppress(ValueError):
            self.world.cloud.accounts.create(self.account)
        self.request("PUT", "/v1/profile/owner", json.dumps({"name": name}).encode(), sender="phone")

    def close_account(self) -> None:
        """Delete the account and everything stored under it."""
        self.request("DELETE", "/v1/accounts/me", sender="phone")

    # --- sending

    def send(
        self, kind: str, body: bytes, content_type: str = "application/json", *, sender: Sender = "device"
    ) -> bool:
        """Store `body` in the cloud's collection `kind`; logged as `sent`. False when the cloud is out of reach."""
        status = self.request("POST", f"/v1/{kind}", body, content_type, sender=sender)
        if status is not None:
            self.device.log("sent", kind=kind, to=self.hosts["api"])
        return status is not None and status < 300

    def delete(self, kind: str) -> bool:
        """Ask the cloud to delete the collection `kind`."""
        return self.request("DELETE", f"/v1/{kind}") is not None

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        content_type: str = "application/json",
        *,
        sender: Sender = "device",
        host: str = "",
    ) -> int | None:
        """Send one request to the cloud (or to `host`); return the status, None when it cannot be reached."""
        name = host or self.hosts["api"]
        headers = {"Content-Type": content_type, **self._authorisation()}
        try:
            connection = self._http(name, sender)
            with contextlib.closing(connection):
                connection.request(method, path, body or None, headers)
                return connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            self.device.log("offline", to=name, text=str(error))
            return None

    def publish(self, topic: str, message: Mapping[str, object]) -> bool:
        """Publish a message over MQTT and TLS, in a connection of its own."""
        account = self.world.cloud.accounts.get(self.account)
        if "mqtt" not in self.hosts or account is None:
            return False
        try:
            raw = self.world.net.connect(self.hosts["mqtt"], 8883, "device", TIMEOUT)
            with self.tls().wrap_socket(raw, server_hostname=self.hosts["mqtt"]) as line:
                line.sendall(mqtt_connect(self.device.facts.serial, account.name, account.token))
                if line.recv(4)[:1] != b"\x20":
                    return False
                line.sendall(mqtt_publish(f"{account.name}/{topic}", json.dumps(message).encode()))
                line.sendall(b"\xe0\x00")
        except OSError as error:
            self.device.log("offline", to=self.hosts["mqtt"], text=str(error))
            return False
        return True

    def _http(self, name: str, sender: Sender) -> http.client.HTTPConnection:
        port = 443 if self.encrypted else 80
        connection = http.client.HTTPConnection(name, port, timeout=TIMEOUT)
        raw = self.world.net.connect(name, port, sender, TIMEOUT)
        connection.sock = self.tls().wrap_socket(raw, server_hostname=name) if self.encrypted else raw
        return connection

    def tls(self, *, keylog: bool = True, pinned: bool = False) -> ssl.SSLContext:
        """Return a client context; its session keys go to the key log unless `keylog` is False.

        When `pinned` it trusts the maker's authority only, whatever a test build was told.
        """
        log = self.device.keylog if keylog else None
        context = self.world.net.tls_context(log, self.verify, self.min_version, self.max_version)
        for authority in [] if pinned or not self.verify else self.device.trusted:
            context.load_verify_locations(cadata=authority)
        if not self.checks_name:
            context.check_hostname = False
        return context

    def _authorisation(self) -> dict[str, str]:
        account = self.world.cloud.accounts.get(self.account)
        return {"Authorization": f"Bearer {account.token}"} if account is not None else {}


def mqtt_connect(client: str, user: str, password: str) -> bytes:
    """Return an MQTT 3.1.1 CONNECT packet: clean session, user name and password, 60 s keep-alive."""
    body = _text("MQTT") + bytes([4, 0xC2]) + struct.pack(">H", 60) + _text(client) + _text(user) + _text(password)
    return b"\x10" + _length(len(body)) + body


def mqtt_publish(topic: str, payload: bytes) -> bytes:
    """Return an MQTT 3.1.1 PUBLISH packet, QoS 0."""
    body = _text(topic) + payload
    return b"\x30" + _length(len(body)) + body


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">H", len(encoded)) + encoded


def _length(number: int) -> bytes:
    out = b""
    while True:
        number, digit = divmod(number, 128)
        out += bytes([digit | (0x80 if number else 0)])
        if not number:
            return out
