"""Preset passwords of several units of one model: do they repeat, count, or follow from what is known of each unit?

Pure. What it finds is a relation; that it finds none says nothing of a generator that hides it better.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SHARED = 5
"""Characters in a row that two random passwords do not share: below 1e-5 for 12 characters of an alphabet of 32."""
BORROWED = 4
"""Characters in a row of an identifier that a random password does not hold."""
HASHES = ("md5", "sha1", "sha256", "sha512")
SHORTEST_WORD = 4
WORDS = (
    "admin",
    "camera",
    "default",
    "guest",
    "letmein",
    "love",
    "master",
    "pass",
    "qwer",
    "root",
    "secret",
    "support",
    "test",
    "user",
    "welcome",
    "1234",
    "1111",
    "0000",
    "8888",
    "abcd",
)
"""Words and runs that stand in the lists of every attacker."""


@dataclass(frozen=True)
class Preset:
    """The preset password of one unit, and what anybody may know of that unit: serial number, MAC, model, SSID."""

    password: str
    public: tuple[str, ...]


def weaknesses(presets: Sequence[Preset], alphabet: str = "") -> list[str]:
    """Return what is wrong with the passwords as a set, in words; nothing when no relation is found.

    `alphabet` is the declared one, to recognise passwords that spell the bytes of a hash in it.
    """
    found: list[str] = []
    for number, preset in enumerate(presets, 1):
        found += [f"unit {number}: {each}" for each in _of_one(preset, alphabet)]
    for (one, first), (other, second) in itertools.combinations(enumerate(presets, 1), 2):
        found += [f"units {one} and {other}: {each}" for each in _of_two(first.password, second.password)]
    return found


def outside(password: str, shortest: int, longest: int, alphabet: str) -> list[str]:
    """Return in what `password` is not as declared: its length, or characters that are not in `alphabet`."""
    found = []
    if not shortest <= len(password) <= longest:
        found.append(f"it has {len(password)} characters, declared are {shortest} to {longest}")
    if strange := sorted(set(password) - set(alphabet)):
        found.append(f"{''.join(strange)!r} is not in the declared alphabet")
    return found


def _of_one(preset: Preset, alphabet: str) -> Iterator[str]:
    plain = preset.password.casefold()
    for word in WORDS:
        if word in plain:
            yield f"holds the word {word!r}"
    for public in preset.public:
        if (part := _common(plain, _bare(public))) and len(part) >= BORROWED:
            yield f"holds {part!r} of its identifier {public!r}"
        elif (part := _common(plain, _bare(public)[::-1])) and len(part) >= BORROWED:
            yield f"holds {part!r} of its identifier {public!r} backwards"
        if how := _derived(preset.password, public, alphabet):
            yield f"follows from its identifier {public!r} by {how}"


def _of_two(first: str, second: str) -> Iterator[str]:
    if first == second:
        yield "the same password"
        return
    if len(first) == len(second):
        different = [at for at in range(len(first)) if first[at] != second[at]]
        if len(different) <= max(2, len(first) // 4) and len(first) >= SHARED:
            yield f"passwords that differ in {len(different)} of {len(first)} characters: a counter"
            return
    shared = _common(first, second)
    if len(shared) >= SHARED:
        yield f"both hold {shared!r}"


def _derived(password: str, public: str, alphabet: str) -> str:
    """Return by which hash and spelling `password` comes out of `public`; "" when by none that is tried."""
    for text in _spellings(public):
        for name in HASHES:
            digest = hashlib.new(name, text.encode(), usedforsecurity=False).digest()
            for spelling, spelt in _spelt(digest, alphabet):
                if len(password) >= SHORTEST_WORD and password.casefold() in spelt.casefold():
                    return f"{name} of {text!r} in {spelling}"
    return ""


def _spellings(public: str) -> Iterator[str]:
    """Yield the ways to write an identifier before it is hashed."""
    bare = re.sub(r"[^0-9A-Za-z]", "", public)
    seen = set()
    for text in (public, bare, bare[::-1]):
        for cased in (text, text.lower(), text.upper()):
            for ended in (cased, f"{cased}\n"):
                if ended not in seen:
                    seen.add(ended)
                    yield ended


def _spelt(digest: bytes, alphabet: str) -> Iterator[tuple[str, str]]:
    yield "hexadecimal", digest.hex()
    yield "base64", base64.b64encode(digest).decode()
    yield "base32", base64.b32encode(digest).decode()
    yield "decimal", str(int.from_bytes(digest, "big"))
    if alphabet:
        yield "the declared alphabet", "".join(alphabet[byte % len(alphabet)] for byte in digest)


def _bare(text: str) -> str:
    return re.sub(r"[^0-9a-z]", "", text.casefold())


def _common(one: str, other: str) -> str:
    """Return the longest run of characters that both hold."""
    best = ""
    for start in range(len(one)):
        while start + len(best) < len(one) and one[start : start + len(best) + 1] in other:
            best = one[start : start + len(best) + 1]
    return best
