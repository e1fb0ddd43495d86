"""Find speech and sound in items, and match the played phrase. Compressed speech is named, not decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
_RATE = 8000
_MATCH = 0.35
_LONGEST = 60 * _RATE


@dataclass(frozen=True)
class Sound:
    """Sound in an item: format, extent, and its samples at 8 kHz where it could be decoded."""

    format: str
    start: int
    end: int
    samples: Samples | None = None


def find(data: bytes, declared: str = "") -> Sound | None:
    """Recognise sound that starts an item: WAV, AMR, AMR-WB, Ogg, ADTS AAC, MP3, FLAC, or declared G.711."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return _wav(data)
    for magic, name in (
        (b"#!AMR-WB\n", "amr-wb"),
        (b"#!AMR\n", "amr"),
        (b"OggS", "ogg"),
        (b"fLaC", "flac"),
        (b"ID3", "mp3"),
    ):
        if data.startswith(magic):
            return Sound(name, 0, len(data))
    if _adts(data):
        return Sound("aac", 0, len(data))
    if declared in ("audio/pcmu", "audio/pcma"):
        raw = np.frombuffer(data[:_LONGEST], np.uint8)
        table = _ULAW if declared.endswith("u") else _ALAW
        return Sound(declared[6:], 0, len(data), table[raw])
    return None


def _adts(data: bytes) -> bool:
    """Three AAC frames that follow each other by their stated lengths."""
    at = 0
    for _ in range(3):
        if at + 7 > len(data) or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
            return False
        length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        if length < 7:
            return False
        at += length
    return True


def _wav(data: bytes) -> Sound | None:
    at, form, channels, rate, bits = 12, 0, 1, 8000, 16
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if kind == b"fmt " and size >= 16 and at + 24 <= len(data):
            form, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, at + 8)
        elif kind == b"data":
            end = min(at + 8 + size, len(data))
            return Sound("wav", 0, end, _pcm(data[at + 8 : end], form, channels, rate, bits))
        at += 8 + size + (size & 1)
    return None


def _pcm(raw: bytes, form: int, channels: int, rate: int, bits: int) -> Samples | None:
    if not 4000 <= rate <= 192000 or not 1 <= channels <= 8:
        return None
    values: Any
    if form in (1, 0xFFFE) and bits == 16:
        values = np.frombuffer(raw, "<i2", len(raw) // 2).astype(np.float64)
    elif form == 1 and bits == 8:
        values = np.frombuffer(raw, np.uint8).astype(np.float64) - 128
    elif form in (6, 7):
        values = (_ALAW if form == 6 else _ULAW)[np.frombuffer(raw, np.uint8)]
    else:
        return None
    values = values[: len(values) // channels * channels].reshape(-1, channels).mean(axis=1)
    return _resampled(values, rate)


def _resampled(values: Samples, rate: int) -> Samples:
    if rate == _RATE:
        return values[:_LONGEST]
    count = min(int(len(values) * _RATE / rate), _LONGEST)
    return np.asarray(np.interp(np.arange(count) * rate / _RATE, np.arange(len(values)), values))


def _ulaw() -> Samples:
    code = ~np.arange(256) & 255
    value = ((((code & 15) << 3) + 132) << (code >> 4 & 7)) - 132
    return np.where(code & 128, -value, value).astype(np.float64)


def _alaw() -> Samples:
    code = np.arange(256) ^ 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    value = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 264) << np.maximum(exponent - 1, 0))
    return np.where(code & 128, value, -value).astype(np.float64)


_ULAW, _ALAW = _ulaw(), _alaw()


def _spectrogram(samples: Samples) -> Samples:
    """Log magnitudes of 32 ms windows, 16 ms apart, each frequency bin centred over time."""
    if len(samples) < 512:
        return np.zeros((0, 128))
    frames = np.lib.stride_tricks.sliding_window_view(samples, 256)[::128] * np.hanning(256)
    power = np.log1p(np.abs(np.fft.rfft(frames, axis=1))[:, 1:])
    return np.asarray(power - power.mean(axis=0))


def similarity(one: Samples, phrase: Samples) -> float:
    """Best correlation of the phrase's spectrogram with any place of a recording, -1 to 1."""
    a, b = _spectrogram(one), _spectrogram(phrase)
    if len(b) < 8 or len(a) < 8:
        return 0.0
    if len(a) < len(b):
        a = np.vstack([a, np.zeros((len(b) - len(a), a.shape[1]))])
    size = 1 << (len(a) + len(b)).bit_length()
    product = np.fft.rfft(a, size, axis=0) * np.conj(np.fft.rfft(b, size, axis=0))
    dots = np.fft.irfft(product.sum(axis=1), size)[: len(a) - len(b) + 1]
    energy = np.concatenate(([0.0], np.cumsum((a * a).sum(axis=1))))
    norms = np.sqrt(np.maximum(energy[len(b) :] - energy[: -len(b)], 1e-9)) * np.linalg.norm(b)
    return float(np.max(dots / norms))


def matches(sound: Sound, phrase: bytes) -> float | None:
    """Return the similarity with the played phrase (a WAV) when it is a match, else None."""
    reference = find(phrase)
    if sound.samples is None or reference is None or reference.samples is None:
        return None
    value = similarity(sound.samples, reference.samples)
    return value if value >= _MATCH else None
