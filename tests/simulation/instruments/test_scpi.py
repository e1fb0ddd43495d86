from __future__ import annotations

import pytest

from pytest_conformance.simulation.instruments.scpi import QUEUE, ScpiError, ScpiModel, boolean, number, real


@pytest.fixture
def model() -> ScpiModel:
    model = ScpiModel("Maker,Model,1,1.0")
    values: dict[str, float] = {"volts": 0.0}
    model.command("[SOURce:]VOLTage[:LEVel]", lambda given: values.update(volts=number(given, 0, 32, "V")))
    model.command("[SOURce:]VOLTage[:LEVel]?", lambda _: real(values["volts"]))
    model.command("[SOURce:]VOLTage:PROTection:STATe?", lambda _: "0")
    return model


@pytest.mark.parametrize(
    "query", ["VOLT?", "volt?", ":VOLT?", "SOUR:VOLT?", ":SOURce:VOLTage:LEVel?", "VOLTage:LEV?", "*CLS;VOLT?"]
)
def test_short_long_and_optional_headers_are_the_same_command(model, query):
    assert model.execute(query) == "+0.00000000E+00"


@pytest.mark.parametrize("query", ["VOLTA?", "VOL?", "SOUR:?", "VOLT:LEVE?", "\x00", "é"])
def test_what_is_no_header_is_an_undefined_header(model, query):
    assert model.execute(query) is None
    assert model.execute("SYST:ERR?").startswith('-113,"Undefined header')


@pytest.mark.parametrize(
    ("given", "value"), [("5", 5), ("5V", 5), ("5 V", 5), ("500 mV", 0.5), ("5e-1", 0.5), ("MAX", 32), ("min", 0)]
)
def test_numbers_may_have_suffixes(model, given, value):
    model.execute(f"VOLT {given}")
    assert float(model.execute("VOLT?")) == pytest.approx(value)


@pytest.mark.parametrize(("given", "error"), [("", -109), ("33", -222), ("5 A", -131), ("five", -224), ("5 kmV", -131)])
def test_wrong_parameters_are_standard_errors(model, given, error):
    model.execute(f"VOLT {given}")
    assert model.execute("SYST:ERR?").startswith(f"{error},")
    assert model.execute("SYST:ERR?") == '0,"No error"'


def test_a_header_after_a_semicolon_continues_the_path(model):
    assert model.execute("VOLT:LEV 3;LEV?;PROT:STAT?") == "+3.00000000E+00;0"
    assert model.execute("VOLT:LEV 3;:VOLT?;*OPC?") == "+3.00000000E+00;1"


def test_the_error_queue_overflows_at_its_end(model):
    for _ in range(QUEUE + 5):
        model.execute("NONSENSE")
    errors = [model.execute("SYST:ERR?") for _ in range(QUEUE + 1)]
    assert errors[QUEUE - 1] == '-350,"Queue overflow"'
    assert errors[QUEUE] == '0,"No error"'


def test_status_registers_follow_488_2(model):
    assert model.execute("*ESR?") == "128"
    model.execute("*ESE 32;*SRE 32;NONSENSE")
    assert model.status_byte() == 0x04 | 0x20 | 0x40
    assert model.execute("*ESR?") == "32"
    model.execute("*CLS")
    assert model.execute("*STB?") == "0"


def test_booleans():
    assert (boolean(["ON"]), boolean(["0"])) == (True, False)
    with pytest.raises(ScpiError):
        boolean(["2"])
