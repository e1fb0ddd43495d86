from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from pytest_conformance.errors import UsageError
from pytest_conformance.quantities import Seconds, Volts
from pytest_conformance.yamlfile import Document, Fault, FileError, as_written, parse
from pytest_conformance.yamlfile.model import Count, FileModel, Name, Part, Text


class Range(Part):
    lower: Volts
    upper: Volts

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.lower > self.upper:
            raise PydanticCustomError("range", "lower is above upper", {"at": ("lower",)})
        return self


class Box(Part):
    kind: Literal["box"]
    width: Seconds


class Ball(Part):
    kind: Literal["ball"]
    radius: Seconds


class Item(Part):
    name: Text
    mode: Literal["fast", "slow", "on"] = "fast"
    support: Annotated[Literal["yes", "no"], BeforeValidator(as_written)] = "no"
    wait: Seconds = 0.0
    range: Range | None = None
    shape: Annotated[Box | Ball, Field(discriminator="kind")] | None = None


class Sheet(FileModel):
    format: Literal["sheet/1"] = Field(alias="schema")
    title: Text
    number: Count = 0
    flag: bool = False
    ratio: float = 1.0
    items: tuple[Item, ...] = ()
    named: Mapping[Name, Item] = Field(default_factory=dict)

    def contradictions(self) -> Iterable[Fault]:
        if self.title == "wrong" and self.number == 7:
            yield Fault(("number",), f"7 is not for {self.place(('title',))}", "USE-TST-001", on_key=True)


def document(body: str) -> Document:
    return parse("s.yaml", f"schema: sheet/1\n{body}".encode())


def problems(body: str, model: type[BaseModel] = Sheet) -> list[tuple[str, str]]:
    with pytest.raises(FileError) as caught:
        document(body).validate(model)
    return [(problem.code, str(problem)) for problem in caught.value.problems]


def test_a_right_file_gives_its_model_with_digest_and_places() -> None:
    read = document("title: x\nitems:\n  - {name: a, wait: 250 ms, support: yes}\n")
    sheet = read.validate(Sheet)
    assert sheet.items == (Item(name="a", wait="0.25 s", support="yes"),)  # type: ignore[arg-type]
    assert sheet.digest == read.digest
    assert sheet.place(("items", 0, "wait")) == "s.yaml:4:21"


def test_G04_a_misspelt_key_is_refused_with_the_key_that_was_meant() -> None:
    assert problems("titel: x\n") == [
        ("USE-FIL-013", "1:1: missing key 'title'"),
        ("USE-FIL-012", "2:1: unknown key 'titel'; did you mean 'title'?"),
    ]


def test_G04_keys_are_compared_with_those_of_their_own_section() -> None:
    found = problems("title: x\nitems:\n  - {name: a}\n  - {name: b, wiat: 5 s}\nnamed:\n  n: {name: c, moed: fast}\n")
    assert found == [
        ("USE-FIL-012", "5:15: unknown key 'wiat'; did you mean 'wait'?"),
        ("USE-FIL-012", "7:16: unknown key 'moed'; did you mean 'mode'?"),
    ]


def test_an_unknown_key_that_resembles_nothing_is_refused_without_a_guess() -> None:
    assert problems("title: x\nqqq: 1\n") == [("USE-FIL-012", "3:1: unknown key 'qqq'")]


@pytest.mark.parametrize("written", ["1.10", "NO", "on", "00123", "12:30:45", "11:22:33:44:55", "1e3", "true"])
def test_G06_a_bare_scalar_where_text_is_meant_is_refused(written: str) -> None:
    code, message = problems(f"title: {written}\n")[0]
    assert code == "USE-FIL-014"
    assert message.startswith("2:8: ")
    assert message.endswith(f'write it in quotes: "{written}"')


def test_G06_a_bare_word_of_an_enumeration_is_refused_unless_the_field_takes_it_as_written() -> None:
    assert problems("title: x\nitems: [{name: a, mode: on}]\n")[0][0] == "USE-FIL-014"
    assert document("title: x\nitems: [{name: a, support: no}]\n").validate(Sheet).items[0].support == "no"


def test_nothing_where_text_is_meant_is_refused() -> None:
    assert problems("title:\n") == [("USE-FIL-016", "2:1: text is due, not nothing")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("number: 1.5", "3:9: a whole number is due, not '1.5'"),
        ("number: '1'", "3:9: a whole number is due, not '1'"),
        ("number: true", "3:9: a whole number is due, not 'true'"),
        ("number: -1", "3:9: input should be greater than or equal to 0"),
        ("flag: yes", "3:7: true or false is due, not 'yes'"),
        ("items: {}", "3:8: a list is due, not a mapping"),
        ("items: [x]", "3:9: a mapping is due, not 'x'"),
        ("named: []", "3:8: a mapping is due, not a list"),
    ],
)
def test_a_value_of_another_type_is_refused(line: str, message: str) -> None:
    assert problems(f"title: x\n{line}\n") == [("USE-FIL-016", message)]


def test_a_word_outside_an_enumeration_is_refused_with_the_nearest() -> None:
    found = problems("title: x\nitems: [{name: a, mode: fats}]\n")
    assert found == [("USE-FIL-016", "3:25: must be one of fast, slow, on, not 'fats'; did you mean 'fast'?")]


