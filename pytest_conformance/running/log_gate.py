"""A storm of log records must not fill the memory of a run: the first of each test are kept, the others counted."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from pytest_conformance.record import Run

KEPT = 1000
"""Log records of one test that pytest captures."""


class LogGate(logging.Filter):
    """Passes the first `KEPT` records since the last `settle`; of the others it counts how many each logger made."""

    def __init__(self) -> None:
        super().__init__()
        self._passed = 0
        self._last: logging.LogRecord | None = None
        self._left_out: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        if record is self._last:  # another handler asks about the same one
            return self._passed <= KEPT
        self._last = record
        self._passed += 1
        if self._passed <= KEPT:
            return True
        self._left_out[record.name] += 1
        return False

    def guard(self, config: pytest.Config) -> None:
        """Stand before whatever keeps log records for pytest's reports."""
        capturing = config.pluginmanager.get_plugin("logging-plugin")
        for name in ("caplog_handler", "report_handler"):
            handler = getattr(capturing, name, None)
            if isinstance(handler, logging.Handler):
                handler.addFilter(self)

    def settle(self, run: Run) -> None:
        """Journal how many records were left out, and begin anew."""
        for name, count in self._left_out.most_common(20):
            run.event("note", {"text": f"{count} more log records of {name!r} were left out (test {run.test})"})
        self._passed, self._last = 0, None
        self._left_out.clear()
