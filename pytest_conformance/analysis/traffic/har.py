"""Read HAR files (HTTP Archive 1.2): browsers, proxies and test tools write them."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
import urllib.parse
from typing import Any

from pytest_conformance.analysis.traffic import recordings
from pytest_conformance.analysis.traffic.recordings import Talk, Turn

_LOST = "\ufffd"


def is_har(data: bytes) -> bool:
    """Tell whether a file may be a HAR: a JSON object that speaks of a log early on."""
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"{") and b'"log"' in head


def read(data: bytes) -> tuple[list[Talk], set[str]] | None:
    """Return the exchanges and flags; None when it is no HAR. Entries that are broken set `capture-corrupt`."""
    try:
        value = json.loads(data.decode("utf-8-sig", "replace"))
        entries = value["log"]["entries"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(entries, list):
        return None
    talks: list[Talk] = []
    flags: set[str] = set()
    for number, entry in enumerate(entries, 1):
        try:
            talks.append(_talk(number, entry))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            flags.add("capture-corrupt")
    return talks, flags


def subset(data: bytes, numbers: frozenset[int]) -> bytes:
    """Return the HAR with these entries only."""
    value = json.loads(data.decode("utf-8-sig", "replace"))
    log = value["log"]
    kept = [entry for number, entry in enumerate(log["entries"], 1) if number in numbers]
    small = {"version": log.get("version", "1.2"), "creator": log.get("creator", {}), "entries": kept}
    return json.dumps({"log": small}).encode()


def _talk(number: int, entry: dict[str, Any]) -> Talk:
    asked, answered = entry["request"], entry.get("response") or {}
    url = urllib.parse.urlsplit(asked["url"])
    protected = url.scheme in ("https", "wss")
    began = _time(entry["startedDateTime"])
    ended = began + max(float(entry.get("time") or 0), 0.0) / 1000
    host = url.hostname or ""
    body, missing = _sent(asked)
    target = (url.path or "/") + ("?" + url.query if url.query else "")
    messages = entry.get("_webSocketMessages") or []
    headers = recordings.upgrading(_headers(asked)) if messages else _headers(asked)
    said = recordings.request(_bytes(asked.get("method", "GET")), target.encode(), headers, body, decoded=True)
    turns = [Turn(True, said, began, missing)]
    if messages:
        turns.append(Turn(False, recordings.UPGRADED, began))
        turns += [_web_socket(each, began) for each in messages]
    elif answered.get("status"):
        body, missing = _received(answered)
        said = recordings.response(int(answered["status"]), _headers(answered), body, decoded=True)
        turns.append(Turn(False, said, ended, missing))
    peer = recordings.packed(entry.get("serverIPAddress") or host)
    port = url.port or (443 if protected else 80)
    return Talk(number, peer, port, host, tuple(turns), protected=protected)


def _time(text: str) -> float:
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.timestamp() if moment.tzinfo else moment.replace(tzinfo=datetime.UTC).timestamp()


def _bytes(text: object) -> bytes:
    """Text as bytes: what looks like bytes that were read as Latin-1 is put back, for that is how tools write them."""
    text = str(text)
    if not text.isascii() and max(text) < "\u0100" and any(c < " " and c not in "\t\r\n" for c in text):
        return text.encode("latin-1")
    return text.encode("utf-8", "surrogatepass")


def _headers(part: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    return [(_bytes(each["name"]), _bytes(each["value"])) for each in part.get("headers") or []]


def _missing(stated: object, held: bytes, text: str) -> int:
    """Bytes that were sent and are not there: no body, or one whose text lost bytes when it was written."""
    size = int(stated) if isinstance(stated, int | float) and stated > 0 else 0
    if not held:
        return size
    return text.count(_LOST) if _LOST in text else 0


def _sent(asked: dict[str, Any]) -> tuple[bytes, int]:
    posted = asked.get("postData") or {}
    text = posted.get("text") or ""
    if posted.get("encoding") == "base64" or posted.get("_encoding") == "base64":
        return _base64(text, asked.get("bodySize"))
    if not text and posted.get("params"):
        pairs = [(each.get("name", ""), each.get("value", "")) for each in posted["params"]]
        text = urllib.parse.urlencode(pairs)
    body = _bytes(text)
    return body, _missing(asked.get("bodySize"), body, text)


def _received(answered: dict[str, Any]) -> tuple[bytes, int]:
    content = answered.get("content") or {}
    text = content.get("text") or ""
    if content.get("encoding") == "base64":
        return _base64(text, content.get("size"))
    body = _bytes(text)
    return body, _missing(content.get("size"), body, text)


def _base64(text: str, stated: object) -> tuple[bytes, int]:
    try:
        body = base64.b64decode(text)
    except (binascii.Error, ValueError):
        body = b""
    return body, _missing(stated, body, "")


def _web_socket(each: dict[str, Any], began: float) -> Turn:
    text = each.get("opcode") == 1
    said = str(each.get("data", ""))
    body = _bytes(said) if text else _base64(said, None)[0]
    frame = recordings.web_socket_frame(text, body)
    return Turn(each.get("type") == "send", frame, float(each.get("time") or began), said.count(_LOST))
