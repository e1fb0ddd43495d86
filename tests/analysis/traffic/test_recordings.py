"""HAR files and interceptor flows give the same objects and accounts as packets, and never a PASS by themselves."""

from __future__ import annotations

import base64
import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

FACE = "face-information-not-sent-to-internet"
START = "2026-01-01T00:00:00.000Z"


def _har(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"log": {"version": "1.2", "creator": {"name": "t"}, "entries": list(entries)}}).encode()


def _entry(url: str, method: str = "POST", **more: Any) -> dict[str, Any]:
    asked = {"method": method, "url": url, "headers": [{"name": "Host", "value": "c"}], **more.pop("request", {})}
    answer = {"status": 200, "headers": [], "content": {"size": 2, "text": "ok"}}
    return {
        "startedDateTime": START,
        "time": 20,
        "serverIPAddress": "203.0.113.10",
        "request": asked,
        "response": answer,
        **more,
    }


def _tnet(value: Any) -> bytes:
    """Write a tnetstring as mitmproxy does."""
    if value is None:
        body, kind = b"", b"~"
    elif isinstance(value, bool):
        body, kind = (b"true" if value else b"false"), b"!"
    elif isinstance(value, int):
        body, kind = b"%d" % value, b"#"
    elif isinstance(value, float):
        body, kind = repr(value).encode(), b"^"
    elif isinstance(value, bytes):
        body, kind = value, b","
    elif isinstance(value, str):
        body, kind = value.encode(), b";"
    elif isinstance(value, dict):
        body, kind = b"".join(_tnet(k) + _tnet(v) for k, v in value.items()), b"}"
    else:
        body, kind = b"".join(_tnet(each) for each in value), b"]"
    return b"%d:%s%s" % (len(body), body, kind)


def _flow(content: bytes | None, client: str = "10.77.0.50", scheme: bytes = b"https", **more: Any) -> dict[str, Any]:
    request = {
        "host": "api.vendor.example",
        "port": 443,
        "method": b"POST",
        "scheme": scheme,
        "path": b"/up",
        "headers": [[b"Content-Type", b"image/jpeg"]],
        "content": content,
        "timestamp_start": 1767225600.5,
    }
    answer = {"status_code": 200, "headers": [], "content": b"ok", "timestamp_start": 1767225600.9}
    secure = scheme == b"https"
    return {
        "type": "http",
        "version": 20,
        "request": request,
        "response": answer,
        "client_conn": {
            "peername": [client, 50123],
            "tls_established": secure,
            "tls_version": "TLSv1.3" if secure else None,
            "sni": "api.vendor.example" if secure else None,
            "alpn_offers": [b"h2"],
        },
        "server_conn": {"address": ["api.vendor.example", 443], "peername": ["203.0.113.10", 443]},
        **more,
    }


def test_a_face_in_a_har_body_is_recovered_byte_for_byte(look: Any, face_jpeg: bytes) -> None:
    text = base64.b64encode(face_jpeg).decode()
    body = {"mimeType": "application/json", "text": json.dumps({"device": 7, "image": text})}
    found = look(_har(_entry("http://api.vendor.example/up", request={"postData": body, "bodySize": len(text) + 27})))
    (face,) = found.faces("internet")
    assert face.data == face_jpeg
    assert face.layers == ("har", "http/1.1", "json:$.image", "base64", "jpeg")
    assert face.frames == (1,)
    assert face.time_first == pytest.approx(1767225600.0)
    assert (face.endpoint.host, face.endpoint.ip, face.endpoint.port) == ("api.vendor.example", "203.0.113.10", 80)
    assert found.checks[FACE].verdict.value == "FAIL"
    assert found.checks["no-plaintext-personal-information"].verdict.value == "FAIL"


def test_what_went_through_tls_is_not_called_plain(look: Any, face_jpeg: bytes) -> None:
    posted = {"text": base64.b64encode(face_jpeg).decode(), "encoding": "base64"}
    found = look(_har(_entry("https://api.vendor.example/up", request={"postData": posted, "bodySize": 9})))
    (face,) = found.faces("internet")
    assert (face.data, face.plaintext, face.endpoint.port) == (face_jpeg, False, 443)
    assert found.checks["no-plaintext-personal-information"].verdict.value != "FAIL"


def test_a_clean_har_is_no_pass_for_it_does_not_show_the_rest(look: Any) -> None:
    posted = {"text": '{"battery": 81}', "mimeType": "application/json"}
    found = look(_har(_entry("https://api.vendor.example/up", request={"postData": posted, "bodySize": 15})))
    assert found.accounting().opaque == 0
    assert (found.checks[FACE].verdict.value, found.checks[FACE].reason) == ("INCONCLUSIVE", "exchanges-only")


