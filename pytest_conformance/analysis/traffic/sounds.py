"""Recognise sound in WAV files, and the canary phrase in it (design, section 7.5). Compressed sound stays unread."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING, Any

from pytest_conformance.analysis.traffic.conversation import Item
from pytest_conformance.analysis.traffic.model import Accounting, Match

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pytest_conformance.analysis.traffic.examiner import Examiner

ALIKE = 0.5
"""Peak of the normalised cross-correlation above which two sounds are the same phrase."""
LONGEST = 60
"""Seconds of a sound that are compared."""


def recognise(examiner: Examiner, item: Item) -> Accounting | None:
    """Report a WAV file: kind "voice" when it is the canary phrase, else "audio"; format "wav/16000" names the rate.

    None when the item is no WAV file. Bytes after the end that its header names stay opaque.
    """
    if item.data[:4] != b"RIFF":
        return None
    heard = samples(item.data)
    if heard is None:
        return None
    rate, sound = heard
    size = len(item.data)
    end = min(size, 8 + int.from_bytes(item.data[4:8], "little"))
    match = _match(examiner, rate, sound)
    report: dict[str, Any] = {"match": match} if match is not None else {}
    examiner.report(item, "voice" if match else "audio", f"wav/{rate}", 0, end, **report)
    rest = size - end
    reasons = {"after-sound": rest} if rest else {}
    return Accounting(size, 0 if match else end, end if match else 0, rest, 0, 0, reasons)


def samples(data: bytes) -> tuple[int, NDArray[np.float64]] | None:
    """Return samples a second and the first channel of a PCM WAV file, -1 to 1; None when it is none."""
    import numpy as np

    try:
        with wave.open(io.BytesIO(data)) as file:
            rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
            raw = file.readframes(rate * LONGEST)
    except (wave.Error, EOFError):
        return None
    if width not in (1, 2, 4) or rate <= 0:
        return None
    raw = raw[: len(raw) // (width * channels) * width * channels]
    form = {1: "u1", 2: "<i2", 4: "<i4"}[width]
    values = np.frombuffer(raw, form).astype(np.float64)[::channels]
    return rate, (values - 128) / 128 if width == 1 else values / 2.0 ** (8 * width - 1)


def likeness(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the peak of the normalised cross-correlation of two sounds of the same rate, 0 to 1."""
    import numpy as np

    power = float(np.sqrt(np.sum(one**2) * np.sum(other**2)))
    if power == 0:
        return 0.0
    size = 1 << (len(one) + len(other) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)), size)
    return float(np.max(np.abs(product)) / power)


def _match(examiner: Examiner, rate: int, sound: NDArray[np.float64]) -> Match | None:
    import numpy as np

    known = samples(examiner.context.canary.voice) if examiner.context.canary.voice else None
    if known is None or not len(sound) or not len(known[1]):
        return None
    phrase_rate, phrase = known
    if phrase_rate != rate:
        count = max(1, round(len(phrase) * rate / phrase_rate))
        phrase = np.interp(np.linspace(0, len(phrase) - 1, count), np.arange(len(phrase)), phrase)
    alike = likeness(sound, phrase)
    return Match("voice", "voice", 1 - alike, 1 - ALIKE) if alike >= ALIKE else None
