"""From text to plain data with positions: strict YAML 1.2 over the event stream of ruamel.yaml.

No aliases, anchors, tags, merge keys or second documents; every mapping key is text and unique.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pytest_conformance.yamlfile.problems import FileError, Position, Problem
from pytest_conformance.yamlfile.scalars import Bare, NotFiniteError, resolve
from pytest_conformance.yamlfile.text import unseen

DEEPEST = 64
"""Levels to which mappings and lists may nest."""

Path = tuple[str | int, ...]


@dataclass
class Positions:
    """Where in a text each key and value of the data stands, and how its scalars are written there."""

    values: dict[Path, Position] = field(default_factory=dict)
    keys: dict[Path, Position] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)
    """Unquoted scalars only."""

    def key(self, path: Path) -> Position:
        """Return the position of the key at `path`, or of the nearest thing around it."""
        return self.keys.get(path) or self.value(path)

    def value(self, path: Path) -> Position:
        """Return the position of the value at `path`, or of the nearest thing around it."""
        for length in range(len(path), -1, -1):
            if (position := self.values.get(path[:length])) is not None:
                return position
        return Position(1, 1)


def compose(name: str, text: str) -> tuple[Any, Positions]:
    """Return the data of `text` and its positions; FileError names `name`.

    Mappings become dict, lists list, scalars None, bool, int, float, str or `Bare`.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return _Composer(name, YAML(typ="safe", pure=True).parse(text)).document()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)
        what = ", ".join(str(part) for part in (error.context, error.problem) if part)
        raise FileError.of(name, [Problem("USE-FIL-010", position, f"not YAML: {what}")]) from error
    except YAMLError as error:
        raise FileError.of(name, [Problem("USE-FIL-010", Position(1, 1), f"not YAML: {error}"[:300])]) from error
    except (ValueError, OverflowError) as error:
        message = f"not YAML: an escape in quotes does not give a character ({error})"
        raise FileError.of(name, [Problem("USE-FIL-010", Position(1, 1), message)]) from error


def _at(event: Any) -> Position:
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)


class _Composer:
    """Builds the data of one document from events."""

    def __init__(self, name: str, events: Iterator[Any]) -> None:
        self._name = name
        self._events = events
        self._positions = Positions()

    def document(self) -> tuple[Any, Positions]:
        data: Any = None
        seen = 0
        for event in self._events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                seen += 1
                self._check_document(event, seen)
            elif kind not in ("StreamStartEvent", "StreamEndEvent", "DocumentEndEvent", "CommentEvent"):
                data = self._value(event, ())
        if not seen:
            raise self._refused("USE-FIL-011", Position(1, 1), "the file is empty")
        return data, self._positions

    def _check_document(self, event: Any, seen: int) -> None:
        if seen > 1:
            raise self._refused("USE-FIL-011", _at(event), "a second document: a file holds one")
        if event.version is not None and tuple(event.version) != (1, 2):
            raise self._refused("USE-FIL-010", _at(event), "the file asks for another YAML than 1.2; remove the line")

    def _refused(self, code: str, position: Position, message: str) -> FileError:
        return FileError.of(self._name, [Problem(code, position, message)])

    def _value(self, event: Any, path: Path) -> Any:
        self._check_node(event)
        if len(path) >= DEEPEST and type(event).__name__ != "ScalarEvent":
            raise self._refused("USE-FIL-008", _at(event), f"nested deeper than {DEEPEST} levels")
        kind = type(event).__name__
        nothing = kind == "ScalarEvent" and event.style is None and not event.value
        self._positions.values[path] = self._positions.keys.get(path, _at(event)) if nothing else _at(event)
        if kind == "MappingStartEvent":
            return self._mapping(path)
        if kind == "SequenceStartEvent":
            return self._sequence(path)
        return self._scalar(event, path)

    def _check_node(self, event: Any) -> None:
        if type(event).__name__ == "AliasEvent" or getattr(event, "anchor", None):
            raise self._refused("USE-FIL-006", _at(event), "anchors and aliases are not allowed; write the value out")
        tag = getattr(event, "tag", None)
        if tag is not None and str(tag):
            raise self._refused("USE-FIL-007", _at(event), f"tags are not allowed: {str(tag)[:80]}")

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        for event in self._events:
            if type(event).__name__ == "SequenceEndEvent":
                break
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for event in self._events:
            if type(event).__name__ == "MappingEndEvent":
                break
            key = self._key(event)
            here = (*path, key)
            if key in data:
                first = self._positions.keys[here]
                message = f"duplicate key {key!r}: first on line {first.line}, again on line {_at(event).line}"
                raise self._refused("USE-FIL-009", _at(event), message)
            self._positions.keys[here] = _at(event)
            data[key] = self._value(next(self._events), here)
        return data

    def _key(self, event: Any) -> str:
        self._check_node(event)
        if type(event).__name__ != "ScalarEvent":
            raise self._refused("USE-FIL-011", _at(event), "a key must be a word, not a list or mapping")
        if event.value == "<<" and event.style is None:
            raise self._refused("USE-FIL-006", _at(event), "merge keys are not allowed; write the values out")
        key = self._meaning(event)
        if not isinstance(key, str):
            message = f'key {event.value} is not text for every reader: write it in quotes: "{event.value}"'
            raise self._refused("USE-FIL-014", _at(event), message)
        if not key.strip():
            raise self._refused("USE-FIL-011", _at(event), "an empty key")
        return key

    def _scalar(self, event: Any, path: Path) -> Any:
        if event.style is None:
            self._positions.written[path] = event.value
        return self._meaning(event)

    def _meaning(self, event: Any) -> Any:
        if event.style is not None:
            if message := unseen(event.value):
                raise self._refused("USE-FIL-004", _at(event), message)
            return event.value
        try:
            return resolve(event.value)
        except NotFiniteError as error:
            message = f"{error} is not a finite number"
            raise self._refused("USE-FIL-018", _at(event), message) from error


__all__ = ["DEEPEST", "Bare", "Path", "Positions", "compose"]
