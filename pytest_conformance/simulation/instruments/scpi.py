"""The SCPI side of a simulated instrument: headers, IEEE 488.2 commands, status, error queue. No transport."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

Handler: TypeAlias = "Callable[[Sequence[str]], str | None]"

QUEUE = 20
"""Errors that the queue holds; one more replaces the last by "Queue overflow"."""
LOGGED = 5000
"""Commands that are kept for tests to look at."""

ERRORS = {
    -102: "Syntax error",
    -109: "Missing parameter",
    -113: "Undefined header",
    -131: "Invalid suffix",
    -221: "Settings conflict",
    -222: "Data out of range",
    -224: "Illegal parameter value",
    -350: "Queue overflow",
}
_MULTIPLIERS = {"": 1.0, "K": 1e3, "M": 1e-3, "U": 1e-6}
_NUMBER = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)")


class ScpiError(Exception):
    """A standard SCPI error; `detail` follows the standard text after a semicolon."""

    def __init__(self, number: int, detail: str = "") -> None:
        super().__init__(number, detail)
        self.number = number
        self.detail = detail


class ScpiModel:
    """Interprets program messages. Instruments add their commands with `command(pattern, handler)`.

    Patterns are written as in manuals: `[SOURce:]VOLTage[:LEVel]`; capitals are the short form, brackets optional.
    """

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self._commands: list[tuple[re.Pattern[str], Handler]] = []
        self._errors: deque[str] = deque()
        self._lock = threading.RLock()
        self._event_status = 0x80
        self._masks = {"ESE": 0, "SRE": 0}
        self.received: deque[str] = deque(maxlen=LOGGED)
        self.on_message: Callable[[], None] = lambda: None
        """Called for each program message before it is carried out."""
        self.on_reset: Callable[[], None] = lambda: None
        self._add_standard_commands()

    def command(self, pattern: str, handler: Handler) -> None:
        """Let `handler` answer messages whose header fits `pattern`; it gets the parameters as text."""
        self._commands.append((_compile(pattern), handler))

    def execute(self, message: str) -> str | None:
        """Carry out one program message (commands joined by semicolons); return the response or None."""
        with self._lock:
            self.on_message()
            self.received.append(message)
            answers: list[str] = []
            path = ""
            for unit in _split(message, ";"):
                header, _, tail = unit.strip().partition(" ")
                if not header:
                    continue
                full = header if header[0] in "*:" else path + header
                answer = self._one(full.lstrip(":"), tail)
                if answer is not None:
                    answers.append(answer)
                if header[0] != "*":
                    path = full.lstrip(":")[: full.lstrip(":").rfind(":") + 1]
            return ";".join(answers) if answers else None

    def status_byte(self) -> int:
        """Return the status byte: error available (4), event summary (32), request (64)."""
        summary = 0x20 if self._event_status & self._masks["ESE"] else 0
        byte = (0x04 if self._errors else 0) | summary
        return byte | (0x40 if byte & self._masks["SRE"] else 0)

    def fail(self, number: int, detail: str = "") -> None:
        """Put an error into the queue and its bit into the event status register."""
        text = ERRORS.get(number, "Device-specific error") + (f";{detail}" if detail else "")
        self._event_status |= 0x20 if -200 < number <= -100 else 0x10 if -300 < number <= -200 else 0x08
        if len(self._errors) >= QUEUE:
            self._errors[-1] = f'-350,"{ERRORS[-350]}"'
        else:
            self._errors.append(f'{number},"{text}"')

    def _one(self, header: str, tail: str) -> str | None:
        arguments = [each.strip() for each in _split(tail, ",")] if tail.strip() else []
        try:
            for pattern, handler in self._commands:
                if pattern.fullmatch(header):
                    return handler(arguments)
            raise ScpiError(-113, header[:40])
        except ScpiError as error:
            self.fail(error.number, error.detail)
            return None

    def _add_standard_commands(self) -> None:
        self.command("*IDN?", lambda _: self._identity)
        self.command("*RST", lambda _: self.on_reset())
        self.command("*CLS", lambda _: self._clear_status())
        self.command("*OPC", lambda _: self._set_event(0x01))
        self.command("*OPC?", lambda _: "1")
        self.command("*WAI", lambda _: None)
        self.command("*TST?", lambda _: "0")
        self.command("*ESR?", lambda _: self._take_events())
        self.command("*STB?", lambda _: str(self.status_byte()))
        for name in self._masks:
            self.command(f"*{name}", partial(self._set_mask, name))
            self.command(f"*{name}?", partial(self._get_mask, name))
        self.command("SYSTem:ERRor[:NEXT]?", lambda _: self._errors.popleft() if self._errors else '0,"No error"')
        self.command("SYSTem:ERRor:COUNt?", lambda _: str(len(self._errors)))
        self.command("SYSTem:VERSion?", lambda _: "1999.0")

    def _clear_status(self) -> None:
        self._errors.clear()
        self._event_status = 0

    def _set_event(self, bit: int) -> None:
        self._event_status |= bit

    def _take_events(self) -> str:
        events, self._event_status = self._event_status, 0
        return str(events)

    def _get_mask(self, name: str, given: Sequence[str]) -> str:
        return str(self._masks[name])

    def _set_mask(self, name: str, given: Sequence[str]) -> None:
        self._masks[name] = int(number(given, 0, 255))


def number(given: Sequence[str], low: float, high: float, unit: str = "") -> float:
    """Return the one numeric parameter within `low` to `high`; MIN, MAX and a suffix of `unit` are understood."""
    if not given:
        raise ScpiError(-109)
    text = given[0].upper()
    if text in ("MIN", "MINIMUM", "MAX", "MAXIMUM"):
        return low if text.startswith("MIN") else high
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ScpiError(-224, given[0][:40])
    suffix = found[2]
    if suffix and not (unit and suffix.endswith(unit.upper())):
        raise ScpiError(-131, suffix[:40])
    multiplier = suffix.removesuffix(unit.upper()) if suffix else ""
    if multiplier not in _MULTIPLIERS:
        raise ScpiError(-131, suffix[:40])
    value = float(found[1]) * _MULTIPLIERS[multiplier]
    if not low <= value <= high:
        raise ScpiError(-222, given[0][:40])
    return value


def boolean(given: Sequence[str]) -> bool:
    """Return the one boolean parameter."""
    if not given:
        raise ScpiError(-109)
    try:
        return {"ON": True, "1": True, "OFF": False, "0": False}[given[0].upper()]
    except KeyError:
        raise ScpiError(-224, given[0][:40]) from None


def real(value: float) -> str:
    """Return `value` in the form of instruments (NR3)."""
    return f"{value:+.8E}"


def _compile(pattern: str) -> re.Pattern[str]:
    out = []
    for part in re.findall(r"[A-Za-z]+|\[|\]|:|\*|\?|\d+", pattern):
        if part == "[":
            out.append("(?:")
        elif part == "]":
            out.append(")?")
        elif part in "*?":
            out.append(re.escape(part))
        elif part.isalpha():
            short = "".join(letter for letter in part if letter.isupper())
            out.append(f"(?:{short}|{part})" if short != part else part)
        else:
            out.append(part)
    return re.compile("".join(out), re.IGNORECASE)


def _split(text: str, separator: str) -> list[str]:
    parts, quoted, start = [], False, 0
    for index, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif letter == separator and not quoted:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]
