import pytest

from pytest_conformance.drivers.readings import number, shown
from pytest_conformance.errors import InstrumentError


@pytest.mark.parametrize(
    ("text", "value"), [("5", 5.0), (" +5.0012E+00\n", 5.0012), ("-.5e-3", -0.0005), ("7.", 7.0), ("0", 0.0)]
)
def test_plain_numbers_are_read(text: str, value: float) -> None:
    assert number(text, what="MEAS:VOLT?") == value


@pytest.mark.parametrize("text", ["9.9E37", "+9.90000000E+37", "-9.9e37", "9.91E37", "NAN", "inf", "-INF", "1e999"])
def test_overload_markers_and_what_is_no_number_are_refused(text: str) -> None:
    with pytest.raises(InstrumentError) as caught:
        number(text, what="MEAS:VOLT?", where="meter")
    assert caught.value.code == "BEN-INS-105"


@pytest.mark.parametrize(
    "text", ["5,01", "5.01 V", "5.01V", "5 mV", "", "5.01;6", "0x10", "٥", "1_000", "5.0\x1b[31m", "1" * 5000]
)
def test_other_units_commas_and_rubbish_are_refused(text: str) -> None:
    with pytest.raises(InstrumentError) as caught:
        number(text, what="MEAS:VOLT?", unit="V")
    assert caught.value.code == "BEN-INS-104"
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(("text", "hint"), [("5,01", "decimal comma"), ("5.01 V", "unit after it")])
def test_the_message_names_the_likely_reason(text: str, hint: str) -> None:
    with pytest.raises(InstrumentError, match=hint):
        number(text, what="MEAS:VOLT?", unit="V")


@pytest.mark.parametrize("text", ["60.001", "-61"])
def test_readings_out_of_range_are_refused(text: str) -> None:
    with pytest.raises(InstrumentError) as caught:
        number(text, what="MEAS:VOLT?", unit="V", low=-60, high=60)
    assert caught.value.code == "BEN-INS-106"


def test_shown_text_is_escaped_and_cut() -> None:
    assert shown("a\x1b[2J\ud800é") == "'a\\x1b[2J\\ud800\\xe9'"
    assert shown("x" * 100, 10) == "'xxxxxxxxxx'..."
