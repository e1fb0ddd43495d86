"""Quantities with units, as they stand in files and options: `5 V`, `250 ms`, `1 per 600 s`.

pint decides what a unit is. Models use the annotated types below and get floats in the unit that they name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pytest_conformance.errors import UsageError

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

Value = TypeVar("Value")

_QUANTITY = re.compile(r"\s*([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)\s*(.*?)\s*\Z", re.DOTALL)
_WORD = r"(?:[^\W\d]|[°%])+(?:(?:\^|\*\*)-?[0-9]{1,2})?"
_UNIT = re.compile(rf"(?:1 ?/ ?)?{_WORD}(?: ?[*/·] ?{_WORD})*\Z")
_LONGEST = 80

_USUAL = (
    *("V", "mV", "µV", "kV", "A", "mA", "µA", "W", "mW", "kW", "Ω", "kΩ", "F", "µF", "Hz", "kHz", "MHz", "GHz"),
    *("s", "ms", "µs", "ns", "min", "h", "d", "week", "m", "mm", "cm", "µm", "km", "lx", "lm", "degC", "K", "degF"),
    *("rad", "deg", "%", "bit", "byte", "kB", "MB", "GB", "kbit", "Mbit", "g", "kg", "N", "Pa", "hPa", "bar", "J"),
    *("Wh", "mAh", "volt", "ampere", "watt", "ohm", "second", "millisecond", "minute", "hour", "day", "metre", "lux"),
    *("meter", "millimetre", "millimeter", "kelvin", "percent"),
)


class QuantityError(UsageError):
    """A text is no quantity of the kind that is due (`USE-QTY-...`). `meant` is the unit that may have been meant."""

    meant: str = ""


def _error(code: str, what: str, meant: str = "") -> QuantityError:
    error = QuantityError(code, what, todo=f"did you mean {meant!r}?" if meant else "")
    error.meant = meant
    return error


@dataclass(frozen=True)
class Rate:
    """How often something may happen: `count` times in `seconds`."""

    count: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Events per second."""
        return self.count / self.seconds

    def __str__(self) -> str:
        return f"{self.count} per {self.seconds:g} s"


@cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(non_int_type=Decimal, autoconvert_offset_to_baseunit=True)


@lru_cache(maxsize=2048)
def quantity(text: str, unit: str) -> float:
    """Return `text` ("5 V", "250 ms") as a number of `unit` ("V", "s").

    Raises QuantityError: USE-QTY-001 no quantity, 002 no unit, 003 unknown unit, 004 another dimension, 005 not finite.
    """
    number, written = _split(text, unit)
    registry = _registry()
    found, wanted = _unit(registry, written), registry.parse_units(unit)
    if found.dimensionality != wanted.dimensionality or _root(registry, found) != _root(registry, wanted):
        meant = "degC" if (unit, written) in {("degC", "C"), ("K", "C")} else ""
        raise _error(
            "USE-QTY-004",
            f"{text.strip()!r} is not a quantity in {_shown(unit)}: {written} measures something else",
            meant,
        )
    try:
        value = float(registry.Quantity(number, found).to(wanted).magnitude)
    except (TypeError, ArithmeticError) as error:
        raise _error("USE-QTY-003", f"{written!r} cannot be turned into {_shown(unit)}") from error
    if not math.isfinite(value):
        raise _error("USE-QTY-005", f"{text.strip()!r} is too large")
    return value


def rate(text: str) -> Rate:
    """Return `text` ("1 per 600 s", "4 per h") as a rate.

    Raises QuantityError: USE-QTY-006 when it is none, or what is wrong with its duration.
    """
    count, found, duration = text.strip().partition(" per ")
    if not found or not re.fullmatch(r"[0-9]{1,9}", count.strip()) or int(count) == 0:
        raise _error("USE-QTY-006", f"{text[:_LONGEST]!r} is not a rate; write for example '1 per 600 s'")
    duration = duration.strip()
    seconds = quantity(duration if duration[:1].isdigit() else f"1 {duration}", "s")
    if seconds <= 0:
        raise _error("USE-QTY-006", f"{text[:_LONGEST]!r}: the time must be more than zero")
    return Rate(int(count), seconds)


def _split(text: str, unit: str) -> tuple[Decimal, str]:
    if len(text) > _LONGEST:
        raise _error("USE-QTY-001", f"a quantity in {_shown(unit)} is due, not {text[:_LONGEST]!r}...")
    if re.fullmatch(r"\s*[-+]?\.?(nan|inf|infinity)\b.*", text, re.IGNORECASE | re.DOTALL):
        raise _error("USE-QTY-005", f"{text.strip()!r} is not a finite quantity")
    if (found := _QUANTITY.match(text)) is None:
        raise _error(
            "USE-QTY-001", f"a quantity in {_shown(unit)} is due, for example '5 {_shown(unit)}', not {text!r}"
        )
    number, written = found.groups()
    if not written:
        raise _error("USE-QTY-002", f"{text.strip()!r} has no unit; write for example '{text.strip()} {_shown(unit)}'")
    if re.match(r"[,.:_'][0-9]", written):
        raise _error(
            "USE-QTY-001", f"{text.strip()!r}: write one decimal number and a unit, for example '1.5 {_shown(unit)}'"
        )
    return Decimal(number), written


