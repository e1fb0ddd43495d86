from __future__ import annotations

import io

from pytest_conformance.simulation.cloud.websocket_door import handshake, masked, read_messages

MASK = b"\x37\xfa\x21\x3d"


def frame(first: int, payload: bytes) -> bytes:
    return bytes([first, 0x80 | len(payload)]) + MASK + masked(payload, MASK)


def test_the_handshake_accepts_the_key_of_the_standard() -> None:
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in handshake("dGhlIHNhbXBsZSBub25jZQ==")


def test_fragments_are_joined_around_control_frames_until_the_close() -> None:
    said: list[bytes] = []
    wire = frame(0x01, b"Hel") + frame(0x89, b"ping") + frame(0x80, b"lo") + frame(0x82, b"\x00") + frame(0x88, b"")
    assert list(read_messages(io.BytesIO(wire + frame(0x82, b"late")), said.append)) == [b"Hello", b"\x00"]
    assert said == [b"\x88\x00"]


def test_a_long_message_has_its_length_in_two_bytes() -> None:
    body = bytes(300)
    wire = b"\x82\xfe" + (300).to_bytes(2, "big") + MASK + masked(body, MASK)
    assert list(read_messages(io.BytesIO(wire), lambda _: None)) == [body]


def test_a_message_that_claims_to_be_huge_ends_the_conversation() -> None:
    wire = b"\x82\xff" + (1 << 40).to_bytes(8, "big") + MASK
    assert list(read_messages(io.BytesIO(wire), lambda _: None)) == []
