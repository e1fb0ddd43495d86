from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_conformance.analysis.traffic.model import Accounting, TlsInfo
from pytest_conformance.analysis.traffic.slots import FINISHED, TOTAL, excesses, slot_volumes


def flow(host: str, samples: list[tuple[float, int]], tls: TlsInfo | None = None, opaque: int = 0) -> Any:
    total = sum(size for _, size in samples)
    up = Accounting(total=total, opaque=opaque, understood=total - opaque)
    return SimpleNamespace(endpoint=SimpleNamespace(host=host), samples=samples, tls=tls, up=up)


def volumes(*flows: Any) -> dict[str, list[float]]:
    inspection: Any = SimpleNamespace(upstream=lambda scope: flows)
    return slot_volumes(inspection, [(0.0, 10.0), (20.0, 30.0)])


def test_bytes_fall_into_the_slot_of_their_time_and_gaps_are_left_out() -> None:
    made = volumes(flow("a", [(1.0, 100), (10.0, 7), (29.9, 50)]), flow("b", [(25.0, 5)]))
    assert made == {TOTAL: [100.0, 55.0], "a": [100.0, 50.0], "b": [0.0, 5.0]}


def test_a_handshake_that_was_not_decrypted_is_what_is_not_opaque() -> None:
    made = volumes(flow("a", [(1.0, 517), (1.1, 80 + 300), (1.2, 200)], TlsInfo(), opaque=500))
    assert made["a"] == [500.0, 0.0]


def test_of_a_decrypted_connection_hello_and_finished_are_left_out() -> None:
    made = volumes(flow("a", [(1.2, 300), (1.0, 517), (1.1, FINISHED)], TlsInfo(decrypted=True)))
    assert made["a"] == [300.0, 0.0]


def test_p_values_are_adjusted_over_all_destinations() -> None:
    rows = [[9.0 if n == 3 else float(n) for n in range(5)] for _ in range(4)]
    slots = tuple(size for row in rows for size in row)
    made = {each.host: each for each in excesses({TOTAL: slots, "a": slots, "quiet": (0.0,) * 20}, (3,) * 4)}
    assert made["a"].p == pytest.approx(5.0**-4)
    assert made["a"].p_adjusted == pytest.approx(3 * 5.0**-4)
    assert made["quiet"].p == 1.0
    assert made["a"].lower == 5.0
