from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import pytest
from pydantic import BaseModel, Field, ValidationError

from pytest_conformance.errors import UsageError
from pytest_conformance.quantities import (
    Bytes,
    Celsius,
    Duration,
    Fraction,
    Hertz,
    Lux,
    Millimetres,
    QuantityError,
    Rate,
    Rates,
    Seconds,
    Volts,
    quantity,
    rate,
)


@pytest.mark.parametrize("text", ["5V", "5 V", "5.0 V", " 5  V ", "5000 mV", "5e3mV", "0.005 kV", "5 volts"])
def test_G07_equal_values_normalise_alike(text: str) -> None:
    assert quantity(text, "V") == 5.0


def test_G07_scaling_by_ten_is_exact() -> None:
    assert quantity("5100 mV", "V") == quantity("5.1 V", "V") == 5.1
    assert quantity("1100 ms", "s") == 1.1


@pytest.mark.parametrize("micro", ["\u00b5", "\u03bc"])
def test_G07_both_encodings_of_micro_are_read(micro: str) -> None:
    assert quantity(f"10 {micro}s", "s") == 1e-5


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("23 °C", "degC", 23.0),
        ("23 degC", "degC", 23.0),
        ("300 K", "degC", 26.85),
        ("95 %", "dimensionless", 0.95),
        ("5 kB", "byte", 5000.0),
        ("4 kbit", "byte", 500.0),
        ("16 kHz", "Hz", 16000.0),
        ("7 d", "s", 604800.0),
        ("5 min", "s", 300.0),
        ("300 lx", "lx", 300.0),
        ("1 m", "mm", 1000.0),
        ("36 km/h", "m/s", 10.0),
        ("-5 V", "V", -5.0),
        ("5 \u2126", "ohm", 5.0),
        ("5 \u03a9", "ohm", 5.0),
    ],
)
def test_units_are_converted(text: str, unit: str, value: float) -> None:
    assert quantity(text, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit", "code"),
    [
        ("5", "V", "USE-QTY-002"),
        ("5 A", "V", "USE-QTY-004"),
        ("5 C", "degC", "USE-QTY-004"),
        ("5 rad", "byte", "USE-QTY-004"),
        ("5 %", "rad", "USE-QTY-004"),
        ("5 rad/s", "Hz", "USE-QTY-004"),
        ("5 v", "V", "USE-QTY-003"),
        ("5 foo", "V", "USE-QTY-003"),
        ("5 V V", "V", "USE-QTY-003"),
        ("5 m^999999999", "m", "USE-QTY-003"),
        ("5 __import__('os')", "V", "USE-QTY-003"),
        ("90 dB", "dimensionless", "USE-QTY-003"),
        ("nan V", "V", "USE-QTY-005"),
        ("-inf V", "V", "USE-QTY-005"),
        (".inf V", "V", "USE-QTY-005"),
        ("1e999 V", "V", "USE-QTY-005"),
        ("1,5 V", "V", "USE-QTY-001"),
        ("12:30:45", "s", "USE-QTY-001"),
        ("V", "V", "USE-QTY-001"),
        ("", "V", "USE-QTY-001"),
        ("5 V" + " " * 100, "V", "USE-QTY-001"),
    ],
)
def test_G07_G08_what_is_no_such_quantity_is_refused(text: str, unit: str, code: str) -> None:
    with pytest.raises(QuantityError) as caught:
        quantity(text, unit)
    assert caught.value.code == code
    assert isinstance(caught.value, UsageError)


@pytest.mark.parametrize(
    ("text", "meant"), [("5 v", "V"), ("5 Volt", "volt"), ("5 LX", "lx"), ("5 secnd", "second"), ("5 qqqq", "")]
)
def test_an_unknown_unit_comes_with_the_one_that_was_meant(text: str, meant: str) -> None:
    with pytest.raises(QuantityError) as caught:
        quantity(text, "V")
    assert caught.value.code == "USE-QTY-003"
    assert caught.value.meant == meant
    assert ("did you mean" in str(caught.value)) is bool(meant)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 per 600 s", Rate(1, 600.0)),
        ("4 per h", Rate(4, 3600.0)),
        ("25 per s", Rate(25, 1.0)),
        ("2 per 10 min", Rate(2, 600.0)),
    ],
)
def test_rates_are_read(text: str, expected: Rate) -> None:
    assert rate(text) == expected


def test_a_rate_is_a_number_per_second() -> None:
    assert rate("6 per min").per_second == pytest.approx(0.1)
    assert str(rate("6 per min")) == "6 per 60 s"


@pytest.mark.parametrize(
    "text", ["1", "1/s", "0 per s", "-1 per s", "1.5 per s", "1 per 0 s", "1 per", " per s", "1 per V"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(QuantityError):
        rate(text)


class Settings(BaseModel):
    volts: Volts = 5.0
    wait: Seconds = 0.0
    due: Duration = 1.0
    width: Millimetres = 0.0
    light: Lux = 0.0
    warm: Celsius = 20.0
    share: Fraction = 0.0
    size: Bytes = 0.0
    rhythm: Hertz = 1.0
    often: Rates = Rate(1, 1.0)
    low: Annotated[float, Volts.__metadata__[0], Field(ge=1)] = 1.0  # type: ignore[attr-defined]


def test_models_get_floats_in_the_unit_of_the_field() -> None:
    settings = Settings.model_validate(
        {"volts": "5000 mV", "wait": "250 ms", "width": "1 cm", "share": "95 %", "often": "1 per 600 s", "size": "1 kB"}
    )
    assert (settings.volts, settings.wait, settings.width) == (5.0, 0.25, 10.0)
    assert (settings.share, settings.often, settings.size) == (0.95, Rate(1, 600.0), 1000.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"volts": 5},
        {"volts": 5.0},
        {"volts": True},
        {"volts": None},
        {"volts": ["5 V"]},
        {"wait": "-1 s"},
        {"due": "0 s"},
        {"light": "-1 lx"},
        {"warm": "-300 degC"},
        {"share": "101 %"},
        {"share": "0.5"},
        {"rhythm": "0 Hz"},
        {"often": 5},
        {"low": "0.5 V"},
    ],
)
def test_G08_models_refuse_what_is_out_of_bounds_or_has_no_unit(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(wrong)
    assert caught.value.error_count() == 1


def test_the_json_schema_of_a_quantity_is_text_with_a_unit() -> None:
    schema = Settings.model_json_schema()["properties"]["volts"]
    assert schema["type"] == "string"
    assert schema["examples"] == ["5 V"]


def test_importing_quantities_loads_neither_pint_nor_pydantic() -> None:
    heavy = ("pint", "pydantic", "numpy")
    code = f"import sys, pytest_conformance.quantities; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
