"""`conformance schema`: every schema is one, and judges what it is for."""

from __future__ import annotations

import json
from collections.abc import Callable

import jsonschema
import pytest

from pytest_conformance.bench.schemas import schemas
from pytest_conformance.cli import main
from pytest_conformance.commands.schema import KINDS
from pytest_conformance.record import Run
from pytest_conformance.resources import shipped


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main(["schema", *arguments]) == 0
    said: dict[str, object] = json.loads(capsys.readouterr().out)
    return said


@pytest.mark.parametrize("name", KINDS)
def test_each_schema_is_valid(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    jsonschema.Draft202012Validator.check_schema(printed(capsys, name))


def test_every_file_that_people_write_has_one() -> None:
    assert set(schemas()) <= set(KINDS)


def test_the_short_name_will_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "bench") == printed(capsys, "conformance-bench/1")


def test_without_a_name_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    said = capsys.readouterr().out
    assert all(f"{name} " in said for name in KINDS)


def test_all_of_them_come_as_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(printed(capsys, "--json")) == list(KINDS)


def test_an_unknown_name_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "declaratoin"]) == 11
    assert "did you mean 'declaration'?" in capsys.readouterr().err


def test_the_journal_of_a_run_fits_its_schema_and_a_spoilt_line_does_not(
    make_run: Callable[[], Run], capsys: pytest.CaptureFixture[str]
) -> None:
    judge = jsonschema.Draft202012Validator(printed(capsys, "journal"))
    lines = [json.loads(line) for line in (make_run().folder / "journal.jsonl").read_text().splitlines()]
    assert len(lines) > 4
    for line in lines:
        judge.validate(line)
    assert not judge.is_valid({**lines[-1], "type": "unheard-of"})
    assert not judge.is_valid({**lines[-1], "data": {}})


def test_the_shipped_bench_fits_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    from pytest_conformance.yamlfile import read

    data = json.loads(json.dumps(read(shipped("benches") / "mock.yaml").data, default=str))
    jsonschema.validate(data, printed(capsys, "bench"))
