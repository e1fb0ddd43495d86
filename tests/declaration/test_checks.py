from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_conformance.catalogue import Catalogue, load_catalogue, load_features
from pytest_conformance.declaration import Declaration, check, require_sound
from pytest_conformance.yamlfile import FileError

Changed = Callable[..., Declaration]
ALL_FEATURES = ("features:\n", "features:\n{more}")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def errors(declaration: Declaration, catalogue: Catalogue | None = None) -> list[tuple[str, str]]:
    return [(each.code, str(each)) for each in check(declaration, catalogue) if each.severity == "error"]


def test_the_small_declaration_has_no_errors(declared: Changed, catalogue: Catalogue) -> None:
    assert errors(declared(), catalogue) == []


def test_G04_a_feature_that_the_catalogue_does_not_have_is_an_error_at_its_key(declared: Changed) -> None:
    found = errors(declared(("  microphone: false\n", "  microphon: false\n")))
    assert found == [
        ("USE-DEC-001", "small.yaml:20:3: the catalogue has no feature 'microphon'; did you mean 'microphone'?")
    ]


def test_a_feature_of_another_type_is_an_error(declared: Changed) -> None:
    found = errors(declared(("  microphone: false\n", "  microphone: 1\n")))
    assert [code for code, _ in found] == ["USE-DEC-001"]
    assert found[0][1].startswith("small.yaml:20:15: ")


def test_features_without_an_answer_are_warnings(declared: Changed) -> None:
    silent = [each for each in check(declared()) if each.code == "USE-DEC-002"]
    assert len(silent) == len(set(load_features()) - set(declared().features))
    assert {each.severity for each in silent} == {"warning"}


def test_a_mandatory_provision_that_is_declared_unsupported_is_an_error(
    declared: Changed, catalogue: Catalogue
) -> None:
    old, new = "EN303645-5.1-1: yes", "EN303645-5.5-1: {support: no, reason: too slow}"
    assert errors(declared((old, new)), catalogue) == [
        ("USE-DEC-022", "small.yaml:67:19: mandatory provision EN303645-5.5-1 is declared unsupported")
    ]


def test_a_conditional_provision_whose_condition_holds_is_mandatory_too(
    declared: Changed, catalogue: Catalogue
) -> None:
    more = ("  camera: true\n", "  camera: true\n  password_authentication: true\n")
    found = errors(declared(more, ("EN303645-5.1-1: yes", "EN303645-5.1-1: {support: no, reason: x y}")), catalogue)
    assert [code for code, _ in found] == ["USE-DEC-022"]
    found = errors(
        declared(more, ("EN303645-5.1-1: yes", "EN303645-5.1-1: {support: not_applicable, reason: x y}")), catalogue
    )
    assert [code for code, _ in found] == ["USE-DEC-023"]


def test_support_of_a_provision_whose_condition_does_not_hold_is_an_error(
    declared: Changed, catalogue: Catalogue
) -> None:
    more = ("  preset_passwords: true\n", "  preset_passwords: true\n  telemetry: false\n")
    found = errors(declared(more, ("EN303645-5.1-1: yes", "EN303645-6-5: yes")), catalogue)
    assert [code for code, _ in found] == ["USE-DEC-024"]


def test_a_recommendation_may_be_declared_unsupported(declared: Changed, catalogue: Catalogue) -> None:
    assert declared().statement["EN303645-5.1-2A"].support == "no"
    assert errors(declared(), catalogue) == []


def test_a_provision_that_does_not_exist_is_an_error_with_the_nearest(declared: Changed, catalogue: Catalogue) -> None:
    found = errors(declared(("EN303645-5.1-1: yes", "EN303645-5.1-11: yes")), catalogue)
    assert found[0][0] == "USE-DEC-021"
    assert "did you mean 'EN303645-5.1" in found[0][1]
    assert errors(declared(("EN303645-5.1-1: yes", "CN-FRT-8.b: yes")), catalogue)[0][0] == "USE-DEC-021"


@pytest.mark.parametrize("reason", ["", ", reason: TBD", ", reason: '-'", ", reason: n/a", ", reason: '  '"])
def test_a_missing_reason_is_a_warning_for_it_is_a_verdict_on_the_supplier(
    declared: Changed, catalogue: Catalogue, reason: str
) -> None:
    declaration = declared(("{support: no, reason: not needed here}", f"{{support: no{reason}}}"))
    found = [each for each in check(declaration, catalogue) if each.code == "USE-DEC-020"]
    assert [each.place for each in found] == ["small.yaml:68:20"]
    assert {each.severity for each in found} == {"warning"}


def test_provisions_without_an_answer_are_warnings(declared: Changed, catalogue: Catalogue) -> None:
    silent = [each.message for each in check(declared(), catalogue) if each.code == "USE-DEC-025"]
    assert "provision EN303645-5.5-1 is not answered" in silent
    assert "provision EN303645-5.1-1 is not answered" not in silent


def test_errors_are_raised_together_and_warnings_are_returned(declared: Changed, catalogue: Catalogue) -> None:
    warnings = require_sound(declared(), catalogue)
    assert {each.severity for each in warnings} == {"warning"}
    with pytest.raises(FileError) as caught:
        require_sound(declared(("after: recording", "after: x"), ("product: camera", "product: lock")), catalogue)
    assert [problem.code for problem in caught.value.problems] == ["USE-DEC-010", "USE-DEC-004"]
    assert caught.value.what.startswith("small.yaml:14:12: ")
