"""The base of all models of a file: unknown keys refused, frozen, with the document that it came from."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr
from pydantic_core import PydanticCustomError

from pytest_conformance.yamlfile.compose import Path
from pytest_conformance.yamlfile.document import Document, Fault

Text = Annotated[str, Field(min_length=1, max_length=2000)]
"""Text that says something."""

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A word that other parts of a file refer to: letters, digits, dot, dash and underscore."""

Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
Positive = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]


def _iso_date(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            pass
    raise PydanticCustomError("date", "a date is due, for example 2027-03-31")


Date = Annotated[datetime.date, BeforeValidator(_iso_date)]
"""A day, written 2027-03-31."""


class Part(BaseModel):
    """A section of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=False)


class FileModel(Part):
    """A whole file. Subclasses name their schema in a field `format` with the alias "schema"."""

    _document: Document | None = PrivateAttr(default=None)

    @property
    def document(self) -> Document:
        """The document that this was built from; ValueError when it was built in memory."""
        if self._document is None:
            raise ValueError(f"this {type(self).__name__} was not read from a file")
        return self._document

    @property
    def digest(self) -> str:
        """SHA-256 of the file's bytes as they were read, hexadecimal."""
        return self.document.digest

    def place(self, path: Path, *, on_key: bool = False) -> str:
        """Return `file:line:column` of what stands at `path`; the path itself when this was built in memory."""
        if self._document is None:
            return ".".join(str(step) for step in path)
        return self._document.place(path, on_key=on_key)

    def contradictions(self) -> Iterable[Fault]:
        """Return what is wrong between the parts of the file, once each part is right by itself."""
        return ()
