from __future__ import annotations

import pytest

from pytest_conformance.simulation.cloud import mqtt_packets as mqtt
from pytest_conformance.simulation.cloud.mqtt_packets import MalformedError, Packet, Publish


@pytest.mark.parametrize("size", [0, 127, 128, 16383, 16384, 2_097_152])
def test_packets_of_every_length_class_survive_the_wire(size: int) -> None:
    buffer = bytearray(mqtt.pack(mqtt.PUBLISH, 2, b"x" * size) + b"\xc0")
    assert mqtt.split(buffer) == Packet(mqtt.PUBLISH, 2, b"x" * size)
    assert buffer == b"\xc0"


def test_an_incomplete_packet_is_waited_for() -> None:
    whole = mqtt.pack(mqtt.PUBLISH, 0, b"x" * 300)
    for end in (0, 1, 2, 100, len(whole) - 1):
        buffer = bytearray(whole[:end])
        assert mqtt.split(buffer) is None
        assert buffer == whole[:end]


@pytest.mark.parametrize("head", [b"\x30\xff\xff\xff\xff", b"\x30\xff\xff\xff\x7f"])
def test_lengths_beyond_bounds_are_refused(head: bytes) -> None:
    with pytest.raises(MalformedError):
        mqtt.split(bytearray(head + b"\x01"))


def test_a_message_is_read_back() -> None:
    message = Publish("devices/lock1/state", b"\x00on", 1, 77, True)
    packet = mqtt.split(bytearray(mqtt.pack_publish(message)))
    assert packet is not None
    assert mqtt.publish(packet) == message


@pytest.mark.parametrize(
    "packet",
    [
        Packet(mqtt.PUBLISH, 4, mqtt.text("a") + b"\0\1"),
        Packet(mqtt.PUBLISH, 0, mqtt.text("a/+")),
        Packet(mqtt.PUBLISH, 0, mqtt.text("")),
        Packet(mqtt.PUBLISH, 2, mqtt.text("a")),
        Packet(mqtt.PUBLISH, 0, b"\0\2\xff\xff"),
        Packet(mqtt.PUBLISH, 0, b"\0\x09ab"),
    ],
    ids=["qos 2", "wildcard", "empty topic", "no number", "not text", "cut off"],
)
def test_malformed_messages_are_refused(packet: Packet) -> None:
    with pytest.raises(MalformedError):
        mqtt.publish(packet)


@pytest.mark.parametrize(
    ("pattern", "topic", "covered"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("+/+", "/x", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("a", "a/b", False),
        ("a/b", "a", False),
    ],
)
def test_topic_filters_match_as_the_standard_says(pattern: str, topic: str, covered: bool) -> None:
    assert mqtt.matches(pattern, topic) is covered
