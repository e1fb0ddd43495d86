"""The coverage matrix as tables for the terminal. The data comes from `catalogue.matrix`; nothing is judged here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pytest_conformance.catalogue import DocumentCounts, Matrix, MatrixRow, State
from pytest_conformance.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

WIDE = 140
"""Columns of a terminal from which clause tables also show wording and tests side by side."""

_STATES = {
    State.APPLICABLE: ("yes", "bold"),
    State.NOT_APPLICABLE: ("no", "dim"),
    State.UNKNOWN: ("?", "yellow"),
    State.PROSE: ("prose", "yellow"),
    State.INFORMATIVE: ("info", "dim"),
}
_HOLES = {
    "no-test": "no test",
    "part-only": "no test; a part follows from {sources}",
    "source-untested": "no test, nor for all of {sources}",
}


def print_matrix(matrix: Matrix, console: Console, *, document: str = "", clauses: bool = False) -> None:
    """Print `matrix`: a row of counts per document; a row per clause with `clauses` or for one `document`.

    Raises UsageError USE-CAT-010 when the matrix does not hold `document`.
    """
    if document and document not in matrix.rows:
        raise UsageError(
            "USE-CAT-010",
            f"the matrix has no document {document!r}",
            expected=", ".join(matrix.rows),
            where="--document",
        )
    if document or clauses:
        for each in [document] if document else matrix.rows:
            console.print(clause_table(matrix, each, console.width))
    if not document:
        console.print(document_table(matrix))
    console.print(_legend(matrix, document))


def document_table(matrix: Matrix) -> Table:
    """Return the compact view: a row of counts per document, and their sum."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, title=_title(matrix), title_justify="left", show_footer=True, padding=(0, 0))
    total = matrix.counts()
    table.add_column("document", footer="all", no_wrap=True)
    for name, footer in _columns(matrix, total).items():
        table.add_column(name, footer=footer, justify="right")
    for document in matrix.rows:
        cells = _columns(matrix, matrix.counts(document))
        styled = [Text(cell, style=_cell_style(name, cell)) for name, cell in cells.items()]
        table.add_row(Text(document), *styled)
    return table


def clause_table(matrix: Matrix, document: str, width: int) -> Table:
    """Return a row per clause of `document`; from `WIDE` columns on with its wording."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    title = f"{document}  {matrix.titles[document][0]} {matrix.titles[document][1]}"
    table = Table(box=SIMPLE_HEAD, title=Text(title), title_justify="left", padding=(0, 0))
    table.add_column("clause", no_wrap=True)
    if width >= WIDE:
        table.add_column("wording", max_width=48)
    if matrix.product:
        table.add_column("applies")
        table.add_column("because", max_width=44, overflow="fold")
    table.add_column("judged")
    table.add_column("text")
    table.add_column("by", overflow="fold")
    for row in matrix.rows[document]:
        table.add_row(*_cells(row, wide=width >= WIDE, applies=bool(matrix.product)))
    return table


def _cells(row: MatrixRow, *, wide: bool, applies: bool) -> Iterable[Text]:
    from rich.text import Text

    word, style = _STATES[row.state] if row.state else ("", "")
    yield Text(row.clause.id, style="dim" if style == "dim" else "")
    if wide:
        yield Text(row.clause.text_en)
    if applies:
        yield Text(word, style=style)
        yield Text(row.why, style="dim" if style == "dim" else "")
    yield Text(row.clause.testable.value)
    status = row.clause.text_status
    yield Text(status.value, style="yellow" if status.unconfirmed else "")
    yield _judges(row)


def _judges(row: MatrixRow) -> Text:
    from rich.text import Text

    if row.hole:
        return Text(_HOLES[row.hole].format(sources=", ".join(row.clause.derived_from)), style="red")
    if row.tests:
        return Text("\n".join(row.tests), style="green")
    if row.derived and row.clause.exact and row.state not in (State.NOT_APPLICABLE, State.INFORMATIVE):
        return Text(f"follows from {', '.join(row.clause.derived_from)}", style="green")
    return Text("")


def _columns(matrix: Matrix, counts: DocumentCounts) -> dict[str, str]:
    applicable = {"applies": counts.applicable, "no": counts.not_applicable, "open": counts.undecided}
    figures = {
        "clauses": counts.clauses,
        **(applicable if matrix.product else {}),
        "info": counts.informative,
        "tested": counts.tested,
        "derived": counts.derived,
        "holes": counts.holes,
        "text unsure": counts.unconfirmed,
    }
    return {name: str(figure) if figure else "-" for name, figure in figures.items()}


def _cell_style(name: str, cell: str) -> str:
    if cell == "-":
        return "dim"
    return {"holes": "red", "tested": "green", "open": "yellow", "text unsure": "yellow"}.get(name, "")


def _title(matrix: Matrix) -> Text:
    from rich.text import Text

    return Text(f"coverage of the catalogue for a {matrix.product}" if matrix.product else "coverage of the catalogue")


def _legend(matrix: Matrix, document: str) -> Text:
    from rich.text import Text

    counts = matrix.counts(document or None)
    applies = f"{counts.applicable} of {counts.clauses} clauses apply; " if matrix.product else ""
    return Text(
        f"{applies}{counts.tested} have a test, {counts.derived} follow from others, {counts.holes} are holes. "
        "Open: the declaration does not decide. "
        "Text unsure: wording only remembered or doubtful; a verdict on it carries that mark.",
        style="dim",
    )
