"""Verdicts that follow from others: reading methods, exact, partial and related, gaps, chains."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_conformance.catalogue import NO_TEST, Catalogue, Obligation, Strength, derive
from pytest_conformance.catalogue.derivation import read_method
from pytest_conformance.errors import UsageError
from pytest_conformance.verdicts import Cause, ClauseVerdict, Contribution, Measurement, Verdict, fold

IDS = {"CN-FRT-5.a", "CN-FRT-6.a", "CN-FRT-14.a", "CN-FRT-14.b", "EN303645-5.11-1", "EN303645-5.11-2", "EN303645-5.8-2"}


def judged(verdict: Verdict, cause: Cause | None = None, reason: str = "") -> ClauseVerdict:
    return fold([Contribution(verdict, "t", cause, reason, "", (Measurement("m", 1.0, "s"),), ("sha256:1",))])


PASS = judged(Verdict.PASS)
FAIL = judged(Verdict.FAIL, Cause.DUT, "seen")
UNTESTED = ClauseVerdict(Verdict.NOT_TESTED, None, NO_TEST)
DESELECTED = ClauseVerdict(Verdict.NOT_TESTED, None, "deselected")
RULED_OUT = ClauseVerdict(Verdict.NOT_APPLICABLE)


@pytest.mark.parametrize(
    ("method", "sources", "strength", "remainder"),
    [
        ("As CN-FRT-5.a.", ("CN-FRT-5.a",), Strength.EXACT, ""),
        ("As CN-FRT-5.a and CN-FRT-6.a.", ("CN-FRT-5.a", "CN-FRT-6.a"), Strength.EXACT, ""),
        ("As CN-FRT-5.a, CN-FRT-6.a and 14.b.", ("CN-FRT-5.a", "CN-FRT-6.a", "CN-FRT-14.b"), Strength.EXACT, ""),
        ("As CN-FRT-14.a and 14.b.", ("CN-FRT-14.a", "CN-FRT-14.b"), Strength.EXACT, ""),
        ("As EN303645-5.11-1 and -2.", ("EN303645-5.11-1", "EN303645-5.11-2"), Strength.EXACT, ""),
        ("As EN303645-5.11-1, 5.8-2.", ("EN303645-5.11-1", "EN303645-5.8-2"), Strength.EXACT, ""),
        ("As CN-FRT-5.a: refuse twice.", ("CN-FRT-5.a",), Strength.PART, "refuse twice"),
        ("As CN-FRT-5.a; plus a drill.", ("CN-FRT-5.a",), Strength.PART, "plus a drill"),
        ("As CN-FRT-5.a, CN-FRT-6.a, and deletion.", ("CN-FRT-5.a", "CN-FRT-6.a"), Strength.PART, "and deletion"),
        ("As CN-FRT-5.a on a child profile.", ("CN-FRT-5.a",), Strength.RELATED, "on a child profile"),
        ("As CN-FRT-5.a and 14 days later again.", ("CN-FRT-5.a",), Strength.RELATED, "and 14 days later again"),
    ],
)
def test_a_method_that_names_clauses_is_read(
    method: str, sources: tuple[str, ...], strength: Strength, remainder: str
) -> None:
    derivation = read_method("X-1", method, IDS)
    assert derivation is not None
    assert (derivation.sources, derivation.strength, derivation.remainder) == (sources, strength, remainder)


@pytest.mark.parametrize(
    "method", ["Look.", "Assert nothing.", "As declared by the maker.", "As ", "same as CN-FRT-5.a."]
)
def test_other_methods_derive_nothing(method: str) -> None:
    assert read_method("X-1", method, IDS) is None


def test_shorthand_without_a_full_id_means_the_clauses_own_document() -> None:
    derivation = read_method("EN303645-5.5-7", "As 5.8-2, limited to some flows.", IDS)
    assert derivation is not None
    assert derivation.sources == ("EN303645-5.8-2",)


@pytest.mark.parametrize("method", ["As CN-FRT-99.", "As CN-FRT-5.a and CN-FRT-99.", "As CN-FRT-14.a and 14.z."])
def test_an_id_that_does_not_exist_is_refused(method: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_method("X-1", method, IDS)
    assert caught.value.code == "USE-CAT-005"


def test_an_exact_clause_takes_over_the_verdict_with_evidence_and_measurements(catalogue: Catalogue) -> None:
    derived = catalogue.derive("CN-NDR-22.b", {"CN-PIPL-29": FAIL})
    assert derived is not None
    assert (derived.verdict, derived.cause) == (Verdict.FAIL, Cause.DUT)
    assert derived.reason == "follows from CN-PIPL-29: seen"
    assert derived.contributions[0].evidence == ("sha256:1",)
    assert derived.contributions[0].measurements[0].name == "m"


def test_an_exact_clause_passes_only_when_all_its_sources_pass(catalogue: Catalogue) -> None:
    both = catalogue.derive("CN-CSL-43", {"CN-PIPL-46": PASS, "CN-PIPL-47.a": PASS})
    assert both is not None
    assert both.verdict is Verdict.PASS
    worse = catalogue.derive("CN-CSL-43", {"CN-PIPL-46": PASS, "CN-PIPL-47.a": FAIL})
    assert worse is not None
    assert worse.verdict is Verdict.FAIL


@pytest.mark.parametrize("gap", [None, UNTESTED, DESELECTED, RULED_OUT])
def test_a_source_without_a_verdict_leaves_it_inconclusive(catalogue: Catalogue, gap: ClauseVerdict | None) -> None:
    verdicts = {"CN-PIPL-47.a": PASS, **({"CN-PIPL-46": gap} if gap else {})}
    derived = catalogue.derive("CN-CSL-43", verdicts)
    assert derived is not None
    assert (derived.verdict, derived.cause) == (Verdict.INCONCLUSIVE, Cause.METHOD)
    assert "CN-PIPL-46" in derived.reason
    assert "only part of it follows from CN-PIPL-47.a" in derived.reason


def test_nothing_follows_from_sources_that_nothing_judged(catalogue: Catalogue) -> None:
    assert catalogue.derive("CN-CSL-43", {}) is None
    assert catalogue.derive("CN-CSL-43", {"CN-PIPL-46": UNTESTED, "CN-PIPL-47.a": RULED_OUT}) is None


def test_a_partial_clause_never_passes_but_fails_with_its_source(catalogue: Catalogue) -> None:
    passed = catalogue.derive("CN-CPI-9", {"CN-PIPL-31.a": PASS})
    assert passed is not None
    assert (passed.verdict, passed.cause) == (Verdict.INCONCLUSIVE, Cause.METHOD)
    assert "only part of it follows from CN-PIPL-31.a" in passed.reason
    failed = catalogue.derive("CN-CPI-9", {"CN-PIPL-31.a": FAIL})
    assert failed is not None
    assert failed.verdict is Verdict.FAIL


def test_no_derivable_clause_that_is_not_exact_can_pass(catalogue: Catalogue) -> None:
    for clause in catalogue.clauses.values():
        derived = catalogue.derive(clause.id, dict.fromkeys(clause.derived_from, PASS))
        assert derived is None or (derived.verdict is Verdict.PASS) == clause.exact


def test_related_clauses_and_informative_rows_derive_nothing(catalogue: Catalogue) -> None:
    assert catalogue.clause("EN18031-SCM-4").derived_from == ()
    assert catalogue.derive("EN18031-SCM-4", {"EN303645-5.5-1": FAIL}) is None
    assert catalogue.derive("PSTI-S2", {"EN303645-5.1-1": FAIL}) is None
    informative = dataclasses.replace(catalogue.clause("CN-NDR-22.b"), obligation=Obligation.INFO)
    assert derive(informative, {"CN-PIPL-29": FAIL}) is None


def test_a_clause_with_a_verdict_of_its_own_keeps_it(catalogue: Catalogue) -> None:
    assert catalogue.derive("CN-NDR-22.b", {"CN-PIPL-29": FAIL, "CN-NDR-22.b": PASS}) is None


def test_derivations_follow_chains_in_any_order_of_the_files(catalogue: Catalogue) -> None:
    verdicts = dict.fromkeys([f"CN-FRT-14.{letter}" for letter in "abcdef"], PASS) | {"CN-FRT-4.b": PASS}
    derived = catalogue.derive_all(verdicts)
    assert derived["CN-FRT-4.c"].verdict is Verdict.PASS
    assert derived["CN-PIPL-28.b"].verdict is Verdict.INCONCLUSIVE
    assert derived["CN-SPC-2.e"].verdict is Verdict.PASS
    assert not set(derived) & set(verdicts)


def test_a_test_that_did_not_run_is_not_replaced_by_a_derivation(catalogue: Catalogue) -> None:
    assert "CN-NDR-22.b" not in catalogue.derive_all({"CN-PIPL-29": PASS, "CN-NDR-22.b": DESELECTED})
    assert "CN-NDR-22.b" in catalogue.derive_all({"CN-PIPL-29": PASS, "CN-NDR-22.b": UNTESTED})
    assert catalogue.derive_all({"CN-PIPL-29": PASS}, only=["CN-CSL-43"]) == {}
