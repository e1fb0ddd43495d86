"""When which consent was in force while traffic was watched, by the device's own log; for the timeline."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_conformance.devices.roles import Logged

Spans = tuple[tuple[str, int, int], ...]


def consent_spans(log: Iterable[Logged], began: int, ended: int) -> Spans:
    """Return (scope, from, to) in bench ns for each stretch of a consent within `began` to `ended`, by beginning.

    Reads the log's `consent` events (`scope`, `given`) from the start of the run; erasing all ends every consent.
    """
    since: dict[str, int] = {}
    spans: list[tuple[str, int, int]] = []

    def end(scope: str, at: int) -> None:
        begin = since.pop(scope, None)
        if begin is not None and at > began and begin < ended:
            spans.append((scope, max(begin, began), min(at, ended)))

    for each in log:
        if each.name == "consent":
            scope = str(each.data.get("scope", ""))
            if each.data.get("given") is True:
                since.setdefault(scope, each.at)
            else:
                end(scope, each.at)
        elif each.name == "erased" and each.data.get("what") == "all":
            for scope in list(since):
                end(scope, each.at)
    for scope in list(since):
        end(scope, ended)
    return tuple(sorted(spans, key=lambda span: (span[1], span[0])))
