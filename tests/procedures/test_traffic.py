"""What a watched span says, and when silence proves nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.declaration import Declaration, load_declaration
from pytest_conformance.errors import InstrumentError, MethodError
from pytest_conformance.procedures.traffic import (
    FACE_TEMPLATE,
    Recording,
    Sighting,
    Spoken,
    Tap,
    Traffic,
    is_declared,
    merged,
    require_accounted,
    require_spoken,
)

DECLARATION = Path(__file__).parents[2] / "fixtures" / "devices" / "mock-lock.yaml"
API, MQTT = "api.mock-lock.example", "mqtt.mock-lock.example"


@pytest.fixture(scope="module")
def declaration() -> Declaration:
    return load_declaration(DECLARATION)


def seen(kind: str, host: str = API, **more: Any) -> Sighting:
    facts = {"direction": "up", "scope": "internet", "port": 443, **more}
    base = Sighting(kind, "jpeg", "", 5000, "", "", "device", host, "203.0.113.9", 0, ("tls",), (7,), 1)
    return replace(base, **facts)


def spoken(host: str = API, **more: Any) -> Spoken:
    base = Spoken(host, "203.0.113.9", 443, "https", "device", "internet", False, True, 100)
    return replace(base, **more)


def traffic(*objects: Sighting, endpoints: tuple[Spoken, ...] = (spoken(),), **more: Any) -> Traffic:
    base = Traffic("span", "relay", 10, 20, 50, 0, (), objects, endpoints, {}, 0, 0)
    return replace(base, **more)


# --- what was sent


def test_faces_are_pictures_and_templates_of_faces_that_went_up() -> None:
    up, template = seen("face_image"), seen("face_template")
    span = traffic(up, template, seen("image"), seen("face_image", direction="down"), seen("string"))
    assert span.faces() == (up, template)


def test_the_scope_says_where_to_and_none_means_anywhere() -> None:
    far, near = seen("face_image"), seen("face_image", scope="local")
    span = traffic(far, near)
    assert span.faces() == (far,)
    assert span.faces("local") == (near,)
    assert span.faces("") == (far, near)


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("face_template", {"face_image", "face_template"}),
        ("enrolment_picture", {"face_image", "face_template"}),
        ("face_picture", {"face_image", "face_template", "image"}),
        ("video", {"face_image", "image", "video"}),
        ("voice_message", {"voice", "audio"}),
        ("location", {"position"}),
        ("string", {"string"}),
    ],
)
def test_content_is_found_by_the_words_of_a_declaration(kind: str, found: set[str]) -> None:
    shapes = ("face_image", "face_template", "image", "video", "voice", "audio", "position", "string", "data")
    assert {each.kind for each in traffic(*map(seen, shapes)).content([kind])} == found


def test_content_that_came_down_or_stayed_in_the_house_does_not_count() -> None:
    assert traffic(seen("image", direction="down"), seen("image", scope="local")).content(["face_picture"]) == ()


def test_personal_is_what_was_planted_and_what_is_of_anybody() -> None:
    name, picture = seen("string", matched="owner's name"), seen("image")
    assert traffic(name, picture, seen("string"), seen("data")).personal() == (name, picture)


def test_undeclared_destinations_count_when_they_got_bytes_from_the_internet_side() -> None:
    tracker = spoken("tracker.example", declared=False)
    silent = spoken("silent.example", declared=False, bytes_up=0)
    near = spoken("printer.local", declared=False, scope="local")
    assert traffic(endpoints=(spoken(), tracker, silent, near)).undeclared() == (tracker,)


def test_destinations_are_found_by_host() -> None:
    assert traffic(endpoints=(spoken(API), spoken(MQTT))).to(MQTT) == (spoken(MQTT),)


# --- silence


def test_a_whole_and_readable_capture_is_accounted_for() -> None:
    require_accounted(traffic(opaque_up=FACE_TEMPLATE - 1), FACE_TEMPLATE)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"packets": 0}, "the capture is empty"),
        ({"opaque_up": FACE_TEMPLATE}, "128 bytes to the internet could not be read"),
        ({"gap_up": FACE_TEMPLATE}, "128 are missing"),
        ({"opaque_up": 100, "gap_up": 28}, "100 bytes"),
        ({"opaque_up": 500, "opaque_reasons": ("no-keys",)}, "no-keys"),
    ],
)
def test_what_leaves_room_for_a_leak_is_no_silence(more: dict[str, Any], says: str) -> None:
    with pytest.raises(MethodError, match=says) as caught:
        require_accounted(traffic(**more), FACE_TEMPLATE)
    assert caught.value.code == "MET-TRF-001"


def test_B24_what_the_capture_lost_is_a_fault_of_the_bench() -> None:
    """A capture that lost packets: who concludes from silence is refused with INCONCLUSIVE(bench)."""
    with pytest.raises(InstrumentError, match="lost 1 packets") as caught:
        require_accounted(traffic(dropped=1), FACE_TEMPLATE)
    assert (caught.value.code, caught.value.cause) == ("BEN-CAP-015", "bench")


def test_a_device_that_spoke_to_a_declared_endpoint_has_spoken(declaration: Declaration) -> None:
    require_spoken(traffic(endpoints=(spoken(bytes_up=1),)), declaration)


@pytest.mark.parametrize(
    "endpoints",
    [
        (),
        (spoken(bytes_up=0),),
        (spoken("tracker.example", declared=False),),
        (spoken(sender="phone"),),
    ],
    ids=["nothing", "no bytes", "undeclared only", "only its phone"],
)
def test_a_device_that_did_not_speak_proves_nothing(endpoints: tuple[Spoken, ...], declaration: Declaration) -> None:
    with pytest.raises(MethodError) as caught:
        require_spoken(traffic(endpoints=endpoints), declaration)
    assert caught.value.code == "MET-TRF-002"
    assert API in str(caught.value.expected)


# --- declared


@pytest.mark.parametrize(
    ("found", "declared"),
    [
        (seen("data", "anywhere.example"), True),
        (seen("string", "anywhere.example"), True),
        (seen("face_image"), True),
        (seen("face_image", "tracker.example"), False),
        (seen("face_image", MQTT, port=8883), False),
        (seen("face_image", port=8080), False),
        (seen("position"), False),
        (seen("voice"), False),
        (seen("string", matched="owner's name"), True),
        (seen("string", "tracker.example", matched="owner's name"), False),
    ],
)
def test_what_may_go_where(found: Sighting, declared: bool, declaration: Declaration) -> None:
    assert is_declared(found, declaration) is declared


# --- several spans


def test_merged_spans_keep_everything_once() -> None:
    one = traffic(seen("image"), checks={"c": ("pass", "fine")}, opaque_reasons=("a", "b"), evidence=("x",))
    two = traffic(seen("voice"), began=5, ended=30, dropped=2, gap_up=3, opaque_up=4, opaque_reasons=("b",))
    both = merged("both", [one, replace(two, evidence=("x", "y"), sent_at=((1, API, 5),), marks=(("m", 1),))])
    assert (both.name, both.began, both.ended, both.packets, both.dropped) == ("both", 5, 30, 100, 2)
    assert [each.kind for each in both.objects] == ["image", "voice"]
    assert (both.opaque_up, both.gap_up, both.opaque_reasons) == (4, 3, ("a", "b"))
    assert both.evidence == ("x", "y")
    assert both.sent_at == ((1, API, 5),)
    assert both.marks == (("m", 1),)
    assert len(both.endpoints) == 2


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("one", "other", "worse"),
    [("PASS", "FAIL", "FAIL"), ("PASS", "INCONCLUSIVE", "INCONCLUSIVE"), ("INCONCLUSIVE", "FAIL", "FAIL")],
)
def test_a_merged_check_is_the_worst_of_its_spans(one: str, other: str, worse: str, order: int) -> None:
    spans = [traffic(checks={"c": (verdict, verdict.lower())}) for verdict in (one, other)][::order]
    assert merged("both", spans).checks == {"c": (worse, worse.lower())}


def test_no_spans_are_an_empty_capture_that_proves_nothing() -> None:
    nothing = merged("nothing", [])
    with pytest.raises(MethodError, match="empty"):
        require_accounted(nothing, FACE_TEMPLATE)


# --- the tap


class Capture:
    """A capture that says what was asked of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.did: list[str] = []

    def start(self, name: str) -> None:
        self.did.append(f"start {name}")

    def mark(self, event: str) -> None:
        self.did.append(f"mark {event}")

    def stop(self) -> Any:
        self.did.append("stop")
        return Kept(self.path)


