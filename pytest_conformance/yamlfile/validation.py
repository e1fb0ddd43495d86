"""From pydantic's errors to the file's own: place, plain words, what may have been meant."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import pydantic

from pytest_conformance.yamlfile.compose import Bare, Path
from pytest_conformance.yamlfile.document import Document, Fault
from pytest_conformance.yamlfile.model import FileModel
from pytest_conformance.yamlfile.problems import nearest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=pydantic.BaseModel)

_WANTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "mapping_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
}


def validated(document: Document, model: type[Model], at: Path, data: Any) -> Model:
    """Build `model` from `data`, which stands at `at` in `document`; FileError lists everything that is wrong."""
    if issubclass(model, FileModel):
        _check_schema(document, model, at, data)
    try:
        built = model.model_validate(data)
    except pydantic.ValidationError as error:
        details = error.errors(include_url=False)
        faults = [fault for detail in details for fault in [_fault(document, model, at, detail)]]
        raise document.error(_once(faults)) from None
    if isinstance(built, FileModel):
        built._document = document
        if contradictions := list(built.contradictions()):
            raise document.error(contradictions)
    return built


def _once(faults: Iterable[Fault]) -> list[Fault]:
    return list(dict.fromkeys(faults))


def _check_schema(document: Document, model: type[FileModel], at: Path, data: Any) -> None:
    """Refuse a file of another kind or version before each of its keys is called unknown."""
    wanted = typing.get_args(model.model_fields["format"].annotation)[0]
    if not isinstance(data, Mapping):
        what = "empty" if data is None else "not a mapping"
        raise document.error([Fault(at, f"the file is {what}; it should start with: schema: {wanted}", "USE-FIL-011")])
    if "schema" not in data:
        near = nearest("schema", data)
        if near:
            raise document.error([Fault((*at, near), f"unknown key {near!r}", "USE-FIL-012", "schema", on_key=True)])
        raise document.error([Fault(at, f"missing key 'schema': {wanted}", "USE-FIL-013")])
    if data["schema"] != wanted:
        written = f"{data['schema']}"[:80]
        raise document.error(
            [Fault((*at, "schema"), f"the schema is {written!r}, but {wanted!r} is read here", "USE-FIL-017")]
        )


def _fault(document: Document, model: type[pydantic.BaseModel], at: Path, detail: ErrorDetails) -> Fault:
    kind, loc = detail["type"], detail["loc"]
    path = _path(document, at, loc)
    if kind == "extra_forbidden":
        known = [name for name in fields_at(model, loc[:-1]) if name not in _present(document, path[:-1])]
        return Fault(path, f"unknown key {loc[-1]!r}", "USE-FIL-012", nearest(str(loc[-1]), known), on_key=True)
    if kind == "missing":
        return Fault(path, f"missing key {loc[-1]!r}", "USE-FIL-013")
    context = detail.get("ctx") or {}
    if loc and loc[-1] == "[key]":
        return Fault(path, f"key: {_plain(detail['msg'])}", on_key=True)
    if kind in _WANTED or kind == "literal_error" or isinstance(detail["input"], Bare):
        return _wrong_type(document, path, detail, context)
    if "expected_tags" in context:
        expected = _quoted(str(context["expected_tags"]))
        message = f"must be one of {', '.join(expected)}, not {context.get('tag')!r}"
        return Fault(path, message, meant=nearest(str(context.get("tag")), expected))
    code, meant = str(context.get("code", "USE-FIL-016")), str(context.get("meant", ""))
    return Fault((*path, *context.get("at", ())), _plain(detail["msg"]), code, meant)


def _wrong_type(document: Document, path: Path, detail: ErrorDetails, context: Mapping[str, Any]) -> Fault:
    value = detail["input"]
    written = document.positions.written.get(path, str(value))
    expected = _quoted(str(context.get("expected", "")))
    texts = detail["type"] in ("string_type", "literal_error")
    bare = isinstance(value, Bare | bool | int | float)
    if bare and texts and (not expected or written in expected):
        message = f'text is due, and {written} is not text for every reader: write it in quotes: "{written}"'
        return Fault(path, message, "USE-FIL-014")
    if expected:
        shown = "nothing" if value is None else repr(written)[:80]
        return Fault(path, f"must be one of {', '.join(expected)}, not {shown}", meant=nearest(written, expected))
    if context.get("code"):
        return Fault(path, _plain(detail["msg"]), str(context["code"]), str(context.get("meant", "")))
    wanted = _WANTED.get(detail["type"])
    if wanted is None:
        return Fault(path, _plain(detail["msg"]))
    return Fault(path, f"{wanted} is due, not {_called(value, written)}")


def _called(value: object, written: str) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "a list"
    return repr(written)[:80]


def _plain(message: str) -> str:
    """Return pydantic's message without its preamble, in lower case at the start."""
    message = re.sub(r"^(Value error|Assertion failed), ", "", message)
    return message[:1].lower() + message[1:] if message[1:2].islower() else message


def _quoted(expected: str) -> list[str]:
    return re.findall(r"'([^']*)'", expected)


def _path(document: Document, at: Path, loc: Sequence[str | int]) -> Path:
    """Return the part of `loc` that stands in the file: pydantic also names alternatives of unions and functions."""
    path = at
    for step in loc:
        if (*path, step) in document.positions.values:
            path = (*path, step)
    return path


def _present(document: Document, path: Path) -> Iterable[str]:
    try:
        data = document.at(path)
    except (KeyError, IndexError, TypeError):
        return ()
    return data if isinstance(data, Mapping) else ()


def fields_at(annotation: Any, loc: Sequence[str | int]) -> Iterator[str]:
    """Yield the names that a mapping at `loc` within `annotation` may have as keys."""
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield from _fields_of_model(annotation, loc)
    elif origin in (typing.Union, types.UnionType):
        for argument in arguments:
            yield from fields_at(argument, loc)
    elif loc and isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) == 2:
        yield from fields_at(arguments[1], loc[1:])
    elif loc and isinstance(origin, type) and issubclass(origin, Sequence) and arguments:
        yield from fields_at(arguments[0], loc[1:])


def _fields_of_model(model: type[pydantic.BaseModel], loc: Sequence[str | int]) -> Iterator[str]:
    names = {field.alias or name: field for name, field in model.model_fields.items()}
    if not loc:
        yield from names
    elif (field := names.get(str(loc[0]))) is not None:
        yield from fields_at(field.annotation, loc[1:])
    else:
        yield from fields_at(model, loc[1:])
