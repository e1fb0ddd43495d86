"""`--signing-key` of the commands that add to a record after its run: what they add is signed with it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_conformance.errors import UsageError

if TYPE_CHECKING:
    from pytest_conformance.record.keys import SigningKey


def add_signing(parser: ArgumentParser) -> None:
    """Give the parser `--signing-key`."""
    parser.add_argument("--signing-key", metavar="FILE", help="sign what is added to the record with this key")


def signing_key(arguments: Namespace, bench: str = "") -> SigningKey | None:
    """Return the key that was named, None where none was.

    Raises UsageError USE-KEY-002 or USE-KEY-003 for an unusable key, USE-KEY-005 for one that may not sign today or,
    where a bench is named, for this bench.
    """
    if not arguments.signing_key:
        return None
    from pytest_conformance.record.keys import load_signing_key

    key = load_signing_key(Path(arguments.signing_key))
    benches = key.public.benches
    refusal = key.public.refusal(bench or (benches[0] if benches else ""), datetime.now(UTC))
    if refusal:
        raise UsageError(
            "USE-KEY-005",
            f"it may not sign: {refusal}",
            where=str(arguments.signing_key),
            todo="name a key that is valid",
        )
    return key
