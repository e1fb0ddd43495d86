"""The evidence of a finding can be checked alone: its minimal capture replays to the same digest."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.analysis.traffic import Context, evidence, evidencepack, inspect
from pytest_conformance.errors import UsageError

FOLDER = Path(__file__).parent / "data" / "examples"


@pytest.mark.parametrize("name", ["upload", "consent"])
def test_minimal_capture_replays_to_the_same_object(name: str) -> None:
    source = FOLDER / f"{name}.pcap"
    context = Context.from_json(FOLDER / f"{name}.context.json")
    inspection = inspect([source], context)
    for found in inspection.objects:
        flow = inspection.flows[found.flow]
        small = evidence.minimal_capture(source, evidence.frames_for_replay(source, found, flow))
        assert len(small) < source.stat().st_size
        again = evidence.replay(small, context, found.layers, found.sha256)
        assert again is not None
        assert again.data == found.data
        assert again.time_first == pytest.approx(found.time_first, abs=1e-5)


def test_replay_of_another_capture_finds_nothing() -> None:
    context = Context.from_json(FOLDER / "upload.context.json")
    found = inspect([FOLDER / "upload.pcap"], context).objects[0]
    assert evidence.replay(FOLDER / "icon.pcap", context, found.layers, found.sha256) is None


def test_display_filter_names_the_frames() -> None:
    context = Context.from_json(FOLDER / "upload.context.json")
    found = inspect([FOLDER / "upload.pcap"], context).objects[0]
    text = evidence.display_filter(found)
    assert text.startswith("frame.number")
    numbers = set()
    for part in text.replace("frame.number", "").replace("{", "").replace("}", "").split(" or "):
        if ".." in part:
            low, high = part.split()[-1].split("..")
            numbers |= set(range(int(low), int(high) + 1))
        else:
            numbers.add(int(part.split()[-1]))
    assert numbers == set(found.frames)


def _pack(tmp_path: Path, captures: list[Any], context: Context) -> dict[str, Any]:
    inspection = inspect(captures, context)
    for name, content in evidencepack.files(inspection, captures):
        (tmp_path / name).write_bytes(content)
    return {path.stem: json.loads(path.read_text()) for path in tmp_path.glob("*-*.json")}


def test_each_finding_has_what_its_reader_needs(tmp_path: Path) -> None:
    context = Context.from_json(FOLDER / "upload.context.json")
    ((name, about),) = _pack(tmp_path, [FOLDER / "upload.pcap"], context).items()
    assert name == about["id"]
    assert about["capture"]["sha256"] == hashlib.sha256((FOLDER / "upload.pcap").read_bytes()).hexdigest()
    content = (tmp_path / about["object"]["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == about["object"]["sha256"]
    small = (tmp_path / about["minimal_capture"]["file"]).read_bytes()
    assert hashlib.sha256(small).hexdigest() == about["minimal_capture"]["sha256"]
    assert about["layers"] == ["tcp", "http/1.1", "chunked", "gzip", "jpeg"]
    assert {each["check"] for each in about["judged"]} >= {"face-information-not-sent-to-internet"}
    assert (about["match"]["kind"], about["match"]["decoy_configured"]) == ("phash", False)
    assert about["match"]["distance"] <= about["match"]["threshold"]
    assert about["display_filter"].startswith("frame.number")
    assert about["tools"]["pytest-conformance"]


def test_the_decoys_distance_stands_beside_the_canarys(
    tmp_path: Path, context: Context, wire: Any, face_jpeg: bytes
) -> None:
    import cv2
    import numpy as np

    noise = np.random.default_rng(3).integers(0, 255, (12, 12), np.uint8)
    other = cv2.imencode(".png", cv2.resize(noise, (200, 200), interpolation=cv2.INTER_CUBIC))[1].tobytes()
    given = dataclasses.replace(context, canary=dataclasses.replace(context.canary, decoy_faces={"decoy": other}))
    wire.tcp([(True, b"POST / HTTP/1.1\r\nHost: c\r\nContent-Length: %d\r\n\r\n" % len(face_jpeg) + face_jpeg)])
    (about,) = _pack(tmp_path, [wire.pcap()], given).values()
    assert (about["match"]["kind"], about["match"]["decoy_configured"]) == ("phash", True)
    assert about["match"]["decoy"] > about["match"]["threshold"] >= about["match"]["distance"]


def _face(context: Context) -> bytes:
    return next(iter(context.canary.faces.values()))


def test_a_finding_replays_from_its_files(tmp_path: Path) -> None:
    context = Context.from_json(FOLDER / "consent.context.json")
    found = _pack(tmp_path, [FOLDER / "consent.pcap"], context)
    assert len(found) == 5
    for name in found:
        done = evidence.replay_file(tmp_path / f"{name}.json", context)
        assert done.capture_unchanged
        assert done.found is not None
        assert done.found.sha256 == found[name]["object"]["sha256"]
    name = min(found)
    small = tmp_path / found[name]["minimal_capture"]["file"]
    small.write_bytes(small.read_bytes()[:-900])
    done = evidence.replay_file(tmp_path / f"{name}.json", context)
    assert (done.capture_unchanged, done.found) == (False, None)


def test_what_is_no_finding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"object": {"sha256": "0"}, "minimal_capture": {"file": "../../etc/passwd"}}')
    with pytest.raises(UsageError) as caught:
        evidence.replay_file(tmp_path / "x.json", Context())
    assert caught.value.code == "USE-CAP-003"


def test_a_finding_of_a_recording_is_cut_by_exchanges(tmp_path: Path, context: Context) -> None:
    body = {"text": base64.b64encode(_face(context)).decode(), "encoding": "base64"}
    entry = {"startedDateTime": "2026-01-01T00:00:00Z", "request": {"method": "GET", "url": "http://c.example/a"}}
    upload = {**entry, "request": {"method": "POST", "url": "http://c.example/b", "postData": body}}
    har = json.dumps({"log": {"entries": [entry, upload, entry]}}).encode()
    ((name, about),) = _pack(tmp_path, [har], context).items()
    small = json.loads((tmp_path / about["minimal_capture"]["file"]).read_text())
    assert [each["request"]["url"] for each in small["log"]["entries"]] == ["http://c.example/b"]
    assert about["display_filter"] is None
    assert evidence.replay_file(tmp_path / f"{name}.json", context).found is not None
