"""From bytes to text: size, encoding, and characters that a reader of the file could not see."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from pytest_conformance.yamlfile.problems import FileError, Position, Problem

LARGEST = 2_000_000
"""Bytes that a file may have."""

_START = Position(1, 1)

# Control, format, surrogate and private-use characters, every space but the ordinary one, blank letters, and
# selectors of variants: two texts that differ only in these look alike.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u08e2\u115f\u1160\u1680\u17b4\u17b5"
    "\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ud800-\uf8ff\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\U000f0000-\U0010ffff]"
)

_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"\xef\xbb\xbf", "a byte-order mark"),
)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of `path`; FileError when it is missing, no regular file, unreadable or too large."""
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "there is no such file"
            raise FileError.of(str(path), [Problem("USE-FIL-001", _START, what)])
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise FileError.of(str(path), [Problem("USE-FIL-001", _START, f"cannot be read: {reason}")]) from error
    if len(content) > LARGEST:
        message = f"the file is larger than {LARGEST:,} bytes"
        raise FileError.of(str(path), [Problem("USE-FIL-002", _START, message)])
    return content


def decode(path: str, content: bytes) -> str:
    """Return the text of `content`: UTF-8 without a mark, without tabs and without unseen characters."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            raise _refused(path, "USE-FIL-003", _START, f"the file starts with {name}; save it as plain UTF-8")
    if b"\x00" in content[:4]:
        raise _refused(path, "USE-FIL-003", _START, "the file looks like UTF-16 or binary; save it as plain UTF-8")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        place = position_of(content[: error.start].decode("utf-8"), error.start)
        raise _refused(path, "USE-FIL-003", place, f"byte 0x{content[error.start]:02x} is not UTF-8") from error
    if (tab := text.find("\t")) >= 0:
        message = 'a tab: indent with spaces, or write "\\t" in quotes'
        raise _refused(path, "USE-FIL-005", position_of(text, tab), message)
    if found := _UNSEEN.search(text):
        raise _refused(path, "USE-FIL-004", position_of(text, found.start()), unseen(found.group()))
    return text


def unseen(text: str) -> str:
    """Return what is wrong with the first character of `text` that a reader cannot see, or "" when there is none."""
    found = _UNSEEN.search(text)
    if found is None:
        return ""
    character = found.group()
    name = unicodedata.name(character, "control or unassigned character")
    return f"character U+{ord(character):04X} ({name}) cannot be seen by a reader; remove it"


def position_of(text: str, index: int) -> Position:
    """Return line and column of `text[index]`; lines end as YAML's do (LF, CR LF, CR)."""
    before = text[:index].replace("\r\n", "\n").replace("\r", "\n")
    return Position(before.count("\n") + 1, len(before) - before.rfind("\n"))


def _refused(path: str, code: str, position: Position, message: str) -> FileError:
    return FileError.of(path, [Problem(code, position, message)])
