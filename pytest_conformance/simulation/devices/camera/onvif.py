"""The camera's ONVIF device and media services: SOAP 1.2 over HTTP, log-in by WS-UsernameToken (ONVIF Core 5.9.1)."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import http.server
import socket
import threading
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from pytest_conformance.simulation.devices.base import Behaviour, Device
from pytest_conformance.simulation.devices.camera.streams import RTSP_PATH, RTSP_PORT, Logins

PORT = 8000
PATHS = {"device": "/onvif/device_service", "media": "/onvif/media_service"}
LARGEST = 65_536
FRESH = timedelta(minutes=5)
"""How far a token's time may be from the camera's."""
PATIENCE = 5.0
BEFORE_LOG_IN = frozenset({"GetSystemDateAndTime", "GetCapabilities", "GetServices"})
"""Operations of access class PRE_AUTH (ONVIF Core 5.9.4.3)."""

SOAP = "http://www.w3.org/2003/05/soap-envelope"
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
SCHEMA = "http://www.onvif.org/ver10/schema"
ERROR = "http://www.onvif.org/ver10/error"


class SoapFaultError(Exception):
    """A fault to answer with: HTTP status, code after `s:`, subcode after `ter:`, reason."""

    def __init__(self, status: int, code: str, subcode: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.code, self.subcode, self.reason = status, code, subcode, reason


def digest(nonce: bytes, created: str, password: str) -> str:
    """Return the PasswordDigest of WS-UsernameToken."""
    made = hashlib.sha1(nonce + created.encode() + password.encode(), usedforsecurity=False).digest()
    return base64.b64encode(made).decode()


class Onvif(Behaviour):
    """Answers anybody what ONVIF calls PRE_AUTH, and everything else to the owner only; a token works once."""

    slot = "onvif"
    open_to_all: ClassVar[bool] = False

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._listener: socket.socket | None = None
        self._nonces: deque[bytes] = deque(maxlen=200)

    def start(self) -> None:
        try:
            self._listener = self.world.net.listen(PORT)
        except OSError as error:
            self.device.log("fault", text=f"port {PORT}: {error}")
            return
        threading.Thread(target=self._accept, args=(self._listener,), name="onvif", daemon=True).start()

    def stop(self) -> None:
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                peer, address = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer, address), name="onvif peer", daemon=True).start()

    def _serve(self, peer: socket.socket, address: object) -> None:
        with contextlib.suppress(OSError), peer:
            peer.settimeout(PATIENCE)
            _Handler(self, peer, address)

    def answer(self, body: bytes, host: str) -> tuple[int, bytes]:
        """Return HTTP status and envelope for one request that came to `host` (as the client names the camera)."""
        try:
            with self.device.lock:
                return 200, _envelope(self._answer(body, host))
        except SoapFaultError as fault:
            return fault.status, _envelope(_fault(fault))

    def _answer(self, body: bytes, host: str) -> str:
        if self.device.state != "running":
            raise SoapFaultError(500, "Receiver", "Action", "The camera is not ready.")
        envelope = _parsed(body)
        called = envelope.find(f"{{{SOAP}}}Body/*")
        if called is None:
            raise SoapFaultError(400, "Sender", "WellFormed", "There is no request in the body.")
        space, _, name = called.tag.removeprefix("{").partition("}")
        if name not in BEFORE_LOG_IN and not self.open_to_all:
            self._check(envelope)
        answers = _Answers(self.device, host)
        reply = answers.device(name) if space == DEVICE else answers.media(name) if space == MEDIA else None
        if reply is None:
            raise SoapFaultError(500, "Receiver", "ActionNotSupported", "This action is not supported.")
        return reply

    def _check(self, envelope: ElementTree.Element) -> None:
        """Let the owner pass; SoapFaultError for everybody else."""
        token = envelope.find(f"{{{SOAP}}}Header/{{{SECURITY}}}Security/{{{SECURITY}}}UsernameToken")
        if token is None:
            raise _stranger()
        right = self._right(token)
        self.device.get(Logins).tried(right)
        if not right:
            raise _stranger()

    def _right(self, token: ElementTree.Element) -> bool:
        user = token.findtext(f"{{{SECURITY}}}Username") or ""
        given = token.findtext(f"{{{SECURITY}}}Password") or ""
        created = token.findtext(f"{{{UTILITY}}}Created") or ""
        try:
            nonce = base64.b64decode(token.findtext(f"{{{SECURITY}}}Nonce") or "", validate=True)
            made = datetime.fromisoformat(created)
        except (binascii.Error, ValueError):
            return False
        made = made if made.tzinfo is not None else made.replace(tzinfo=UTC)
        password = self.device.get(Logins).secret(user)
        if password is None or not nonce or nonce in self._nonces or abs(datetime.now(UTC) - made) > FRESH:
            return False
        self._nonces.append(nonce)
        return hmac.compare_digest(digest(nonce, created, password), given.strip())


class _Answers:
    """The bodies of the answers, as `host` reaches the camera."""

    def __init__(self, device: Device, host: str) -> None:
        self._facts = device.facts
        self._name = host.rpartition(":")[0] or host
        self._base = f"http://{host}"

    def device(self, name: str) -> str | None:
        """Return the answer of the device service; None for an operation that it has not."""
        facts = self._facts
        match name:
            case "GetSystemDateAndTime":
                return _date_and_time(datetime.now(UTC))
            case "GetDeviceInformation":
                rows = {
                    "Manufacturer": facts.manufacturer,
                    "Model": facts.model,
                    "FirmwareVersion": facts.firmware,
                    "SerialNumber": facts.serial,
                    "HardwareId": facts.hardware,
                }
                return _reply("tds", name, "".join(_tag(f"tds:{key}", escape(text)) for key, text in rows.items()))
            case "GetCapabilities":
                device, media = (f"<tt:XAddr>{self._address(each)}</tt:XAddr>" for each in ("device", "media"))
                inner = _tag("tt:Device", device) + _tag("tt:Media", media + "<tt:StreamingCapabilities/>")
                return _reply("tds", name, _tag("tds:Capabilities", inner))
            case "GetServices":
                return _reply("tds", name, self._service(DEVICE, "device") + self._service(MEDIA, "media"))
        return None

    def media(self, name: str) -> str | None:
        """Return the answer of the media service; None for an operation that it has not."""
        match name:
            case "GetProfiles":
                profile = '<trt:Profiles token="main" fixed="true"><tt:Name>main</tt:Name></trt:Profiles>'
                return _reply("trt", name, profile)
            case "GetStreamUri":
                return _reply("trt", name, _media_uri(f"rtsp://{self._name}:{RTSP_PORT}{RTSP_PATH}"))
            case "GetSnapshotUri":
                return _reply("trt", name, _media_uri(f"https://{self._name}:8443/snapshot.jpg"))
        return None

    def _address(self, service: str) -> str:
        return escape(f"{self._base}{PATHS[service]}")

    def _service(self, space: str, service: str) -> str:
        version = _tag("tds:Version", "<tt:Major>2</tt:Major><tt:Minor>60</tt:Minor>")
        rows = _tag("tds:Namespace", space) + _tag("tds:XAddr", self._address(service)) + version
        return _tag("tds:Service", rows)


class _Handler(http.server.BaseHTTPRequestHandler):
    disable_nagle_algorithm = True
    """Reads one HTTP request after the other from a peer."""

    protocol_version = "HTTP/1.1"
    server_version = "camera"
    sys_version = ""

    def __init__(self, onvif: Onvif, peer: socket.socket, address: object) -> None:
        self._onvif = onvif
        super().__init__(peer, address, None)  # type: ignore[arg-type]

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST:
            self.close_connection = True
            self.send_error(413)
            return
        if self.path.partition("?")[0] not in PATHS.values():
            self.close_connection = True
            self.send_error(404)
            return
        body = self.rfile.read(int(length))
        status, reply = self._onvif.answer(body, self.headers.get("Host", ""))
        self.send_response(status)
        self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the journal has its own record of what was asked."""


