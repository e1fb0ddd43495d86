"""Whether a clause applies to a declared device, and why not. Pure; the declaration is a mapping of features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from pytest_conformance.catalogue.expressions import Truth, Value, evaluate
from pytest_conformance.catalogue.model import PRODUCT_KINDS, Clause, Obligation


class State(Enum):
    """How a clause stands to a device."""

    APPLICABLE = "applicable"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"
    """A feature that the condition asks for was not declared."""
    PROSE = "prose"
    """Only prose states the condition, and the ICS does not say whether it holds."""
    INFORMATIVE = "informative"
    """The row obliges nobody to anything: nothing to judge."""


class Support(Enum):
    """The supplier's answer in the ICS to one provision."""

    YES = "yes"
    NO = "no"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True)
class Applicability:
    """State and reason. Only a definite no makes a verdict NOT_APPLICABLE."""

    state: State
    why: str

    @property
    def applies(self) -> bool:
        """True unless the declaration (or the row being informative) rules the clause out."""
        return self.state not in (State.NOT_APPLICABLE, State.INFORMATIVE)

    @property
    def counts(self) -> bool:
        """True when the clause applies for certain: without a test it is then a hole."""
        return self.state is State.APPLICABLE


def applicability(
    clause: Clause, features: Mapping[str, Value], ics: Mapping[str, Support | str] | None = None
) -> Applicability:
    """Tell whether `clause` applies to a device that declares `features` (and `ics`, by clause id).

    ICS answers are `Support` or its words: "yes", "no", "not_applicable"; ValueError for any other.

    In this order: an informative row; the kind of product; the scope of the document's parts; the condition;
    then the ICS. The ICS settles what the features leave open, and takes out a recommendation that the supplier
    declares unsupported. It never overrules declared features: a provision whose condition holds stays, whatever
    the ICS says, and the static checks report the contradiction.
    """
    if clause.obligation is Obligation.INFO:
        return Applicability(State.INFORMATIVE, "informative: it obliges to nothing")
    product = features.get("product")
    if product is not None and product not in clause.applies_to:
        return Applicability(State.NOT_APPLICABLE, f"applies to {', '.join(clause.applies_to)}, not to a {product}")
    said = (ics or {}).get(clause.id)
    answer = None if said is None else Support(said)
    for truth in _truths(clause, features):
        if truth.value is False:
            return Applicability(State.NOT_APPLICABLE, "; ".join(truth.because) or "its condition never holds")
    missing = _missing(clause, features)
    if missing or clause.prose:
        return _open(clause, missing, answer)
    if answer is Support.NO and _recommended(clause):
        return Applicability(State.NOT_APPLICABLE, "recommended, and declared unsupported in the ICS")
    return Applicability(State.APPLICABLE, _holds(clause, features))


def _truths(clause: Clause, features: Mapping[str, Value]) -> list[Truth]:
    return [evaluate(rule, features) for rule in (clause.scope, clause.rule) if rule is not None]


def _missing(clause: Clause, features: Mapping[str, Value]) -> tuple[str, ...]:
    names = [name for truth in _truths(clause, features) for name in truth.missing]
    if "product" not in features and len(clause.applies_to) < len(PRODUCT_KINDS):
        names.insert(0, "product")
    return tuple(dict.fromkeys(names))


def _open(clause: Clause, missing: tuple[str, ...], answer: Support | None) -> Applicability:
    if answer is Support.NOT_APPLICABLE or (answer is Support.NO and _recommended(clause)):
        return Applicability(State.NOT_APPLICABLE, f"the ICS says {answer.value}")
    if answer is not None:
        return Applicability(State.APPLICABLE, f"the ICS says {answer.value}")
    if missing:
        return Applicability(State.UNKNOWN, f"not declared: {', '.join(missing)}")
    return Applicability(State.PROSE, f"only prose states when: {clause.condition}")


def _recommended(clause: Clause) -> bool:
    return clause.status.recommended if clause.status else clause.obligation is Obligation.SHOULD


def _holds(clause: Clause, features: Mapping[str, Value]) -> str:
    reasons = [reason for truth in _truths(clause, features) for reason in truth.because]
    return "; ".join(dict.fromkeys(reasons)) or "always"
