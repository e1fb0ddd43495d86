"""The alarm when a bench is not proven safe: said on standard error, and by the command that the bench file names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from pytest_conformance.bench.safe_state import Outcome

PATIENCE = 5.0
"""Wall seconds that the laboratory's alarm command may take."""


def unsafe(outcomes: Sequence[Outcome]) -> str:
    """Return what is not proven off, as one line; "" when all is."""
    left = [f"{each.name}: {each.reason}" for each in outcomes if not each.done]
    return f"BEN-SAF-010: not proven safe: {'; '.join(left)}" if left else ""


def sound(command: Sequence[str], text: str) -> None:
    """Ring: run `command` with `text` as its last argument, and say it on standard error; never raises."""
    with suppress(OSError, ValueError):
        print(f"\aALARM {text}", file=sys.stderr, flush=True)
    if command:
        with suppress(OSError, ValueError, subprocess.TimeoutExpired):
            subprocess.run([*command, text], stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)