def _unit(registry: Any, written: str) -> Any:
    import pint

    if not written.isascii():
        written = written.replace("\u03bc", "\u00b5").replace("\u2126", "\u03a9")
    if _UNIT.match(written):
        try:
            return registry.parse_units(written)
        except (pint.UndefinedUnitError, pint.DefinitionSyntaxError, ValueError, TypeError, ArithmeticError):
            pass
    raise _error("USE-QTY-003", f"unknown unit {written!r}", _near(written))


def _near(written: str) -> str:
    from pytest_conformance.yamlfile.problems import nearest

    folded = [unit for unit in _USUAL if unit.casefold() == written.casefold()]
    return folded[0] if folded else nearest(written, _USUAL)


def _shown(unit: str) -> str:
    return "%" if unit == "dimensionless" else unit


def _root(registry: Any, unit: Any) -> Any:
    """Return what `unit` comes down to; tells bits, angles and plain numbers apart, which all have no dimension."""
    return registry.get_root_units(unit)[1]


@dataclass(frozen=True)
class Unit:
    """Marks a model's float as written with a unit: `Annotated[float, Unit("V")]`.

    `least` and `most` bound the value in that unit; `above_zero` also refuses 0.
    """

    unit: str
    least: float | None = None
    most: float | None = None
    above_zero: bool = False

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(self, schema: object, handler: object) -> dict[str, Any]:
        return {
            "type": "string",
            "title": f"quantity in {_shown(self.unit)}",
            "pattern": r"^\s*[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?\s*[^\s0-9].*$",
            "examples": [f"5 {_shown(self.unit)}"],
        }

    def _read(self, value: object) -> float:
        number = _checked(value, f"a quantity in {_shown(self.unit)}", lambda text: quantity(text, self.unit))
        shown = _shown(self.unit)
        if self.least is not None and number < self.least:
            raise _refused("USE-FIL-015", f"{value!s} is less than {self.least:g} {shown}")
        if self.most is not None and number > self.most:
            raise _refused("USE-FIL-015", f"{value!s} is more than {self.most:g} {shown}")
        if self.above_zero and number <= 0:
            raise _refused("USE-FIL-015", f"{value!s}: must be more than zero")
        return number


class _RateText:
    """Marks a model's Rate as written `1 per 600 s`."""

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(lambda value: _checked(value, "a rate", rate))

    def __get_pydantic_json_schema__(self, schema: object, handler: object) -> dict[str, Any]:
        return {"type": "string", "title": "rate", "pattern": r"^\s*[0-9]{1,9} per .+$", "examples": ["1 per 600 s"]}


def _checked(value: object, wanted: str, read: Callable[[str], Value]) -> Value:
    from pytest_conformance.yamlfile.scalars import as_written

    value = as_written(value)
    if not isinstance(value, str):
        lacking = isinstance(value, int | float) and not isinstance(value, bool)
        raise _refused(
            "USE-FIL-015", f"{wanted} is due, {f'and {value} has no unit' if lacking else f'not {_called(value)}'}"
        )
    try:
        return read(value)
    except QuantityError as error:
        raise _refused("USE-FIL-015", error.what, error.meant) from error


def _called(value: object) -> str:
    names = {bool: "true or false", list: "a list", dict: "a mapping"}
    return "nothing" if value is None else names.get(type(value), type(value).__name__)


def _refused(code: str, message: str, meant: str = "") -> ValueError:
    """Return the error that pydantic collects; files show its code and what was meant."""
    from pydantic_core import PydanticCustomError

    return PydanticCustomError("quantity", "{message}", {"message": message, "code": code, "meant": meant})


Volts = Annotated[float, Unit("V")]
Amperes = Annotated[float, Unit("A")]
Ohms = Annotated[float, Unit("ohm", least=0)]
Watts = Annotated[float, Unit("W", least=0)]
Hertz = Annotated[float, Unit("Hz", above_zero=True)]
Seconds = Annotated[float, Unit("s", least=0)]
Duration = Annotated[float, Unit("s", above_zero=True)]
"""Seconds, more than none."""
Millimetres = Annotated[float, Unit("mm", least=0)]
Metres = Annotated[float, Unit("m", least=0)]
Lux = Annotated[float, Unit("lx", least=0)]
Celsius = Annotated[float, Unit("degC", least=-273.15)]
Degrees = Annotated[float, Unit("deg")]
Bytes = Annotated[float, Unit("byte", least=0)]
Bits = Annotated[float, Unit("bit", least=0)]
Fraction = Annotated[float, Unit("dimensionless", least=0, most=1)]
"""A share from 0 to 1, written in percent: `95 %`."""
Rates = Annotated[Rate, _RateText()]
"""`1 per 600 s`."""
