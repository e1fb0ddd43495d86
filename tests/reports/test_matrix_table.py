"""The matrix on the terminal: compact, per clause, narrow and wide."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pytest_conformance.catalogue import Matrix, load_catalogue, matrix
from pytest_conformance.errors import UsageError
from pytest_conformance.reports.matrix_table import print_matrix

TESTS = {"CN-FRT-8.a": ["suites/locks/test_cn_frt.py::test_faces_stay[inside]"]}


@pytest.fixture
def lock() -> Matrix:
    return matrix(load_catalogue(), {"product": "lock", "collects_face": True, "cloud_face_consent": True}, TESTS)


def printed(found: Matrix, width: int = 100, **options: object) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_matrix(found, console, **options)  # type: ignore[arg-type]
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def line(text: str, start: str) -> str:
    return next(each for each in text.splitlines() if each.strip().startswith(start))


def test_the_compact_view_has_a_line_of_counts_per_document_and_their_sum(lock: Matrix) -> None:
    text = printed(lock)
    counts = lock.counts("CN-FRT")
    cells = line(text, "CN-FRT").split()
    assert cells[1:4] == ["52", str(counts.applicable), str(counts.not_applicable)]
    assert line(text, "all ").split()[1] == "637"
    assert "CN-FRT-8.b" not in text


def test_no_line_is_wider_than_the_terminal_and_no_header_is_cut(lock: Matrix) -> None:
    text = printed(lock, width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text


def test_a_document_is_shown_clause_by_clause_with_why_and_by_what(lock: Matrix) -> None:
    text = printed(lock, document="CN-FRT")
    assert "no" in line(text, "CN-FRT-8.b").split()
    assert "cloud_face_consent is true" in " ".join(text.split())
    assert "no test" in line(text, "CN-FRT-8.c")
    assert "test_faces_stay[inside]" in text.replace("\n", "").replace(" ", "")
    assert "CN-PIPL-29" not in text


def test_a_wide_terminal_shows_the_wording(lock: Matrix) -> None:
    assert "stored inside" not in " ".join(printed(lock, document="CN-FRT").split())
    wide = printed(lock, width=200, document="CN-FRT")
    assert "Absent legal exception" in wide
    assert line(wide, "clause ").split()[:3] == ["clause", "wording", "applies"]


def test_all_clauses_are_shown_when_asked(lock: Matrix) -> None:
    text = printed(lock, clauses=True)
    assert "CN-PIPL-29" in text
    assert "EN303645-5.5-1" in text


def test_without_a_device_no_column_speaks_of_applicability(lock: Matrix) -> None:
    text = printed(matrix(load_catalogue(), None, TESTS))
    assert "applies" not in text


def test_an_unknown_document_is_refused(lock: Matrix) -> None:
    with pytest.raises(UsageError) as caught:
        printed(lock, document="CN-FTR")
    assert caught.value.code == "USE-CAT-010"
