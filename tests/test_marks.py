"""The `@clause` mark takes ids, and nothing else."""

import pytest

from pytest_conformance.marks import clause


def test_the_mark_carries_its_ids_in_order() -> None:
    mark = clause("CN-FRT-8.b", "CN-FRT-8.a").mark
    assert (mark.name, mark.args) == ("clause", ("CN-FRT-8.b", "CN-FRT-8.a"))


def test_a_mark_without_ids_is_a_slip() -> None:
    with pytest.raises(TypeError, match="name the clauses"):
        clause()


def test_a_mark_without_brackets_is_a_slip() -> None:
    with pytest.raises(TypeError, match="name the clauses"):

        @clause  # type: ignore[arg-type]
        def test() -> None: ...


def test_a_number_is_no_id() -> None:
    with pytest.raises(TypeError):
        clause(8)  # type: ignore[arg-type]
