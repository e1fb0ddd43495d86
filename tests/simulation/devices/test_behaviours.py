import base64

import pytest

from pytest_conformance.simulation.devices.base import Device, VerbError
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.flash import Flash
from pytest_conformance.simulation.world import World

SECRET = b"a very recognisable secret text"


def image(device: Device) -> bytes:
    size = device.call("flash", {})["size"]
    parts = [device.call("flash", {"offset": at, "length": 32768})["data"] for at in range(0, size, 32768)]
    return b"".join(base64.b64decode(part) for part in parts)


def test_it_says_who_it_is(running: Device) -> None:
    assert running.call("identify", {}) == {
        "manufacturer": "Sample Works",
        "model": "Sample 1",
        "serial": "SN-1",
        "firmware": "1.0",
        "hardware": "A",
    }


def test_what_it_keeps_is_not_readable_on_the_chip_and_readable_again_by_itself(running: Device) -> None:
    running.get(Storage).put("face/1", SECRET)
    dump = image(running)
    assert len(dump) == 256 * 1024
    assert SECRET not in dump
    assert SECRET[4:12] not in dump
    assert running.get(Storage).get("face/1") == SECRET


def test_a_record_moved_under_another_name_or_damaged_cannot_be_opened(running: Device) -> None:
    storage = running.get(Storage)
    storage.put("a", SECRET)
    running.flash.write("b", running.flash.read("a") or b"")
    assert storage.get("b") is None


def test_the_same_content_is_stored_differently_each_time(running: Device) -> None:
    storage = running.get(Storage)
    storage.put("a", SECRET)
    first = running.flash.read("a")
    storage.put("a", SECRET)
    assert running.flash.read("a") != first


def test_factory_reset_leaves_nothing_on_the_chip(world: World, running: Device) -> None:
    running.get(Storage).put("face/1", SECRET)
    running.call("reset", {})
    running.answered()
    assert running.state == "booting"
    world.timeline.advance(2.1)
    assert running.get(Storage).names() == []
    assert set(image(running)) == {0xFF}


@pytest.mark.parametrize("length", [-1, 32769, "all", 10**9])
def test_a_dump_outside_the_chip_is_refused(running: Device, length: object) -> None:
    with pytest.raises(VerbError) as refused:
        running.call("flash", {"offset": 0, "length": length})
    assert refused.value.code == "RANGE"


def test_a_full_chip_refuses_and_keeps_what_it_has(running: Device) -> None:
    running.flash = Flash(1024)
    storage = running.get(Storage)
    storage.put("a", b"x" * 300)
    with pytest.raises(VerbError) as refused:
        storage.put("b", b"y" * 900)
    assert refused.value.code == "FULL"
    assert storage.get("a") == b"x" * 300


def test_the_key_log_is_what_its_tls_contexts_wrote(running: Device) -> None:
    assert running.call("keylog", {}) == {"text": "", "size": 0}
    running.keylog.write_text("CLIENT_RANDOM 00 11\n")
    assert running.call("keylog", {}) == {"text": "CLIENT_RANDOM 00 11\n", "size": 20}


def test_a_long_key_log_comes_in_parts_that_fit_a_line(running: Device) -> None:
    written = "".join(f"CLIENT_RANDOM {number:064x}\n" for number in range(1000))
    running.keylog.write_text(written)
    text = ""
    while len(text) < len(written):
        part = running.call("keylog", {"offset": len(text)})
        assert part["size"] == len(written)
        assert 0 < len(part["text"]) <= 32768
        text += part["text"]
    assert text == written


def test_status_tells_uptime_state_and_sensors(world: World, running: Device) -> None:
    world.timeline.advance(10)
    running.sense("camera", True)
    status = running.call("status", {})
    assert 12_000 <= status["uptime_ms"] < 13_500
    assert status["state"] == "factory"
    assert status["sensors"] == {"camera": True}
