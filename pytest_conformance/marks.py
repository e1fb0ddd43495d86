"""The `@clause` mark: which clauses of the catalogue a test judges."""

from __future__ import annotations

import pytest


def clause(*ids: str, limit: str = "") -> pytest.MarkDecorator:
    """Mark a test with the ids of the clauses that it judges, for example `@clause("CN-FRT-8.b")`.

    `limit` names the limit without which they cannot be judged, as the profile (`limits:`) or the declaration
    (`timing:`) calls it: while neither gives it, the test is INCONCLUSIVE(method), and an accredited run is refused.
    Raises TypeError when an id is not text, or when there is none: `@clause` without brackets is a slip.
    """
    if not ids or not all(isinstance(each, str) for each in ids):
        raise TypeError('name the clauses that the test judges: @clause("CN-FRT-8.b", ...)')
    return pytest.mark.clause(*ids, limit=limit) if limit else pytest.mark.clause(*ids)
