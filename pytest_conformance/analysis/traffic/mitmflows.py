"""Read the flow files that mitmproxy writes: a sequence of tnetstrings, one a flow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_conformance.analysis.traffic import recordings
from pytest_conformance.analysis.traffic.model import TlsInfo
from pytest_conformance.analysis.traffic.recordings import Talk, Turn

_DEEPEST = 40
_LONGEST_NUMBER = 12
_STREAMED = 1 << 20
"""What a body counts for that the interceptor passed on without keeping it: its size is not known."""


class _BrokenError(ValueError):
    """What is no tnetstring."""


def is_flows(data: bytes) -> bool:
    """Tell whether a file starts with the tnetstring of a dictionary."""
    try:
        start, end = _extent(data, 0)
    except _BrokenError:
        return False
    return end < len(data) and data[end : end + 1] == b"}" and data[start : start + 1].isdigit()


def _extent(data: bytes, at: int) -> tuple[int, int]:
    """Return where the payload of the tnetstring at `at` starts and ends; its type is the byte behind."""
    colon = data.find(b":", at, at + _LONGEST_NUMBER + 1)
    if colon < 0 or not data[at:colon].isdigit():
        raise _BrokenError("length")
    end = colon + 1 + int(data[at:colon])
    if end >= len(data):
        raise _BrokenError("cut")
    return colon + 1, end


def _value(data: bytes, at: int, depth: int = 0) -> tuple[Any, int]:
    """Parse one tnetstring; return it and where the next begins. Source: tnetstrings.org, with mitmproxy's `;`."""
    if depth > _DEEPEST:
        raise _BrokenError("depth")
    start, end = _extent(data, at)
    payload, kind = data[start:end], data[end : end + 1]
    if kind == b"}":
        items = _list(payload, depth)
        return dict(zip(map(_key, items[::2]), items[1::2], strict=False)), end + 1
    if kind == b"]":
        return _list(payload, depth), end + 1
    return _scalar(kind, payload), end + 1


def _scalar(kind: bytes, payload: bytes) -> Any:
    if kind == b",":
        return payload
    if kind == b";":
        return payload.decode("utf-8", "replace")
    if kind == b"!":
        return payload == b"true"
    if kind == b"~":
        return None
    if kind in (b"#", b"^") and len(payload) <= 32:
        return int(payload) if kind == b"#" else float(payload)
    raise _BrokenError("type")


def _list(payload: bytes, depth: int) -> list[Any]:
    out, at = [], 0
    while at < len(payload):
        value, at = _value(payload, at, depth + 1)
        out.append(value)
    return out


def _key(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _parts(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        _, end = _extent(data, at)
        yield data[at : end + 1]
        at = end + 1


def read(data: bytes) -> tuple[list[Talk], set[str]]:
    """Return the exchanges and flags; a broken flow sets `capture-corrupt`, a cut end `capture-truncated`."""
    talks: list[Talk] = []
    flags: set[str] = set()
    try:
        for number, part in enumerate(_parts(data), 1):
            try:
                talk = _talk(number, _value(part, 0)[0])
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError):
                flags.add("capture-corrupt")
                continue
            if talk is not None:
                talks.append(talk)
    except _BrokenError:
        flags.add("capture-truncated")
    return talks, flags


def subset(data: bytes, numbers: frozenset[int]) -> bytes:
    """Return the file with these flows only."""
    out = []
    try:
        for number, part in enumerate(_parts(data), 1):
            if number in numbers:
                out.append(part)
    except _BrokenError:
        pass
    return b"".join(out)


def _talk(number: int, flow: dict[str, Any]) -> Talk | None:
    kind = flow.get("type")
    client, server = flow.get("client_conn") or {}, flow.get("server_conn") or {}
    if kind == "http":
        turns = _http(flow)
    elif kind in ("tcp", "udp"):
        turns = [Turn(bool(up), bytes(data), float(time)) for up, data, time, *_ in flow.get("messages") or []]
    else:
        return None
    mine = client.get("peername") or client.get("address") or ["", 0]
    theirs = server.get("peername") or server.get("ip_address") or server.get("address") or ["", 0]
    asked = flow.get("request") or {}
    named = server.get("address") or [_text(asked.get("host")), asked.get("port")]
    tls = _tls(client)
    return Talk(
        number,
        recordings.packed(_text(theirs[0])),
        int(theirs[1] or named[1] or asked.get("port") or 0),
        _text(asked.get("host")) or _text(client.get("sni")) or _text(named[0]),
        tuple(turns),
        recordings.packed(_text(mine[0])) if mine[0] else b"",
        int(mine[1] or 0),
        "udp" if kind == "udp" else "tcp",
        tls is not None or _text(asked.get("scheme")) == "https",
        tls,
    )


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _tls(client: dict[str, Any]) -> TlsInfo | None:
    """What the interceptor tells of the device's own TLS connection: it completed, so it was decrypted."""
    if not client.get("tls_established") and not client.get("tls"):
        return None
    offers = client.get("alpn_offers") or ([client["alpn"]] if client.get("alpn") else [])
    return TlsInfo(
        version=_text(client.get("tls_version")).replace("TLSv", "TLS "),
        cipher=_text(client.get("cipher") or client.get("cipher_name")),
        sni=_text(client.get("sni")),
        alpn=tuple(_text(each) for each in offers),
        decrypted=True,
        completed=True,
    )


def _http(flow: dict[str, Any]) -> list[Turn]:
    asked, answered = flow["request"], flow.get("response")
    path = asked.get("path") or b"/"
    socket = flow.get("websocket")
    headers = recordings.upgrading(_headers(asked)) if socket else _headers(asked)
    said = recordings.request(asked["method"], path, headers, asked.get("content") or b"", decoded=False)
    began = float(asked.get("timestamp_start") or 0)
    lost = _STREAMED if asked.get("content") is None else 0
    turns = [Turn(True, said, began, lost)]
    if socket:
        turns.append(Turn(False, recordings.UPGRADED, began))
        for opcode, by_client, content, time, *_ in socket.get("messages") or []:
            frame = recordings.web_socket_frame(opcode == 1, bytes(content))
            turns.append(Turn(bool(by_client), frame, float(time)))
    elif answered:
        said = recordings.response(
            int(answered["status_code"]), _headers(answered), answered.get("content") or b"", decoded=False
        )
        turns.append(Turn(False, said, float(answered.get("timestamp_start") or began)))
    return turns


def _headers(part: dict[str, Any]) -> recordings.Headers:
    return [(bytes(name), bytes(value)) for name, value in part.get("headers") or []]
