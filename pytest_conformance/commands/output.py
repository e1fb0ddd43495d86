"""How commands print: JSON for programs, rich tables for people, nothing from a device unescaped."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from pytest_conformance.reports.wording import one_line, visible

if TYPE_CHECKING:
    import argparse

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

__all__ = ["add_json", "cell", "console", "one_line", "print_json", "progress", "table", "visible"]


def add_json(parser: argparse.ArgumentParser) -> None:
    """Give a command the option that every one has which prints for people."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs instead")


def print_json(data: Any) -> None:
    """Print `data` as strict ASCII JSON; bytes of a device can do no harm in it."""
    print(json.dumps(data, ensure_ascii=True, allow_nan=False, indent=1))


def console() -> Console:
    """Return what prints tables: as wide as the terminal, 100 columns where there is none, colour where it helps."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 100, highlight=False, markup=False, emoji=False)


def table(*columns: str, title: str = "") -> Table:
    """Return an empty table in the one look that all commands have."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, title=Text(title, style="bold") if title else None, title_justify="left")
    made.pad_edge = False
    for number, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=number == 0)
    return made


def cell(text: object, style: str = "") -> Text:
    """Return text for a table: escaped, on one line, never read as markup."""
    from rich.text import Text

    return Text(one_line(text), style=style)


def progress(text: str) -> None:
    """Say on standard error what goes on; standard output is for the result."""
    print(visible(text), file=sys.stderr, flush=True)
