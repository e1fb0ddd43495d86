from __future__ import annotations

from pathlib import Path

import pytest

from pytest_conformance.catalogue import load_catalogue, load_features
from pytest_conformance.declaration import check, find_declaration, load_declaration
from pytest_conformance.errors import UsageError
from pytest_conformance.yamlfile import FileError

SHIPPED = ("mock-lock", "mock-camera", "mock-watch")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_declarations_have_no_findings_at_all(name: str, tmp_path: Path) -> None:
    declaration = load_declaration(find_declaration(name, tmp_path))
    assert [str(finding) for finding in check(declaration, load_catalogue())] == []
    assert set(declaration.features) == set(load_features())


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_declarations_speak_of_invented_hosts_only(name: str, tmp_path: Path) -> None:
    declaration = load_declaration(find_declaration(name, tmp_path))
    assert {endpoint.host.rpartition(".")[2] for endpoint in declaration.endpoints} == {"example"}
    assert all(sample.mac and sample.mac.startswith("02:") for sample in declaration.samples)


@pytest.mark.parametrize(
    ("name", "clauses"),
    [
        ("mock-lock", "CN-FRT-5.a CN-FRT-7.a CN-FRT-8.b CN-LOCK-GA-LOCK CN-LOCK-GB-B EN303645-5.1-4 EN303645-5.11-1"),
        ("mock-camera", "CN-PIC25-3.f CN-STD-38632-auth CN-STD-38632-ind EN303645-5.1-2 EN303645-5.6-1"),
        ("mock-watch", "CN-PIC25-3.b CN-PIC25-3.c CN-MNR-19.a CN-CPI-18 EN303645-5.1-3 EN303645-5.5-1"),
    ],
)
def test_the_clauses_that_the_devices_are_made_for_apply_to_them(name: str, clauses: str, tmp_path: Path) -> None:
    catalogue, declaration = load_catalogue(), load_declaration(find_declaration(name, tmp_path))
    for clause in clauses.split():
        assert catalogue.applicability(clause, declaration.features, declaration.ics).counts, clause


def test_the_watch_knows_no_faces(tmp_path: Path) -> None:
    catalogue, declaration = load_catalogue(), load_declaration(find_declaration("mock-watch", tmp_path))
    assert not catalogue.applicability("CN-FRT-7.a", declaration.features, declaration.ics).applies


def test_a_declaration_beside_the_user_comes_first(tmp_path: Path, small_text: str) -> None:
    own = tmp_path / "fixtures" / "devices" / "mock-lock.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(small_text)
    assert load_declaration(find_declaration("mock-lock", tmp_path)).model == "Small Camera"


def test_an_unknown_declaration_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"USE-DUT-001: .*did you mean 'mock-lock'\?"):
        find_declaration("mock-lok", tmp_path)


def test_loading_refuses_what_contradicts_itself(tmp_path: Path, small_text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(small_text.replace("after: recording", "after: recordng"))
    with pytest.raises(FileError) as caught:
        load_declaration(path)
    assert caught.value.code == "USE-DEC-004"
    assert caught.value.problems[0].meant == "recording"
