"""Observations survive the way into JSON and back."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_conformance.errors import StorageError
from pytest_conformance.record import from_json, to_json
from pytest_conformance.record.plain import fields_to_json, references


class Door(Enum):
    NAMESPACE = "namespace"
    RELAY = "relay"


@dataclass(frozen=True)
class Flow:
    host: str
    at: float
    body: bytes = b""


@dataclass(frozen=True)
class Seen:
    flows: tuple[Flow, ...]
    door: Door
    file: Path
    when: datetime
    kind: Literal["wifi", "ble"]
    counts: Mapping[str, int]
    hosts: frozenset[str]
    pair: tuple[int, str]
    best: Flow | None = None
    reading: float | int | None = None
    raw: dict[str, Any] = field(default_factory=dict)


SEEN = Seen(
    flows=(Flow("cloud", 1.5, b"\x00\xff"), Flow("\ud800<script>", math.nan)),
    door=Door.RELAY,
    file=Path("/tmp/a"),
    when=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    kind="ble",
    counts={"a": 1},
    hosts=frozenset({"x", "y"}),
    pair=(1, "b"),
    best=Flow("z", 0.0),
    reading=np.float64(2.5),
    raw={"$bytes": "not bytes but what a device said", "list": [1, None, True]},
)


def _strict(value: object) -> Any:
    return json.loads(json.dumps(to_json(value), allow_nan=False))


def test_an_observation_comes_back_equal() -> None:
    back = from_json(Seen, _strict(SEEN))

    assert repr(back.flows[1]) == repr(SEEN.flows[1])  # NaN is not equal to itself
    assert back.flows[0] == SEEN.flows[0]
    for name in ("door", "file", "when", "kind", "counts", "hosts", "pair", "best", "reading", "raw"):
        assert getattr(back, name) == getattr(SEEN, name), name


@pytest.mark.parametrize(
    "said",
    [
        {"$bytes": "QUFB"},
        {"$float": "inf"},
        {"$evidence": "sha256:" + "0" * 64},
        {"$array": {"$bytes": "AAAA"}, "dtype": "O", "shape": [1]},
        {"$items": [["a", 1]]},
    ],
)
def test_a_device_cannot_forge_a_tag(said: dict[str, Any]) -> None:
    assert from_json(dict[str, Any], _strict(said)) == said
    assert from_json(Any, _strict(said)) == said  # type: ignore[arg-type]


def test_arrays_and_numpy_scalars_are_kept() -> None:
    picture = np.arange(12, dtype=np.uint16).reshape(3, 4)

    back = from_json(np.ndarray, _strict(picture))

    assert back.dtype == picture.dtype
    assert (back == picture).all()
    assert to_json(np.int8(-3)) == -3
    assert to_json(np.bool_(True)) is True


def test_long_bytes_go_to_the_evidence_store() -> None:
    store: dict[str, bytes] = {}

    def keep(content: bytes) -> str:
        ref = "sha256:" + f"{len(store):064x}"
        store[ref] = content
        return ref

    data = to_json(Flow("h", 0.0, b"x" * 5000), keep)

    assert references(data) == list(store)
    assert from_json(Flow, data, store.__getitem__) == Flow("h", 0.0, b"x" * 5000)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (int, "1"),
        (int, True),
        (float, "1"),
        (Door, "pigeon"),
        (Flow, {"host": "a"}),
        (Flow, {"host": "a", "at": 1, "body": {"$bytes": ""}, "more": 1}),
        (tuple[int, str], [1]),
        (Literal["a"], "b"),
        (int | None, "x"),
        (list[int], {"0": 1}),
        (dict[str, int], [1]),
    ],
)
def test_data_of_another_shape_is_refused(kind: Any, data: object) -> None:
    with pytest.raises(StorageError) as caught:
        from_json(kind, data)
    assert caught.value.code == "BEN-STO-006"


def test_what_cannot_be_recorded_says_where_it_is() -> None:
    with pytest.raises(StorageError, match=r"value\.raw\.socket is a builtins\.object") as caught:
        to_json({"raw": {"socket": object()}})
    assert caught.value.code == "BEN-STO-005"


def test_bottomless_nesting_is_refused() -> None:
    nest: list[Any] = []
    for _ in range(5000):
        nest = [nest]

    with pytest.raises(StorageError) as caught:
        to_json(nest)
    assert caught.value.code == "BEN-STO-005"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
                    max_leaves=8))  # fmt: skip
def test_anything_plain_comes_back(value: object) -> None:
    assert repr(from_json(Any, _strict(value))) == repr(value)  # type: ignore[arg-type]


class Loud(str):
    def __str__(self) -> str:
        return self.upper()


class Count(int):
    pass


class Share(float):
    pass


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 2**60


def _by_the_book(value: Any) -> Any:
    """Say again, without any short cut, what `to_json` promises."""
    if isinstance(value, Enum):
        return _by_the_book(value.value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, list | tuple):
        return [_by_the_book(each) for each in value]
    assert isinstance(value, dict)
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: _by_the_book(each) for key, each in value.items()}
    return {"$items": [[_by_the_book(key), _by_the_book(each)] for key, each in value.items()]}


_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**53 - 2, 2**70)
    | st.floats()
    | st.sampled_from([0.0, -0.0, 5e-324, 1e308, math.inf, -math.inf, math.nan, Share(0.5), Share("nan"), Share("inf")])
    | st.text()
    | st.text(st.characters(categories=("Cs",)))
    | st.sampled_from([Loud("ab"), Loud("$a"), Count(7), Count(2**60), Colour.RED, Level.HIGH, Door.RELAY])
    | st.binary(max_size=8)
)
_KEYS = st.sampled_from(["a", "b", "", "$a", "a$", Loud("c"), Colour.RED, 1, True, None, 0.5, (1, "x"), b"k"])


def _typed(value: Any) -> Any:
    if isinstance(value, dict):
        return ["dict", [[_typed(key), _typed(each)] for key, each in value.items()]]
    if isinstance(value, list):
        return ["list", [_typed(each) for each in value]]
    return [type(value), repr(value)]


@given(st.dictionaries(st.text(max_size=3), st.recursive(_LEAVES, lambda inner:
       st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(_KEYS, inner, max_size=3),
       max_leaves=8)))  # fmt: skip
def test_the_short_cuts_change_nothing(fields: dict[str, Any]) -> None:
    expected = {name: _by_the_book(value) for name, value in fields.items()}

    assert _typed(fields_to_json(fields)) == _typed(expected)
    assert _typed({name: to_json(value) for name, value in fields.items()}) == _typed(expected)


def test_what_was_recorded_does_not_change_with_the_lists_it_came_from() -> None:
    names, deep = ["a"], {"b": ["c"]}

    recorded = fields_to_json({"names": names, "deep": deep})
    names.append("z")
    deep["b"].append("z")

    assert recorded == {"names": ["a"], "deep": {"b": ["c"]}}
