"""What is shipped loads whole and agrees with itself; further folders join it or are refused with a reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from pytest_conformance.catalogue import Catalogue, Obligation, State, Status, load_catalogue, loading
from pytest_conformance.catalogue.expressions import features_of
from pytest_conformance.errors import UsageError

Writer = Callable[..., Path]


def refused(folder: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_catalogue([folder])
    return caught.value


def test_all_documents_and_clauses_load(catalogue: Catalogue) -> None:
    assert len(catalogue.documents) == 40
    assert len(catalogue.clauses) == 637
    assert {clause.document for clause in catalogue.clauses.values()} == set(catalogue.documents)


def test_the_clauses_that_the_suites_must_judge_are_there(catalogue: Catalogue) -> None:
    for clause_id in (
        "CN-FRT-8.b",
        "CN-PIC25-3.g",
        "CN-MIIT2510-V6",
        "CN-STD-38632-auth",
        "EN303645-5.11-1",
        "CN-CPI-18",
    ):
        assert catalogue.clause(clause_id).id == clause_id


def test_every_id_that_a_method_mentions_exists(catalogue: Catalogue) -> None:
    mentioned = re.compile(
        r"\b(?:CN-[A-Z0-9]+-[A-Za-z0-9.-]+|EN303645-[0-9A-Z.-]+|EN18031-[A-Z0-9-]+|CRA-[A-Za-z0-9-]+)"
    )
    for clause in catalogue.clauses.values():
        for name in mentioned.findall(clause.method):
            assert name.rstrip(".-") in catalogue.clauses, f"{clause.id} mentions {name}"


def test_every_feature_of_every_condition_is_in_the_vocabulary(catalogue: Catalogue) -> None:
    asked = {
        name
        for clause in catalogue.clauses.values()
        for expression in (clause.rule, clause.scope)
        if expression is not None
        for name in features_of(expression)
    }
    assert asked <= set(catalogue.features)
    assert len(asked) > 60


def test_every_condition_is_stated_or_marked_as_prose(catalogue: Catalogue) -> None:
    prose = {clause.id for clause in catalogue.clauses.values() if clause.prose}
    assert prose == {"EN18031-GEC-8"}
    assert all((clause.rule is None) == clause.prose for clause in catalogue.clauses.values())


def test_the_letters_of_annex_b_are_answered_by_the_features_of_their_conditions(catalogue: Catalogue) -> None:
    document = catalogue.document("etsi-en-303-645")
    by_letter = {feature.annex_b: feature for feature in catalogue.features.values() if feature.annex_b}
    assert set(by_letter) == set(document.tables["conditions"])
    for clause in catalogue.clauses_of(document.id):
        assert clause.rule is not None
        assert features_of(clause.rule) == {by_letter[letter].name for letter in clause.condition_ref}
        conditional = clause.status in (Status.MC, Status.RC)
        assert bool(clause.condition_ref) == conditional


def test_an_inverted_letter_holds_where_its_feature_is_false(catalogue: Catalogue) -> None:
    product = {"product": "lock"}
    assert catalogue.applicability("EN303645-5.3-2", {**product, "update_mechanism_constraint": False}).counts
    assert not catalogue.applicability("EN303645-5.3-2", {**product, "update_mechanism_constraint": True}).applies


def test_further_tables_of_a_document_are_kept(catalogue: Catalogue) -> None:
    tables = catalogue.document("CN-MIIT2510").tables
    assert len(tables["products"]) == 20
    linked = {clause_id for kind in tables["violation_types"] for clause_id in (kind["clause"], *kind["linked"])}
    assert linked <= set(catalogue.clauses)


def test_part_three_of_en_18031_is_for_equipment_that_transfers_money(catalogue: Catalogue) -> None:
    wearable = {"product": "wearable", "networked": True, "collects_pi": True, "toy_or_childcare": True}
    assert catalogue.applicability("EN18031-AUM-1-3", {**wearable, "payment": False}).state is State.NOT_APPLICABLE
    assert catalogue.applicability("EN18031-AUM-1-3", {**wearable, "payment": True}).state is State.APPLICABLE


def test_chapters_gather_the_clauses_of_an_article(catalogue: Catalogue) -> None:
    assert catalogue.clause("CN-FRT-8.a").chapter == catalogue.clause("CN-FRT-8.b").chapter == "§ 8"
    assert all(clause.chapter for clause in catalogue.clauses.values())


def test_a_further_folder_joins_the_catalogue(folder: Writer) -> None:
    vocabulary = {"features": {"lab_sealed": {"type": "bool", "en": "sealed", "zh": "密封"}}}
    path = folder([{"id": "LAB-1-1", "condition": "lab_sealed == true"}], features=vocabulary)
    joined = load_catalogue([path])
    assert len(joined.clauses) == 638
    assert joined.applicability("LAB-1-1", {"product": "lock", "lab_sealed": True}).counts
    assert "lab_sealed" in joined.features


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"id": "CN-FRT-8.b"}, "USE-CAT-004"),
        ({"condition": "collects_faces == true"}, "USE-CAT-009"),
        ({"condition": "product == door"}, "USE-CAT-009"),
        ({"condition": "product > 3"}, "USE-CAT-009"),
        ({"condition": "when the moon is full"}, "USE-CAT-008"),
        ({"maps_to": ["CN-FRT-99"]}, "USE-CAT-005"),
        ({"method": "As CN-FRT-99."}, "USE-CAT-005"),
        ({"method": "As CN-FRT-8.a and 8.z."}, "USE-CAT-005"),
        ({"method": "As LAB-1-1."}, "USE-CAT-006"),
    ],
)
def test_a_clause_that_does_not_fit_is_refused(folder: Writer, row: dict[str, object], code: str) -> None:
    assert refused(folder([row])).code == code


def test_the_error_names_the_clause_and_what_may_have_been_meant(folder: Writer) -> None:
    error = refused(folder([{"condition": "collects_faces == true"}]))
    assert error.where == "LAB-1-1"
    assert "collects_face" in error.what


def test_verdicts_that_derive_in_a_circle_are_refused(folder: Writer) -> None:
    rows = [{"id": "LAB-1-1", "method": "As LAB-1-2."}, {"id": "LAB-1-2", "method": "As LAB-1-1."}]
    error = refused(folder(rows))
    assert error.code == "USE-CAT-006"
    assert "LAB-1-1 -> LAB-1-2" in error.what or "LAB-1-2 -> LAB-1-1" in error.what


def test_an_overlay_for_a_clause_that_does_not_exist_is_refused(folder: Writer) -> None:
    overlay = {"derivations": {"LAB-9": {"strength": "exact", "sources": ["CN-FRT-8.a"], "why": "x"}}}
    assert refused(folder([{}], derivations=overlay)).code == "USE-CAT-005"


def test_a_feature_that_is_taken_is_refused(folder: Writer) -> None:
    vocabulary = {"features": {"camera": {"type": "bool", "en": "x", "zh": "x"}}}
    assert refused(folder([{}], features=vocabulary)).code == "USE-CAT-004"


def test_a_prose_condition_may_be_marked_as_such(folder: Writer) -> None:
    overlay = {"conditions": [{"condition": "when the moon is full", "prose": True}]}
    joined = load_catalogue([folder([{"condition": "when the moon is full"}], expressions=overlay)])
    assert joined.applicability("LAB-1-1", {"product": "lock"}).state is State.PROSE


def point(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    found = EntryPoint("lab", value, loading.GROUP)
    monkeypatch.setattr(loading, "entry_points", lambda group: [found] if group == loading.GROUP else [])


def test_an_installed_package_brings_its_catalogue(folder: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder([{}])
    monkeypatch.setattr(loading, "lab_folder", lambda: path, raising=False)
    point(monkeypatch, "pytest_conformance.catalogue.loading:lab_folder")
    assert "LAB-1-1" in load_catalogue().clauses


@pytest.mark.parametrize(
    "value", ["no_such_module_at_all:x", "pytest_conformance.errors:nothing", "pathlib:Path.cwd.x"]
)
def test_a_catalogue_package_that_cannot_be_loaded_is_named(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    point(monkeypatch, value)
    with pytest.raises(UsageError) as caught:
        load_catalogue()
    assert caught.value.code == "USE-CAT-007"
    assert value in caught.value.where


def test_informative_rows_oblige_to_nothing(catalogue: Catalogue) -> None:
    rows = [clause for clause in catalogue.clauses.values() if clause.obligation is Obligation.INFO]
    assert len(rows) == 27
    assert {catalogue.applicability(row.id, {"product": "lock"}).state for row in rows} == {State.INFORMATIVE}
