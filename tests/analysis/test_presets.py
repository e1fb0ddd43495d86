import hashlib
import random

import pytest

from pytest_conformance.analysis.presets import Preset, outside, weaknesses

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
SERIALS = ("MHC2025080001", "MHC2025080002", "MHC2025080003")
MACS = ("02:4d:43:00:20:01", "02:4d:43:00:20:02", "02:4d:43:00:20:03")


def units(*passwords: str) -> list[Preset]:
    return [Preset(password, (serial, mac)) for password, serial, mac in zip(passwords, SERIALS, MACS, strict=False)]


def drawn(seed: int, length: int = 12) -> str:
    draw = random.Random(seed)
    return "".join(draw.choice(ALPHABET) for _ in range(length))


def test_passwords_from_a_good_generator_show_no_relation() -> None:
    """Over many batches: a false alarm would be a wrong verdict."""
    wrong = [seed for seed in range(0, 900, 3) if weaknesses(units(*(drawn(seed + n) for n in range(3))), ALPHABET)]
    assert wrong == []


def test_the_same_password_twice_is_found() -> None:
    assert weaknesses(units(drawn(1), drawn(2), drawn(1))) == ["units 1 and 3: the same password"]


def test_a_counter_is_found() -> None:
    found = weaknesses(units("KQZRWMBTXP27", "KQZRWMBTXP28", drawn(3)))
    assert found == ["units 1 and 2: passwords that differ in 1 of 12 characters: a counter"]


def test_a_long_common_part_is_found() -> None:
    assert weaknesses(units("KQZRWMBAAAAA", "7HFDEKQZRWM9")) == ["units 1 and 2: both hold 'KQZRWM'"]


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("XX080001KQZR", "holds '080001' of its identifier 'MHC2025080001'"),
        ("KQZ5202CHMZR", "holds '5202chm' of its identifier 'MHC2025080001' backwards"),
        ("KQ43002001ZR", "holds '43002001' of its identifier '02:4d:43:00:20:01'"),
        ("KQAdminZRW72", "holds the word 'admin'"),
    ],
)
def test_identifiers_and_usual_words_are_found(password: str, says: str) -> None:
    assert f"unit 1: {says}" in weaknesses(units(password))


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
@pytest.mark.parametrize("public", [SERIALS[0], MACS[0].replace(":", "").upper(), f"{MACS[0]}\n"])
def test_hashes_of_identifiers_are_found_in_every_spelling(name: str, public: str) -> None:
    digest = hashlib.new(name, public.encode()).digest()
    spelt = "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest)[:12]
    for password in (digest.hex()[:12], digest.hex()[-12:], spelt):
        found = weaknesses(units(password), ALPHABET)
        assert any(f"by {name} of" in each for each in found), (password, found)


def test_length_and_alphabet_are_held_to_the_declaration() -> None:
    assert outside("ABCDEFGHJKLM", 12, 12, ALPHABET) == []
    assert outside("ABC1", 12, 12, ALPHABET) == [
        "it has 4 characters, declared are 12 to 12",
        "'1' is not in the declared alphabet",
    ]