def test_a_body_that_was_not_recorded_is_a_gap(look: Any) -> None:
    found = look(_har(_entry("https://api.vendor.example/up", request={"bodySize": 5000})))
    assert found.accounting().gap == 5000
    assert not found.accounted(1000)


def test_forms_and_web_sockets_of_a_har_are_read(look: Any, face_jpeg: bytes) -> None:
    text = base64.b64encode(face_jpeg).decode()
    form = _entry("http://c.example/f", request={"postData": {"params": [{"name": "p", "value": text}]}})
    socket = _entry("wss://c.example/ws", "GET")
    socket["_webSocketMessages"] = [
        {"type": "send", "time": 1767225605.0, "opcode": 2, "data": text},
        {"type": "receive", "time": 1767225606.0, "opcode": 1, "data": "thanks"},
    ]
    found = look(_har(form, socket))
    assert [(face.frames, face.data) for face in found.faces()] == [((1,), face_jpeg), ((2,), face_jpeg)]
    assert "websocket" in found.faces()[1].layers
    assert found.faces()[1].time_first == pytest.approx(1767225605.0)


def test_interceptor_flows_are_read(look: Any, face_jpeg: bytes) -> None:
    data = _tnet(_flow(b"{}")) + _tnet(_flow(face_jpeg))
    found = look(data)
    (face,) = found.faces("internet")
    assert (face.data, face.frames, face.plaintext) == (face_jpeg, (2,), False)
    assert face.layers == ("flows", "tls", "http/1.1", "jpeg")
    assert found.flows[1].tls.version == "TLS 1.3"
    assert found.checks[FACE].verdict.value == "FAIL"
    assert [each.data for each in look(gzip.compress(data)).faces()] == [face_jpeg]


def test_encodings_of_interceptor_flows_are_undone(look: Any, face_jpeg: bytes) -> None:
    flow = _flow(gzip.compress(face_jpeg))
    flow["request"]["headers"].append([b"Content-Encoding", b"gzip"])
    (face,) = look(_tnet(flow)).faces()
    assert face.data == face_jpeg
    assert "gzip" in face.layers


def test_raw_and_socket_messages_of_an_interceptor_are_read(look: Any, face_jpeg: bytes) -> None:
    raw = {
        "type": "tcp",
        "messages": [[True, b"FRAM" + face_jpeg[:500], 1767225601.0], [True, face_jpeg[500:], 1767225602.0]],
        "client_conn": {"peername": ["10.77.0.50", 4000]},
        "server_conn": {"address": ["203.0.113.77", 9000], "peername": ["203.0.113.77", 9000]},
    }
    socket = _flow(b"", websocket={"messages": [[2, True, face_jpeg, 1767225603.0, False, False]]})
    found = look(_tnet(raw) + _tnet(socket))
    assert [face.data for face in found.faces()] == [face_jpeg] * 2
    assert {face.endpoint.ip for face in found.faces()} == {"203.0.113.77", "203.0.113.10"}


def test_a_body_that_the_interceptor_let_through_is_a_gap(look: Any) -> None:
    assert not look(_tnet(_flow(None))).accounted(1000)


def test_flows_of_another_client_are_foreign(look: Any, face_jpeg: bytes) -> None:
    found = look(_tnet(_flow(face_jpeg, client="10.77.0.99")))
    assert found.faces() == []
    assert found.checks[FACE].reason == "device-not-seen"


def test_damaged_recordings_raise_nothing_and_never_pass(look: Any, face_jpeg: bytes, rnd: random.Random) -> None:
    from pytest_conformance.errors import UsageError

    text = base64.b64encode(face_jpeg).decode()
    har = _har(_entry("http://c.example/f", request={"postData": {"text": text}, "bodySize": len(text)}))
    for whole in (har, _tnet(_flow(face_jpeg)) * 2):
        for _ in range(25):
            data = bytearray(whole[: rnd.randrange(len(whole) // 2, len(whole) + 1)])
            for _ in range(rnd.randrange(12)):
                data[rnd.randrange(len(data))] = rnd.randrange(256)
            try:
                found = look(bytes(data))
            except UsageError:
                continue
            assert found.checks[FACE].verdict.value != "PASS"
            json.dumps(found.to_json())


def test_a_recording_on_disk_is_opened_by_its_content(context: Any, tmp_path: Path, face_jpeg: bytes) -> None:
    from pytest_conformance.analysis.traffic import inspect

    file = tmp_path / "anything.bin"
    file.write_bytes(_tnet(_flow(face_jpeg)))
    assert [each.data for each in inspect([file], context).faces()] == [face_jpeg]
