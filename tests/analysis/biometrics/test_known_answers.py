"""Known answers: every case of the file named by CONFORMANCE_KNOWN_ANSWERS, and the runner's own ability to fail."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.analysis.biometrics.known_answers import SCHEMA, answer, differences
from pytest_conformance.errors import MethodError

OWN = Path(__file__).parents[3] / "fixtures" / "known-answers" / "pad_and_matching.json"
FILE = Path(os.environ.get("CONFORMANCE_KNOWN_ANSWERS") or OWN)
DOCUMENT = json.loads(FILE.read_text(encoding="utf-8"))
OWN_CASES = {case["id"]: case for case in json.loads(OWN.read_text(encoding="utf-8"))["cases"]}


def test_the_file_has_the_schema_and_as_many_cases_as_it_says() -> None:
    assert DOCUMENT["schema"] == SCHEMA
    assert len(DOCUMENT["cases"]) == DOCUMENT.get("case_count", len(DOCUMENT["cases"])) > 0


@pytest.mark.parametrize("case", DOCUMENT["cases"], ids=lambda case: str(case["id"]))
def test_case(case: dict[str, Any]) -> None:
    assert differences(case) == []


def changed(name: str, *path: Any, value: Any) -> dict[str, Any]:
    case = copy.deepcopy(OWN_CASES[name])
    place = case
    for key in path[:-1]:
        place = place[key]
    assert path[-1] in place
    place[path[-1]] = value
    return case


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("ci-cp95-0-20", ("expected", "upper"), 0.1384),
        ("class-atl-4", ("expected", "level"), "ATL1"),
        ("maxerr-20-0.05-cp_one_sided_80", ("expected", "max_errors"), 0),
        ("pad-basic-4", ("expected", "per_species", "print", "n"), 149),
        ("pad-basic-4", ("expected", "worst_species"), ["print"]),
        ("det-ties", ("expected", "points_threshold_fmr_fnmr"), [[0.2, 1.0, 0.0]]),
        ("ci-biosd-174-5", ("expected", "passes"), False),
        ("time-n-0.95-0.95", ("inputs", "quantile"), 0.94),
    ],
)
def test_a_wrong_expectation_is_found(name: str, path: tuple[str, ...], value: Any) -> None:
    assert differences(OWN_CASES[name]) == []
    assert differences(changed(name, *path, value=value)) != []


def test_a_missing_refusal_and_an_unexpected_one_are_found() -> None:
    assert differences(changed("err-k-gt-n", "inputs", "errors", value=5))[0].startswith("answered")
    assert differences(changed("ci-cp95-0-20", "inputs", "trials", value=0))[0].startswith("refused: MET-BIO-003")


def test_the_answer_of_a_common_mistake_is_found() -> None:
    case = changed("pad-basic-4", "must_not_equal", "apcer_max_as_pooled", value=10 / 150)
    assert "known mistake" in differences(case)[0]


def test_a_species_too_many_is_found() -> None:
    case = copy.deepcopy(OWN_CASES["pad-basic-4"])
    del case["expected"]["per_species"]["screen"]
    assert differences(case) != []


def test_another_rule_for_the_threshold_is_refused() -> None:
    case = changed("det-ties", "inputs", "rule", value="accept iff score > threshold")
    assert differences(case)[0].startswith("refused: MET-BIO-005")


def test_an_unknown_function_is_an_error_even_where_a_refusal_is_expected() -> None:
    with pytest.raises(MethodError, match="MET-BIO-015"):
        differences(changed("err-k-gt-n", "function", value="no_such_function"))


def test_the_eer_must_agree_with_one_of_the_conventions_that_a_case_lists() -> None:
    wrong = changed("eer-small", "expected", "pyeer", "eer", value=0.16)
    assert differences(wrong) == []
    wrong["expected"]["bob_measure"]["eer"] = 0.16
    assert len(differences(wrong)) == 2


def test_both_conventions_of_the_eer_are_answered() -> None:
    found = answer(OWN_CASES["eer-small"])
    assert (found["pyeer"]["eer"], found["bob_measure"]["eer"]) == (pytest.approx(0.15), pytest.approx(0.175))
