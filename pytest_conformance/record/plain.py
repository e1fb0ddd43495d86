"""Observations as plain JSON values and back: dataclasses, enums, paths, bytes, arrays. Knows no journal."""

from __future__ import annotations

import base64
import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from pathlib import PurePath
from typing import Any, TypeVar

from pytest_conformance.errors import StorageError
from pytest_conformance.record.hints import hints_of

T = TypeVar("T")
_At = tuple[Any, ...]
"""Where a value is: (), or the place of what holds it, and its name, its index, or None in a set."""
Keep = Callable[[bytes], str]
"""Stores bytes as evidence and returns their reference ("sha256:...")."""

DEPTH = 64
"""Levels of nesting that a recorded value may have."""
_AS_IS = frozenset({str, int, bool, types.NoneType})
"""Types whose values are JSON already; most of what is recorded is of these."""
INLINE_BYTES = 4096
"""Longer byte strings go to the evidence store, where there is one."""


def to_json(value: object, keep: Keep | None = None) -> Any:
    """Return `value` as strict JSON data: dict, list, str, int, finite float, bool, None.

    What JSON lacks is tagged: `{"$bytes": base64}`, `{"$evidence": "sha256:..."}` (long bytes, when `keep` is
    given), `{"$float": "nan"}`, `{"$array": base64, "dtype": ..., "shape": [...]}`, `{"$items": [[key, value]]}`
    (keys that are not text, or that look like a tag). Raises StorageError BEN-STO-005 for anything else.
    """
    return _plain(value, keep, (), 0)


def fields_to_json(fields: Mapping[str, object]) -> dict[str, Any]:
    """Return the fields of an event as JSON data, each as `to_json` makes it; names stay as they are."""
    return _values(fields, None, (), 0)


def _plain(value: object, keep: Keep | None, at: _At, depth: int) -> Any:
    kind = type(value)
    if kind in _AS_IS:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}  # type: ignore[arg-type]
    if depth > DEPTH:
        raise StorageError("BEN-STO-005", f"{_where(at)[:80]}... nests deeper than {DEPTH} levels", where="record")
    if kind is dict:  # before the slower questions: a trial is mostly mappings, lists and numbers
        return _mapping(value, keep, at, depth)  # type: ignore[arg-type]
    if kind is list or kind is tuple:
        return _sequence(value, keep, at, depth)  # type: ignore[arg-type]
    if isinstance(value, Enum):
        return _plain(value.value, keep, at, depth + 1)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes(bytes(value), keep)
    if isinstance(value, PurePath | datetime):
        return value.isoformat() if isinstance(value, datetime) else str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _values(
            {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}, keep, at, depth + 1
        )
    if isinstance(value, Mapping):
        return _mapping(value, keep, at, depth)
    if isinstance(value, list | tuple):
        return _sequence(value, keep, at, depth)
    if isinstance(value, set | frozenset):
        return sorted((_plain(each, keep, (at, None), depth + 1) for each in value), key=repr)
    return _foreign(value, keep, at, depth)


def _bytes(value: bytes, keep: Keep | None) -> dict[str, str]:
    if keep is not None and len(value) > INLINE_BYTES:
        return {"$evidence": keep(value)}
    return {"$bytes": base64.b64encode(value).decode("ascii")}


def _mapping(value: Mapping[Any, Any], keep: Keep | None, at: _At, depth: int) -> dict[str, Any]:
    for key in value:
        if type(key) is not str or key[:1] == "$":
            items = [[_plain(k, keep, at, depth + 1), _plain(v, keep, at, depth + 1)] for k, v in value.items()]
            return {"$items": items}
    return _values(value, keep, at, depth + 1)


def _values(fields: Mapping[str, Any], keep: Keep | None, at: _At, depth: int) -> dict[str, Any]:
    """Return the fields as JSON data; most are it already, so that is asked before another call is made."""
    plain = {}
    for name, value in fields.items():
        kind = type(value)
        if kind in _AS_IS or (kind is float and value - value == 0.0):  # NaN for what is not finite
            plain[name] = value
        else:
            plain[name] = _plain(value, keep, (at, name), depth)
    return plain


