"""Driver `cloud-stand-in`: what the cloud was sent and holds, and its public interface as strangers see it."""

from __future__ import annotations

import base64
import http.client
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pytest_conformance.drivers.cloud_http import ask
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.roles import CloudObject, Identity
from pytest_conformance.drivers.settings import DriverSettings
from pytest_conformance.errors import LinkError, MethodError, UsageError

_TIMEOUT = 10.0


class CloudSettings(DriverSettings):
    """Settings of `cloud-stand-in`: its admin door (a URL), its public address, and how to know it is itself."""

    address: str
    public: str
    """HOST:PORT of the public interface over TLS."""
    public_mqtt: str = ""
    """HOST:PORT of its MQTT over TLS, where it has one."""
    host: str = ""
    """The name under which the public interface is asked, when a path names none."""
    authority: str = ""
    """Certificate of the authority that signed the public interface's, PEM. Empty: the system's authorities."""


class CloudStandIn:
    """The bench's own cloud in the place of the supplier's."""

    Settings: ClassVar[type[CloudSettings]] = CloudSettings
    door = "https"

    def __init__(self, settings: CloudSettings, context: DriverContext) -> None:
        self._settings = settings
        self._role = context.role
        host, _, port = settings.public.rpartition(":")
        if not host or not port.isdigit():
            raise UsageError(
                "USE-CLD-001", f"not HOST:PORT: {settings.public!r}", where=context.role, expected="127.0.0.1:8443"
            )
        self._public = (host, int(port))
        self._trust = ssl.create_default_context(cadata=settings.authority or None)

    @classmethod
    def open(cls, settings: CloudSettings, context: DriverContext) -> CloudStandIn:
        """Reach the cloud's admin door. Raises LinkError when it does not answer."""
        driver = cls(settings, context)
        driver.identity()
        return driver

    def identity(self) -> Identity:
        """Return what it is; raises LinkError when it does not answer."""
        return Identity("bench", str(self._admin("status")["model"]), "", "")

    def close(self) -> None:
        """Nothing is held open between requests."""

    def received(self) -> Sequence[CloudObject]:
        """Return everything that the supplier's hosts were sent, refused or not, oldest first."""
        return [_object(item) for item in self._admin("received")]

    def stored(self) -> Sequence[CloudObject]:
        """Return what the cloud still holds; deletion requests remove it."""
        return [_object(item) for item in self._admin("stored")]

    def clear(self) -> None:
        """Forget what was received and stored."""
        self._admin("clear", {})

    def tokens(self) -> Mapping[str, str]:
        """Return the access token of each account."""
        return {str(name): str(token) for name, token in self._admin("tokens").items()}

    def create_account(self, name: str, guardian_of: Sequence[str] = ()) -> str:
        """Add an account and return its token: a stranger to every other account but its wards."""
        return str(self._admin("accounts", {"name": name, "guardian_of": list(guardian_of)})["token"])

    @property
    def authority(self) -> str:
        """Certificate of the authority that signed the public interface's, PEM; "" for the system's."""
        return self._settings.authority

    def reach(self, host: str, port: int) -> tuple[str, int] | None:
        """Return where the bench reaches port 443 or 8883 of the supplier's hosts; None for others."""
        place = {443: self._settings.public, 8883: self._settings.public_mqtt}.get(port, "")
        name, _, number = place.rpartition(":")
        return (name, int(number)) if name else None

    def sign_up(self, name: str) -> str:
        """Return the token of the account `name`, which is added where it is not there yet."""
        return self.tokens().get(name) or self.create_account(name)

    def request(self, method: str, path: str, token: str | None = None) -> tuple[int, bytes]:
        """Call the public interface without or with a token; `path` may begin with //HOST to choose the host.

        Returns status and body. Raises LinkError when there is no HTTP answer.
        """
        host, path = self._host(path)
        headers = {"Host": host} | ({"Authorization": f"Bearer {token}"} if token is not None else {})
        connection = _Connection(self._public, host, self._trust)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise LinkError(
                "BEN-CLD-002",
                f"the cloud's public interface does not answer: {error}",
                where=f"{self._role} at {self._settings.public}",
                expected="an HTTP answer",
                todo="is the stand-in running, and is its certificate the bench's?",
            ) from error
        finally:
            connection.close()

    def _host(self, path: str) -> tuple[str, str]:
        if path.startswith("//"):
            host, slash, rest = path[2:].partition("/")
            return host, slash + rest or "/"
        if not self._settings.host:
            raise MethodError(
                "MET-CLD-010", "the cloud has no host of the supplier", where=self._role, todo="set `host`"
            )
        return self._settings.host, path

    def _admin(self, what: str, content: dict[str, Any] | None = None) -> Any:
        return ask(f"{self._settings.address}/v1/{what}", content, code="BEN-CLD-001", where=self._role)


class _Connection(http.client.HTTPSConnection):
    """Goes to `place`, but asks for (and checks the certificate of) `name`."""

    def __init__(self, place: tuple[str, int], name: str, trust: ssl.SSLContext) -> None:
        super().__init__(*place, timeout=_TIMEOUT, context=trust)
        self._name = name
        self._trust = trust

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._trust.wrap_socket(self.sock, server_hostname=self._name)


def _object(item: Mapping[str, Any]) -> CloudObject:
    return CloudObject(
        int(item["at"]),
        str(item["path"]),
        str(item["content_type"]),
        base64.b64decode(item["body"]),
        str(item["sender"]),
    )
