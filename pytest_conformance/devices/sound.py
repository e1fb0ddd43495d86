"""A known sound to play to a microphone: a rising tone, as WAV."""

from __future__ import annotations

import io
import math
import struct
import wave

RATE = 16_000
"""Samples a second."""


def chirp(seconds: float = 0.5, rate: int = RATE, start: float = 300.0, end: float = 3000.0) -> bytes:
    """Return a tone that rises from `start` to `end` Hz within `seconds`, as WAV: mono, 16 bit, `rate` samples/s."""
    count = int(seconds * rate)
    slope = (end - start) / seconds
    samples = [
        round(20_000 * math.sin(2 * math.pi * (start + slope * at / 2) * at))
        for at in (index / rate for index in range(count))
    ]
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(struct.pack(f"<{count}h", *samples))
    return file.getvalue()


def sample_rate(content: bytes) -> int | None:
    """Return the samples a second of a WAV file; None when it is none."""
    try:
        with wave.open(io.BytesIO(content)) as sound:
            return int(sound.getframerate())
    except (wave.Error, EOFError):
        return None
