"""The played phrase is found in sound that goes up; other sound is named and stays opaque."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
import pytest

from pytest_conformance.analysis.traffic import Canary, audio


def _wav(samples: Any, rate: int = 16000) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.clip(samples, -32000, 32000).astype("<i2").tobytes())
    return out.getvalue()


def _phrase(rate: int = 16000) -> Any:
    """A chirp sequence of two seconds."""
    t = np.arange(2 * rate) / rate
    return 9000 * np.sin(2 * np.pi * (400 * t + 350 * t * t * np.sign(np.sin(2 * np.pi * 2 * t))))


def _post(body: bytes) -> bytes:
    return b"POST /v HTTP/1.1\r\nHost: c.example\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def test_phrase_is_found_inside_a_noisy_recording(wire: Any, look: Any) -> None:
    g = np.random.default_rng(1)
    recording = g.normal(0, 600, 5 * 16000)
    recording[16000 : 3 * 16000] += 0.5 * _phrase()
    wire.tcp([(True, _post(_wav(recording)))])
    inspection = look(wire, canary=Canary(voice=_wav(_phrase())))
    assert [o.kind for o in inspection.objects] == ["voice"]
    assert inspection.checks["no-child-voice-leaves"].verdict.value == "FAIL"


def test_other_sound_is_not_the_phrase_and_not_a_pass(wire: Any, look: Any) -> None:
    g = np.random.default_rng(2)
    wire.tcp([(True, _post(_wav(g.normal(0, 4000, 60000))))])
    inspection = look(wire, canary=Canary(voice=_wav(_phrase())))
    check = inspection.checks["no-child-voice-leaves"]
    assert (check.verdict.value, check.reason) == ("INCONCLUSIVE", "audio-not-canary")


@pytest.mark.parametrize("head", [b"#!AMR\n", b"OggS\0\2", b"fLaC\0\0"])
def test_compressed_speech_is_named_and_opaque(wire: Any, look: Any, head: bytes) -> None:
    wire.tcp([(True, _post(head + np.random.default_rng(3).bytes(3000)))])
    inspection = look(wire, canary=Canary(voice=_wav(_phrase())))
    assert [o.kind for o in inspection.objects] == ["audio"]
    assert inspection.checks["no-child-voice-leaves"].verdict.value == "INCONCLUSIVE"


def test_companding_tables_are_those_of_g711() -> None:
    assert audio._ULAW[0xFF] == 0
    assert audio._ULAW[0x00] == -32124
    assert audio._ALAW[0xD5] == 8
    assert audio._ALAW[0x2A] == -32256
