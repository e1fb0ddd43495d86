"""From what a user names to what is meant: devices, and the folders of runs."""

from __future__ import annotations

from pathlib import Path

from pytest_conformance.errors import UsageError

RUNS = "runs"
"""Folder below the current one that receives records by default."""


def device_name(given: str) -> str:
    """Return a device's name from a name or the path of its declaration."""
    return Path(given).stem if given.endswith((".yaml", ".yml")) else given


def find_run(given: str, below: Path) -> Path:
    """Return the run folder that `given` means: a path, or the beginning of exactly one name in `below`.

    Raises UsageError USE-RUN-001 when there is none, USE-RUN-002 when several begin so.
    """
    path = Path(given).expanduser()
    if (path / "journal.jsonl").is_file():
        return path
    if path.name == "journal.jsonl" and path.is_file():
        return path.parent
    runs = newest_runs(below)
    found = [each for each in runs if given and each.name.startswith(given)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(each.name for each in found[:5])
        raise UsageError(
            "USE-RUN-002", f"{len(found)} runs begin with {given!r}: {names}", todo="give more of the name"
        )
    raise UsageError(
        "USE-RUN-001",
        f"there is no run {given!r}",
        where=str(below),
        expected="a folder with a journal.jsonl",
        todo=f"the newest run there is {runs[0].name}" if runs else "run pytest --bench=... first",
    )


def newest_runs(below: Path, count: int | None = None) -> list[Path]:
    """Return the run folders in `below`, the newest first, at most `count`; their names begin with their time."""
    if not below.is_dir():
        return []
    runs = sorted((each for each in below.iterdir() if (each / "journal.jsonl").is_file()), reverse=True)
    return runs[:count]
