"""Which tests judge which clause, found by pytest's own collection in a process of its own, without any bench."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pytest_conformance.errors import UsageError

PATIENCE = 120.0
"""Wall seconds that the collection may take."""
_COLLECTED = (0, 5)
"""pytest's exit codes for a collection that worked; 5: there was nothing."""
_OFF = ("bench", "replay", "resume")


def tests_by_clause(kinds: Iterable[str]) -> dict[str, list[str]]:
    """Return the node ids of the tests that judge each clause, from the suites for `kinds` of devices.

    Suites that a laboratory adds by the hook `pytest_conformance_suites` are among them. Raises UsageError
    USE-SUI-001 when a suite cannot be collected, with pytest's own words.
    """
    with tempfile.TemporaryDirectory(prefix="conformance-listing-") as folder:
        target = Path(folder) / "listing.json"
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", f"{__package__}.clause_listing"]
        command += ["-p", "no:cacheprovider", f"--listing-kinds={','.join(kinds)}", f"--listing-file={target}"]
        for name in _OFF:  # what the project's own configuration asks for must not start a bench
            command += [f"--{name}=", "-o", f"conformance_{name}="]
        environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=PATIENCE, env=environment, stdin=subprocess.DEVNULL, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise _failed(f"pytest did not end within {PATIENCE:g} s") from error
        said = json.loads(target.read_text("utf-8")) if target.is_file() else None
    if said is None or done.returncode not in _COLLECTED:
        words = (done.stdout + done.stderr).decode("utf-8", "replace")
        raise _failed("\n".join(line for line in words.splitlines() if line.strip())[-1500:])
    tests: dict[str, list[str]] = said["tests"]
    return tests


def _failed(why: str) -> UsageError:
    return UsageError(
        "USE-SUI-001",
        f"the suites cannot be collected: {why}",
        expected="suites that import without hardware and without a bench",
        todo="mend the suite that is named",
    )