def _sequence(value: Sequence[Any], keep: Keep | None, at: _At, depth: int) -> list[Any]:
    if _AS_IS.issuperset(map(type, value)):
        return list(value)
    return [_plain(each, keep, (at, index), depth + 1) for index, each in enumerate(value)]


def _where(at: _At) -> str:
    """Return a place in words: "value", "value.raw.socket", "value.rows[3]"; long names are cut."""
    names = []
    while at:
        at, name = at
        names.append(f".{name[:40]}" if isinstance(name, str) else "[]" if name is None else f"[{name}]")
    return "value" + "".join(reversed(names))


def _foreign(value: object, keep: Keep | None, at: _At, depth: int) -> Any:
    """Take numpy values by their shape, so that numpy is not imported for it."""
    if type(value).__module__.split(".")[0] == "numpy":
        array: Any = value
        if hasattr(value, "tobytes") and array.shape:
            if array.dtype.hasobject:
                raise StorageError("BEN-STO-005", f"{_where(at)} is an array of objects", where="record")
            data = _bytes(array.tobytes(), keep)
            return {"$array": data, "dtype": array.dtype.str, "shape": list(array.shape)}
        if hasattr(value, "item"):
            return _plain(array.item(), keep, at, depth + 1)
    raise StorageError(
        "BEN-STO-005",
        f"{_where(at)} is a {type(value).__module__}.{type(value).__qualname__}, which cannot be recorded",
        where="record",
        expected="dataclasses, enums, paths, bytes, numbers, text, lists and mappings",
    )


def references(value: Any) -> list[str]:
    """Return the evidence references ("sha256:...") anywhere in plain JSON data, each once, in order."""
    found: dict[str, None] = {}
    queue = [value]
    while queue:
        current = queue.pop(0)
        if isinstance(current, str) and is_reference(current):
            found[current] = None
        elif isinstance(current, dict):
            queue.extend(current.values())
        elif isinstance(current, list):
            queue.extend(current)
    return list(found)


def is_reference(text: str) -> bool:
    """Tell whether `text` is an evidence reference: "sha256:" and 64 lower-case hexadecimal digits."""
    return len(text) == 71 and text.startswith("sha256:") and not set(text[7:]) - set("0123456789abcdef")


def from_json(kind: type[T], data: Any, fetch: Callable[[str], bytes] | None = None) -> T:
    """Return the value of type `kind` (a type or a typing form) that `to_json` wrote as `data`.

    `fetch` returns the bytes behind an evidence reference. Raises StorageError BEN-STO-006 where data and type
    do not fit.
    """
    value: T = _Reader(fetch).read(kind, data, "value")
    return value


