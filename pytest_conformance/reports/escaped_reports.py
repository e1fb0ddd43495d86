"""Text of devices in pytest's own test reports: escaped before any terminal, worker channel or view takes it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from pytest_conformance.reports.wording import visible

TEXT_CAP = 100_000
"""Characters of one captured section or one text of an explanation."""
_DEPTH = 12


class EscapedReports:
    """A pytest plugin: escapes explanations and captured output of each report.

    Without it a lone surrogate in an assertion kills a parallel worker, and captured control sequences act on the
    terminal.
    """

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        report.sections = [(visible(name, 200), _shown(text)) for name, text in report.sections]
        report.longrepr = _escaped(report.longrepr, _DEPTH)
        return report


def _shown(text: str) -> str:
    return visible(text, TEXT_CAP, lines=True)


def _escaped(value: Any, depth: int) -> Any:
    """Return `value` with all its texts escaped; pytest's representation objects are changed in place."""
    if isinstance(value, str):
        return _shown(value)
    if depth <= 0 or value is None:
        return value
    if isinstance(value, list):
        return [_escaped(each, depth - 1) for each in value]
    if type(value) is tuple:
        return tuple(_escaped(each, depth - 1) for each in value)
    if type(value).__module__.startswith("_pytest."):
        for name, each in list(vars(value).items()):
            object.__setattr__(value, name, _escaped(each, depth - 1))
    return value
