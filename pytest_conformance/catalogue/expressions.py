"""A small safe language for conditions: parse text to a tree, evaluate it over declared features in three values.

No eval, no attribute access, bounded length and depth. What the features mean is in `features`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NoReturn

from pytest_conformance.errors import UsageError

Value = bool | int | float | str
Operator = Literal["==", "!=", "<", "<=", ">", ">=", "in"]

LONGEST = 2_000
"""Most characters of an expression."""
DEEPEST = 32
"""Most nested parentheses and negations of an expression."""

_TOKEN = re.compile(
    r"\s*(?:(?P<op>==|!=|<=|>=|<|>)|(?P<mark>[()\[\],])"
    r"|(?P<number>-?[0-9]{1,18}(?:\.[0-9]{1,18})?(?![A-Za-z0-9_.]))|(?P<word>[A-Za-z_][A-Za-z0-9_]*))"
)
_RESERVED = frozenset({"and", "or", "not", "in", "true", "false", "always"})


class ExpressionError(UsageError):
    """A condition is not an expression of this language (`USE-CAT-008`); `position` counts characters from 0."""

    def __init__(
        self, code: str, what: str, *, where: str = "", expected: str = "", todo: str = "", position: int = 0
    ) -> None:
        super().__init__(code, what, where=where, expected=expected, todo=todo)
        self.position = position


@dataclass(frozen=True)
class Constant:
    """`always`, `true` or `false`."""

    value: bool


@dataclass(frozen=True)
class Comparison:
    """`feature operator value`; for `in` the values of the list, else exactly one."""

    feature: str
    operator: Operator
    values: tuple[Value, ...]

    def __str__(self) -> str:
        if self.operator == "in":
            return f"{self.feature} in [{', '.join(map(_spell, self.values))}]"
        return f"{self.feature} {self.operator} {_spell(self.values[0])}"


@dataclass(frozen=True)
class Negation:
    """`not operand`."""

    operand: Expression


@dataclass(frozen=True)
class Junction:
    """Two or more operands joined by `and` or `or`."""

    word: Literal["and", "or"]
    operands: tuple[Expression, ...]


Expression = Constant | Comparison | Negation | Junction


@dataclass(frozen=True)
class Truth:
    """The value of an expression: True, False, or None when it hangs on features that nobody declared.

    `missing` names those features; `because` holds the comparisons, with what was declared, that decided.
    """

    value: bool | None
    missing: tuple[str, ...] = ()
    because: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


@lru_cache(maxsize=1024)
def parse(text: str) -> Expression:
    """Parse `text`, for example "collects_face == true and product in [lock, camera]".

    A feature standing alone means `== true`. `and` binds tighter than `or`, `not` tighter than both. Raises
    ExpressionError, and nothing else, with the position of the first thing that is wrong.
    """
    if len(text) > LONGEST:
        _refuse(text[:60] + "...", LONGEST, f"a condition of {len(text)} characters", f"at most {LONGEST}")
    return _Parser(text).whole()


def features_of(expression: Expression) -> frozenset[str]:
    """Return the names of all features that `expression` asks for."""
    return frozenset(comparison.feature for comparison in comparisons(expression))


def comparisons(expression: Expression) -> Iterator[Comparison]:
    """Yield every comparison in `expression`, from left to right."""
    if isinstance(expression, Comparison):
        yield expression
    elif isinstance(expression, Negation):
        yield from comparisons(expression.operand)
    elif isinstance(expression, Junction):
        for operand in expression.operands:
            yield from comparisons(operand)


def evaluate(expression: Expression, features: Mapping[str, Value]) -> Truth:
    """Evaluate `expression` over declared `features` in Kleene's strong three-valued logic.

    A feature that is absent is unknown. Raises ExpressionError when order is asked of something not a number.
    """
    if isinstance(expression, Constant):
        return Truth(expression.value)
    if isinstance(expression, Comparison):
        return _compare(expression, features)
    if isinstance(expression, Negation):
        inner = evaluate(expression.operand, features)
        return Truth(None if inner.value is None else not inner.value, inner.missing, inner.because)
    return _join(expression.word, [evaluate(operand, features) for operand in expression.operands])


def _join(word: Literal["and", "or"], truths: list[Truth]) -> Truth:
    deciding = word == "or"
    decided = [truth for truth in truths if truth.value is deciding]
    if decided:
        return Truth(deciding, (), decided[0].because)
    unknown = [truth for truth in truths if truth.value is None]
    if unknown:
        return Truth(None, tuple(dict.fromkeys(name for truth in unknown for name in truth.missing)))
    return Truth(not deciding, (), tuple(dict.fromkeys(reason for truth in truths for reason in truth.because)))


def _compare(comparison: Comparison, features: Mapping[str, Value]) -> Truth:
    if comparison.feature not in features:
        return Truth(None, (comparison.feature,))
    declared = features[comparison.feature]
    because = (f"{comparison.feature} is {_spell(declared)}",)
    wanted = comparison.values[0]
    if comparison.operator in ("==", "in"):
        return Truth(any(_same(declared, value) for value in comparison.values), (), because)
    if comparison.operator == "!=":
        return Truth(not _same(declared, wanted), (), because)
    return Truth(_ordered(comparison, declared, wanted), (), because)


def _ordered(comparison: Comparison, declared: Value, wanted: Value) -> bool:
    if not (_is_number(declared) and _is_number(wanted)):
        _refuse(str(comparison), 0, f"{comparison.feature} is {_spell(declared)}, which has no order", "a number")
    left, right = float(declared), float(wanted)
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[comparison.operator]


def _same(left: Value, right: Value) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _spell(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refuse(text: str, position: int, what: str, expected: str) -> NoReturn:
    raise ExpressionError(
        "USE-CAT-008",
        f"{what} in the condition {text!r} at character {position + 1}",
        expected=expected,
        todo="write comparisons of features joined by and, or, not; or mark the condition `prose: true`",
        position=position,
    )


class _Parser:
    """Recursive descent over the tokens of one text; the tree's height is bounded by DEEPEST."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split())
        self._index = 0
        self._depth = 0

    def whole(self) -> Expression:
        expression = self._disjunction()
        if self._next.kind != "end":
            self._fail("the end, `and` or `or`")
        return expression

    def _split(self) -> Iterator[_Token]:
        position, end = 0, len(self._text.rstrip())
        while position < end:
            match = _TOKEN.match(self._text, position)
            if match is None or match.lastgroup is None:
                start = position + len(self._text[position:]) - len(self._text[position:].lstrip())
                _refuse(self._text, start, f"unexpected {self._text[start]!r}", "a feature, a value or an operator")
            word = match.group(match.lastgroup)
            kind = word if match.lastgroup in ("op", "mark") or word in _RESERVED else match.lastgroup
            yield _Token(kind, word, match.start(match.lastgroup))
            position = match.end()
        yield _Token("end", "", end)

    @property
    def _next(self) -> _Token:
        return self._tokens[self._index]

    def _take(self) -> _Token:
        token = self._next
        self._index += 1
        return token

    def _fail(self, expected: str) -> NoReturn:
        found = repr(self._next.text) if self._next.text else "end"
        _refuse(self._text, self._next.position, f"unexpected {found}", expected)

    def _expect(self, kind: str) -> None:
        if self._next.kind != kind:
            self._fail(f"`{kind}`")
        self._index += 1

    def _disjunction(self) -> Expression:
        operands = [self._conjunction()]
        while self._next.kind == "or":
            self._index += 1
            operands.append(self._conjunction())
        return operands[0] if len(operands) == 1 else Junction("or", tuple(operands))

    def _conjunction(self) -> Expression:
        operands = [self._unary()]
        while self._next.kind == "and":
            self._index += 1
            operands.append(self._unary())
        return operands[0] if len(operands) == 1 else Junction("and", tuple(operands))

    def _unary(self) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST:
            self._fail(f"at most {DEEPEST} levels of parentheses and negations")
        expression = self._primary()
        self._depth -= 1
        return expression

    def _primary(self) -> Expression:
        kind = self._next.kind
        if kind == "not":
            self._index += 1
            return Negation(self._unary())
        if kind == "(":
            self._index += 1
            inner = self._disjunction()
            self._expect(")")
            return inner
        if kind in ("always", "true", "false"):
            self._index += 1
            return Constant(kind != "false")
        if kind != "word":
            self._fail("a feature")
        return self._comparison(self._take().text)

    def _comparison(self, feature: str) -> Expression:
        if self._next.kind == "in":
            self._index += 1
            return Comparison(feature, "in", self._list())
        for operator in ("==", "!=", "<", "<=", ">", ">="):
            if self._next.kind == operator:
                self._index += 1
                return Comparison(feature, operator, (self._value(),))
        return Comparison(feature, "==", (True,))

    def _list(self) -> tuple[Value, ...]:
        self._expect("[")
        values = [self._value()]
        while self._next.kind == ",":
            self._index += 1
            values.append(self._value())
        self._expect("]")
        return tuple(values)

    def _value(self) -> Value:
        token = self._next
        if token.kind not in ("word", "number", "true", "false"):
            self._fail("a value: true, false, a number or a word")
        self._index += 1
        if token.kind in ("true", "false"):
            return token.kind == "true"
        if token.kind == "number":
            return float(token.text) if "." in token.text else int(token.text)
        return token.text