def test_G07_a_quantity_without_unit_or_of_another_dimension_is_refused() -> None:
    found = problems(
        "title: x\nitems:\n  - {name: a, wait: 5}\n  - {name: b, wait: 5 V}\n  - {name: c, wait: 5 secnd}\n"
    )
    assert found == [
        ("USE-FIL-015", "4:21: a quantity in s is due, and 5 has no unit"),
        ("USE-FIL-015", "5:21: '5 V' is not a quantity in s: V measures something else"),
        ("USE-FIL-015", "6:21: unknown unit 'secnd'; did you mean 'second'?"),
    ]


def test_G08_a_negative_time_and_a_range_upside_down_are_refused() -> None:
    body = "title: x\nitems:\n  - {name: a, wait: -1 s}\n  - {name: b, range: {lower: 6 V, upper: 5000 mV}}\n"
    assert problems(body) == [
        ("USE-FIL-015", "4:21: -1 s is less than 0 s"),
        ("USE-FIL-016", "5:30: lower is above upper"),
    ]


def test_an_alternative_that_is_unknown_is_refused_with_the_nearest() -> None:
    found = problems("title: x\nitems: [{name: a, shape: {kind: bal}}]\n")
    assert found == [("USE-FIL-016", "3:26: must be one of box, ball, not 'bal'; did you mean 'ball'?")]


def test_the_fields_of_an_alternative_have_their_places_and_names() -> None:
    found = problems("title: x\nitems: [{name: a, shape: {kind: ball, radios: 1 s, radius: 1 V}}]\n")
    assert [code for code, _ in found] == ["USE-FIL-012", "USE-FIL-015"]
    assert found[0][1] == "3:39: unknown key 'radios'"
    assert found[1][1].startswith("3:60: ")


def test_a_key_of_a_mapping_that_is_no_name_is_refused_at_the_key() -> None:
    found = problems("title: x\nnamed:\n  'a b': {name: x}\n")
    assert found[0][1].startswith("4:3: key: ")


@pytest.mark.parametrize("text", ["schema: sheet/2\ntitel: 1\n", "schema: other/1\n", "schema: 1\n"])
def test_G17_a_file_of_another_kind_or_version_is_named_as_such_and_nothing_else(text: str) -> None:
    with pytest.raises(FileError) as caught:
        parse("s.yaml", text.encode()).validate(Sheet)
    assert [problem.code for problem in caught.value.problems] == ["USE-FIL-017"]
    assert caught.value.what.startswith("s.yaml:1:9: ")
    assert "'sheet/1'" in caught.value.what


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("schma: sheet/1\n", "USE-FIL-012", "did you mean 'schema'?"),
        ("title: x\n", "USE-FIL-013", "missing key 'schema'"),
        ("- x\n", "USE-FIL-011", "not a mapping"),
        ("~\n", "USE-FIL-011", "empty"),
    ],
)
def test_a_file_that_does_not_name_its_schema_is_refused(text: str, code: str, says: str) -> None:
    with pytest.raises(FileError) as caught:
        parse("s.yaml", text.encode()).validate(Sheet)
    assert caught.value.code == code
    assert says in caught.value.what


def test_contradictions_between_parts_have_places_too() -> None:
    assert problems("title: wrong\nnumber: 7\n") == [("USE-TST-001", "3:1: 7 is not for s.yaml:2:8")]


def test_the_error_names_the_first_problem_and_lists_all_in_the_order_of_the_file() -> None:
    with pytest.raises(UsageError) as caught:
        document("title: NO\nnumber: x\nflag: maybe\n").validate(Sheet)
    error = caught.value
    assert isinstance(error, FileError)
    assert error.code == "USE-FIL-014"
    assert error.what.startswith("s.yaml:2:8: ")
    assert "s.yaml:3:9: " in str(error)
    assert "s.yaml:4:7: " in str(error)


def test_the_error_survives_its_way_between_processes() -> None:
    with pytest.raises(FileError) as caught:
        document("title: NO\n").validate(Sheet)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    assert copy.problems == caught.value.problems


class Foreign(BaseModel):
    """Settings of a driver that knows nothing of this package's models."""

    model_config = ConfigDict(extra="forbid")
    address: str
    door: Literal["a", "b"] = "a"
    extra: dict[str, Any] = {}


def test_any_pydantic_model_gets_places_and_the_rule_for_bare_scalars() -> None:
    read = parse("b.yaml", b"roles:\n  supply:\n    adress: x\n    address: 1.10\n    door: c\n")
    with pytest.raises(FileError) as caught:
        read.validate(Foreign, at=("roles", "supply"))
    assert [(problem.code, str(problem.position)) for problem in caught.value.problems] == [
        ("USE-FIL-012", "3:5"),
        ("USE-FIL-014", "4:14"),
        ("USE-FIL-016", "5:11"),
    ]
    assert caught.value.problems[0].meant == ""


def test_data_from_elsewhere_replaces_a_part_and_keeps_its_places() -> None:
    read = parse("b.yaml", b"roles:\n  supply: {address: 'sim:supply'}\n")
    built = read.validate(Foreign, at=("roles", "supply"), data={"address": "127.0.0.1:5"})
    assert built.address == "127.0.0.1:5"
    with pytest.raises(FileError) as caught:
        read.validate(Foreign, at=("roles", "supply"), data={"address": 5})
    assert caught.value.what.startswith("b.yaml:2:21: ")
