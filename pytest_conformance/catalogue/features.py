"""The vocabulary of features: their types and meaning, and checks of declared values and of conditions."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from pytest_conformance.catalogue.expressions import Comparison, Expression, Value, comparisons
from pytest_conformance.catalogue.source import SHIPPED, read_folder
from pytest_conformance.errors import UsageError


@dataclass(frozen=True)
class Feature:
    """A fact that a supplier declares of a device. `values` are those of a choice; `unit` is that of a number."""

    name: str
    type: Literal["bool", "number", "choice"]
    en: str
    zh: str
    values: tuple[str, ...] = ()
    unit: str = ""
    annex_b: str = ""
    """Letter of EN 303 645 V3.1.3, table B.1, that the feature answers (`Fa`, `C12`), or empty."""
    annex_b_inverted: bool = False

    def problem(self, value: object) -> str:
        """Say what is wrong with `value` for this feature; empty when nothing is."""
        if self.type == "bool":
            return "" if isinstance(value, bool) else f"{self.name} takes true or false, not {value!r}"
        if self.type == "number":
            return "" if _is_number(value) else f"{self.name} takes a number, not {value!r}"
        if value in self.values:
            return ""
        near = difflib.get_close_matches(str(value), self.values, 1, 0.6)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"{self.name} takes one of {', '.join(self.values)}, not {value!r}{hint}"


def load_features(extra: Iterable[Mapping[str, Any]] = ()) -> Mapping[str, Feature]:
    """Return the vocabulary by name: the shipped features, and those of further folders' `features` content.

    Raises UsageError USE-CAT-004 when a further one takes a name that is taken.
    """
    features = dict(_shipped())
    for content in extra:
        for name, feature in _features(content).items():
            if name in features:
                raise UsageError("USE-CAT-004", f"the feature {name!r} is defined twice", todo="choose another name")
            features[name] = feature
    return features


def check_features(declared: Mapping[str, object], vocabulary: Mapping[str, Feature] | None = None) -> list[str]:
    """Return one line for each declared feature that is unknown (with the nearest name) or has a wrong value."""
    known = load_features() if vocabulary is None else vocabulary
    lines = []
    for name, value in declared.items():
        feature = known.get(name)
        problem = feature.problem(value) if feature else _unknown(name, known)
        if problem:
            lines.append(problem)
    return lines


def check_expression(expression: Expression, vocabulary: Mapping[str, Feature]) -> list[str]:
    """Return one line for each comparison that the vocabulary does not allow."""
    problems = (_problem(comparison, vocabulary) for comparison in comparisons(expression))
    return [problem for problem in problems if problem]


def _problem(comparison: Comparison, vocabulary: Mapping[str, Feature]) -> str:
    feature = vocabulary.get(comparison.feature)
    if feature is None:
        return _unknown(comparison.feature, vocabulary)
    if comparison.operator in ("<", "<=", ">", ">=") and feature.type != "number":
        return f"{comparison.feature} has no order: it is a {feature.type}"
    return next((problem for value in comparison.values if (problem := feature.problem(value))), "")


def _unknown(name: str, vocabulary: Mapping[str, Feature]) -> str:
    near = difflib.get_close_matches(name, vocabulary, 3, 0.6)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"no feature is called {name!r}{hint}"


def _is_number(value: Value | object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@lru_cache(maxsize=1)
def _shipped() -> Mapping[str, Feature]:
    return _features(read_folder(SHIPPED)["features"])


def _features(content: Mapping[str, Any]) -> dict[str, Feature]:
    return {
        name: Feature(**{**row, "name": name, "values": tuple(row.get("values", ()))})
        for name, row in content.get("features", {}).items()
    }
