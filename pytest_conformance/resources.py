"""Where the shipped suites, benches and fixtures lie: inside the wheel, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """Return the folder `name` ("suites", "benches" or "fixtures") of this installation.

    Raises FileNotFoundError when neither the wheel's copy nor the checkout's is there.
    """
    for folder in (_PACKAGE / "shipped" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"pytest-conformance was installed without its {name!r} folder")