def _parsed(body: bytes) -> ElementTree.Element:
    """Return the envelope; SoapFaultError for what is no XML, and for document types (entities could make it huge)."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise SoapFaultError(400, "Sender", "WellFormed", "Document types are not accepted.")
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise SoapFaultError(400, "Sender", "WellFormed", "The request is not well-formed.") from error


def _stranger() -> SoapFaultError:
    return SoapFaultError(400, "Sender", "NotAuthorized", "Sender not authorized.")


def _tag(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>"


def _reply(prefix: str, name: str, inner: str) -> str:
    return _tag(f"{prefix}:{name}Response", inner)


def _media_uri(uri: str) -> str:
    rows = (
        _tag("tt:Uri", escape(uri))
        + "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>"
        + "<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout>"
    )
    return _tag("trt:MediaUri", rows)


def _date_and_time(now: datetime) -> str:
    time = f"<tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
    date = f"<tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
    utc = _tag("tt:UTCDateTime", _tag("tt:Time", time) + _tag("tt:Date", date))
    kind = "<tt:DateTimeType>NTP</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>"
    return _reply("tds", "GetSystemDateAndTime", _tag("tds:SystemDateAndTime", kind + utc))


def _fault(fault: SoapFaultError) -> str:
    subcode = _tag("s:Subcode", _tag("s:Value", f"ter:{fault.subcode}"))
    code = _tag("s:Code", _tag("s:Value", f"s:{fault.code}") + subcode)
    return _tag("s:Fault", code + f'<s:Reason><s:Text xml:lang="en">{escape(fault.reason)}</s:Text></s:Reason>')


def _envelope(body: str) -> bytes:
    spaces = f'xmlns:s="{SOAP}" xmlns:tds="{DEVICE}" xmlns:trt="{MEDIA}" xmlns:tt="{SCHEMA}" xmlns:ter="{ERROR}"'
    return f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {spaces}><s:Body>{body}</s:Body></s:Envelope>'.encode()