class _Reader:
    def __init__(self, fetch: Callable[[str], bytes] | None) -> None:
        self._fetch = fetch

    def read(self, kind: Any, data: Any, at: str) -> Any:
        origin = typing.get_origin(kind)
        if isinstance(kind, typing.NewType):
            return self.read(kind.__supertype__, data, at)
        if origin is typing.Annotated:
            return self.read(typing.get_args(kind)[0], data, at)
        if kind is Any or kind is object:
            return self._untyped(data, at)
        if origin in (typing.Union, types.UnionType):
            return self._union(typing.get_args(kind), data, at)
        if origin is typing.Literal:
            return data if data in typing.get_args(kind) else self._misfit(kind, data, at)
        if origin is not None or kind in (list, tuple, dict, set, frozenset):
            return self._container(origin or kind, typing.get_args(kind), data, at)
        return self._single(kind, data, at)

    def _single(self, kind: Any, data: Any, at: str) -> Any:
        if kind is None or kind is type(None):
            return None if data is None else self._misfit(kind, data, at)
        if kind is float:
            return self._float(data, at)
        if kind in (bool, int, str):
            return data if type(data) is kind else self._misfit(kind, data, at)
        if kind is bytes:
            return self._bytes(data, at)
        if isinstance(kind, type) and issubclass(kind, Enum):
            for member in kind:
                if to_json(member) == data:
                    return member
        elif isinstance(kind, type) and issubclass(kind, PurePath) and isinstance(data, str):
            return kind(data)
        elif kind is datetime and isinstance(data, str):
            return datetime.fromisoformat(data)
        elif dataclasses.is_dataclass(kind) and isinstance(data, dict):
            return self._dataclass(kind, data, at)
        elif getattr(kind, "__module__", "").split(".")[0] == "numpy":
            return self._untyped(data, at) if isinstance(data, dict) else kind(data)
        return self._misfit(kind, data, at)

    def _dataclass(self, kind: Any, data: dict[str, Any], at: str) -> Any:
        fields = {field.name: field for field in dataclasses.fields(kind)}
        if set(fields) != set(data):
            return self._misfit(kind, sorted(set(fields) ^ set(data)), at)
        hints = hints_of(kind)
        values = {name: self.read(hints[name], data[name], f"{at}.{name}") for name in fields}
        made = kind(**{name: value for name, value in values.items() if fields[name].init})
        for name, value in values.items():
            if not fields[name].init:
                object.__setattr__(made, name, value)
        return made

    def _container(self, origin: Any, args: tuple[Any, ...], data: Any, at: str) -> Any:
        if isinstance(origin, type) and issubclass(origin, Mapping):
            key, each = args or (Any, Any)
            return {self.read(key, k, at): self.read(each, v, f"{at}.{k}") for k, v in self._pairs(data, at)}
        if getattr(origin, "__module__", "").split(".")[0] == "numpy":
            return self._untyped(data, at)
        if not isinstance(data, list):
            return self._misfit(origin, data, at)
        if origin is tuple and args and args[-1] is not Ellipsis:
            if len(args) != len(data):
                return self._misfit(origin, data, at)
            return tuple(self.read(one, item, f"{at}[]") for one, item in zip(args, data, strict=True))
        items = [self.read(args[0] if args else Any, item, f"{at}[{index}]") for index, item in enumerate(data)]
        if origin in (set, frozenset, tuple):
            return origin(items)
        return tuple(items) if origin.__name__ == "Sequence" else items

    def _pairs(self, data: Any, at: str) -> list[tuple[Any, Any]]:
        if not isinstance(data, dict):
            self._misfit(dict, data, at)
        if set(data) == {"$items"}:
            return [(key, value) for key, value in data["$items"]]
        return list(data.items())

    def _union(self, kinds: tuple[Any, ...], data: Any, at: str) -> Any:
        for kind in kinds:
            try:
                return self.read(kind, data, at)
            except StorageError as error:
                if error.code != "BEN-STO-006":
                    raise
        return self._misfit(kinds, data, at)

    def _float(self, data: Any, at: str) -> float:
        if isinstance(data, dict) and set(data) == {"$float"}:
            return float(data["$float"])
        if isinstance(data, int | float) and not isinstance(data, bool):
            return float(data)
        return float(self._misfit(float, data, at))

    def _bytes(self, data: Any, at: str) -> bytes:
        if isinstance(data, dict) and set(data) == {"$bytes"}:
            return base64.b64decode(data["$bytes"], validate=True)
        if isinstance(data, dict) and set(data) == {"$evidence"} and self._fetch is not None:
            return self._fetch(data["$evidence"])
        return bytes(self._misfit(bytes, data, at))

    def _untyped(self, data: Any, at: str) -> Any:
        if isinstance(data, list):
            return [self._untyped(each, at) for each in data]
        if not isinstance(data, dict):
            return data
        if set(data) == {"$array", "dtype", "shape"}:
            import numpy as np

            flat = np.frombuffer(self._bytes(data["$array"], at), dtype=np.dtype(data["dtype"]))
            return flat.reshape(data["shape"]).copy()
        if set(data) == {"$float"}:
            return self._float(data, at)
        if set(data) <= {"$bytes", "$evidence"} and len(data) == 1:
            return self._bytes(data, at)
        return {self._untyped(key, at): self._untyped(value, at) for key, value in self._pairs(data, at)}

    def _misfit(self, kind: Any, data: Any, at: str) -> Any:
        name = getattr(kind, "__qualname__", str(kind))
        shown = ascii(data)
        raise StorageError(
            "BEN-STO-006", f"recorded {at} does not fit {name}: {shown[:120]}", where="record", expected=name
        )
