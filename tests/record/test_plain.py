"""Observations survive the way into JSON and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_conformance.errors import StorageError
from pytest_conformance.record import from_json, to_json
from pytest_conformance.record.plain import references


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