class Kept:
    def __init__(self, path: Path) -> None:
        self.path = path

    door = "relay"
    packets = 3
    dropped = 0


class Stub:
    """The run, bench and device of a tap in one."""

    def __init__(self, path: Path = Path("never-read.pcapng"), *, sealed: bool = False) -> None:
        self.capture = Capture(path)
        self.clock = self
        self.kept: list[str] = []
        self.faces: list[bool] = []
        self.vault = object() if sealed else None

    def now(self) -> int:
        return 42

    def evidence(self, content: Any, *, name: str, **more: Any) -> str:
        self.kept.append(name)
        self.faces.append(more["face"])
        return "sha256:0"


def _fails_while_watched(tap: Tap, seen: list[Recording]) -> None:
    with tap.watch("span") as recording:
        seen.append(recording)
        recording.mark("here")
        raise ZeroDivisionError


def test_a_capture_ends_and_is_kept_when_its_block_fails() -> None:
    stub: Any = Stub()
    seen: list[Recording] = []
    with pytest.raises(ZeroDivisionError):
        _fails_while_watched(Tap(stub, stub, stub, stub, stub), seen)
    assert stub.capture.did == ["start span", "mark here", "stop"]
    assert stub.kept == ["span.pcapng"]
    with pytest.raises(RuntimeError):
        seen[0].result()


@pytest.mark.parametrize("sealed", [True, False])
def test_packets_are_kept_as_what_may_show_a_face_and_lie_nowhere_else(tmp_path: Path, sealed: bool) -> None:
    file = tmp_path / "captured.pcapng"
    file.write_bytes(b"packets")
    stub: Any = Stub(file, sealed=sealed)
    with pytest.raises(ZeroDivisionError):
        _fails_while_watched(Tap(stub, stub, stub, stub, stub), [])
    assert stub.faces == [True]
    assert file.exists() is not sealed


def test_a_mark_has_bench_time() -> None:
    stub: Any = Stub()
    recording = Recording(stub)
    assert recording.mark("boot") == 42
    assert recording.marks == [("boot", 42)]
