from __future__ import annotations

from pathlib import Path

import pytest

from pytest_conformance.declaration.profile import Profile, find_profile, load_profile
from pytest_conformance.errors import UsageError
from pytest_conformance.verdicts import DecisionRule
from pytest_conformance.yamlfile import FileError


@pytest.fixture
def standard(tmp_path: Path) -> Profile:
    return load_profile(find_profile("standard", tmp_path))


def test_the_standard_profile_has_the_numbers_of_the_methods(standard: Profile) -> None:
    assert (standard.samples.after_withdrawal, standard.samples.alternative, standard.samples.guesses) == (20, 10, 200)
    assert (standard.windows.soak, standard.windows.idle) == (1800.0, 3600.0)
    assert standard.limits.alternative_success == 0.95
    assert (standard.limits.alternative_median, standard.limits.alternative_ratio) == (15.0, 3.0)
    assert (standard.limits.lockout, standard.limits.lockout_tries, standard.limits.indicator) == (90.0, 5, 1.0)
    assert standard.limits.guess_time == 30 * 86_400.0
    assert standard.decision_rule is DecisionRule.SIMPLE
    assert (standard.name, standard.version) == ("standard", "1.2")


def test_the_quick_profile_is_smaller_but_no_milder(standard: Profile, tmp_path: Path) -> None:
    quick = load_profile(find_profile("quick", tmp_path))
    assert quick.limits == standard.limits
    assert quick.windows.soak < standard.windows.soak
    for name in type(quick.samples).model_fields:
        assert getattr(quick.samples, name) <= getattr(standard.samples, name)


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ("guesses: 200", "guesses: 0", "USE-FIL-016", "greater than or equal to 1"),
        ("guesses: 200", "guesses: 2.5", "USE-FIL-016", "a whole number is due"),
        ("soak: 30 min", "soak: 30", "USE-FIL-015", "30 has no unit"),
        ("soak: 30 min", "soak: -30 min", "USE-FIL-015", "more than zero"),
        ("alternative_success: 95 %", "alternative_success: 195 %", "USE-FIL-015", "more than 1"),
        ("alternative_ratio: 3.0", "alternative_ratio: .nan", "USE-FIL-018", "not a finite number"),
        ("alternative_ratio: 3.0", "alternative_ratio: -1.0", "USE-FIL-016", "greater than 0"),
        ('version: "1.2"', "version: 1.2", "USE-FIL-014", 'write it in quotes: "1.2"'),
        ("decision_rule: simple", "decision_rule: simpel", "USE-FIL-016", "did you mean 'simple'?"),
        ("lockout_check: 5 s", "lockout_check: 95 s", "USE-FIL-016", "checked less often than it lasts"),
        ("indicator: 1 s", "indicators: 1 s", "USE-FIL-013", "missing key 'indicator'"),
    ],
)
def test_a_wrong_profile_is_refused(tmp_path: Path, old: str, new: str, code: str, says: str) -> None:
    text = find_profile("standard", tmp_path).read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = tmp_path / "own.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(FileError) as caught:
        load_profile(path)
    assert caught.value.code == code
    assert any(says in str(problem) for problem in caught.value.problems)


def test_an_unknown_profile_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"USE-PRO-001: .*did you mean 'quick'\?"):
        find_profile("quik", tmp_path)
