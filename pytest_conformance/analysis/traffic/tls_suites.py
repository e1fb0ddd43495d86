"""TLS cipher suites: names and what is needed to undo them."""

from __future__ import annotations

from typing import NamedTuple


class Suite(NamedTuple):
    """`mode`: gcm, ccm, ccm8, chacha, cbc, null or rc4; `digest` of PRF or HKDF; `mac` of CBC and stream suites."""

    name: str
    mode: str
    key: int
    digest: str
    mac: str = ""


def _table() -> dict[int, Suite]:
    suites = {
        0x1301: Suite("TLS_AES_128_GCM_SHA256", "gcm", 16, "sha256"),
        0x1302: Suite("TLS_AES_256_GCM_SHA384", "gcm", 32, "sha384"),
        0x1303: Suite("TLS_CHACHA20_POLY1305_SHA256", "chacha", 32, "sha256"),
        0x1304: Suite("TLS_AES_128_CCM_SHA256", "ccm", 16, "sha256"),
        0x1305: Suite("TLS_AES_128_CCM_8_SHA256", "ccm8", 16, "sha256"),
        0x0000: Suite("TLS_NULL_WITH_NULL_NULL", "null", 0, "sha256", ""),
        0x0001: Suite("TLS_RSA_WITH_NULL_MD5", "null", 0, "sha256", "md5"),
        0x0002: Suite("TLS_RSA_WITH_NULL_SHA", "null", 0, "sha256", "sha1"),
        0x003B: Suite("TLS_RSA_WITH_NULL_SHA256", "null", 0, "sha256", "sha256"),
        0x0004: Suite("TLS_RSA_WITH_RC4_128_MD5", "rc4", 16, "sha256", "md5"),
        0x0005: Suite("TLS_RSA_WITH_RC4_128_SHA", "rc4", 16, "sha256", "sha1"),
    }
    exchanges = {
        "RSA": (0x002F, 0x0035, 0x003C, 0x003D, 0x009C, 0x009D, 0xC09C, 0xC09D),
        "DHE_RSA": (0x0033, 0x0039, 0x0067, 0x006B, 0x009E, 0x009F, 0xC09E, 0xC09F),
        "ECDHE_ECDSA": (0xC009, 0xC00A, 0xC023, 0xC024, 0xC02B, 0xC02C, 0xC0AC, 0xC0AD),
        "ECDHE_RSA": (0xC013, 0xC014, 0xC027, 0xC028, 0xC02F, 0xC030, 0, 0),
        "PSK": (0x008C, 0x008D, 0x00AE, 0x00AF, 0x00A8, 0x00A9, 0xC0A4, 0xC0A5),
        "DHE_PSK": (0x0090, 0x0091, 0x00B2, 0x00B3, 0x00AA, 0x00AB, 0xC0A6, 0xC0A7),
        "ECDHE_PSK": (0xC035, 0xC036, 0xC037, 0xC038, 0, 0, 0, 0),
    }
    shapes = (
        ("AES_128_CBC_SHA", "cbc", 16, "sha256", "sha1"),
        ("AES_256_CBC_SHA", "cbc", 32, "sha256", "sha1"),
        ("AES_128_CBC_SHA256", "cbc", 16, "sha256", "sha256"),
        ("AES_256_CBC_SHA256", "cbc", 32, "sha256", "sha256"),
        ("AES_128_GCM_SHA256", "gcm", 16, "sha256", ""),
        ("AES_256_GCM_SHA384", "gcm", 32, "sha384", ""),
        ("AES_128_CCM", "ccm", 16, "sha256", ""),
        ("AES_256_CCM", "ccm", 32, "sha256", ""),
    )
    sha384 = {0xC024, 0xC028, 0x00AF, 0x00B3, 0xC038}
    for exchange, numbers in exchanges.items():
        for number, (name, mode, key, digest, mac) in zip(numbers, shapes, strict=True):
            if number in sha384:
                name, digest, mac = name.replace("SHA256", "SHA384"), "sha384", "sha384"
            if number:
                suites[number] = Suite(f"TLS_{exchange}_WITH_{name}", mode, key, digest, mac)
    for number, exchange in ((0xCCA8, "ECDHE_RSA"), (0xCCA9, "ECDHE_ECDSA"), (0xCCAA, "DHE_RSA"), (0xCCAB, "PSK")):
        suites[number] = Suite(f"TLS_{exchange}_WITH_CHACHA20_POLY1305_SHA256", "chacha", 32, "sha256")
    for number, name in ((0xC0A8, "PSK_WITH_AES_128_CCM_8"), (0xC0AE, "ECDHE_ECDSA_WITH_AES_128_CCM_8")):
        suites[number] = Suite(f"TLS_{name}", "ccm8", 16, "sha256")
    return suites


SUITES = _table()

WEAK = frozenset(number for number, suite in SUITES.items() if suite.mode in ("null", "rc4"))


def suite_name(number: int) -> str:
    """Return the IANA name of a suite, or its number in hex."""
    suite = SUITES.get(number)
    return suite.name if suite else f"0x{number:04X}"
