"""A pytest plugin for recomputing: only the tests of the recorded plan are judged again."""

from __future__ import annotations

import pytest

from pytest_conformance.running.selection import test_name
from pytest_conformance.running.session import state_of


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    recorded = state_of(config).request.replay
    if recorded is None:
        return
    planned = {test for row in recorded.plan.values() for test in row.get("tests", ())}
    left_out = [item for item in items if test_name(item) not in planned]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if test_name(item) in planned]
