"""Sound in WAV files: told from other data, the canary phrase found at another rate and level, other sound not."""

from __future__ import annotations

import io
import math
import struct
import wave

import numpy as np
import pytest

from pytest_conformance.analysis.traffic import Canary, Context
from pytest_conformance.analysis.traffic.blob import scan
from pytest_conformance.analysis.traffic.sounds import likeness, samples


def wav(
    rate: int = 16_000, start: float = 300.0, end: float = 3000.0, level: float = 0.6, seconds: float = 0.4
) -> bytes:
    slope = (end - start) / seconds
    times = [index / rate for index in range(int(seconds * rate))]
    values = [round(32_000 * level * math.sin(2 * math.pi * (start + slope * at / 2) * at)) for at in times]
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(struct.pack(f"<{len(values)}h", *values))
    return file.getvalue()


def kinds(blob: bytes, voice: bytes | None) -> list[tuple[str, str]]:
    return [(each.kind, each.format) for each in scan(blob, Context(canary=Canary(voice=voice)))]


def test_the_phrase_is_found_in_a_copy() -> None:
    assert kinds(wav(), wav()) == [("voice", "wav/16000")]


@pytest.mark.parametrize("rate", [8000, 44_100])
def test_the_phrase_is_found_at_another_rate_and_level(rate: int) -> None:
    assert kinds(wav(rate, level=0.1), wav()) == [("voice", f"wav/{rate}")]


def test_other_sound_is_audio_and_no_match() -> None:
    assert kinds(wav(start=3500, end=200), wav()) == [("audio", "wav/16000")]


def test_without_a_canary_sound_is_audio() -> None:
    assert kinds(wav(), None) == [("audio", "wav/16000")]


def test_a_riff_file_of_another_sort_is_not_sound() -> None:
    assert kinds(b"RIFF\x20\0\0\0AVI " + bytes(32), wav()) == []


def test_a_broken_header_is_not_sound() -> None:
    assert samples(b"RIFF\x20\0\0\0WAVE" + bytes(20)) is None


def test_silence_is_like_nothing() -> None:
    assert likeness(np.zeros(100), np.ones(100)) == 0.0
