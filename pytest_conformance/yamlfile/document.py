"""A file as it was read: its data, the places of its parts, and the digest of its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_conformance.yamlfile.compose import Path, Positions, compose
from pytest_conformance.yamlfile.problems import FileError, Position, Problem
from pytest_conformance.yamlfile.text import decode, read_bytes

if TYPE_CHECKING:
    import pydantic

    Model = TypeVar("Model", bound=pydantic.BaseModel)


@dataclass(frozen=True)
class Fault:
    """What is wrong at `path` of a document; `on_key` puts it at the key instead of the value."""

    path: Path
    message: str
    code: str = "USE-FIL-016"
    meant: str = ""
    on_key: bool = False


@dataclass(frozen=True, eq=False)
class Document:
    """The data of one YAML file. It stays as it was read, also when the file changes later."""

    name: str
    """The file's path as the user gave it."""
    data: Any
    positions: Positions
    digest: str
    """SHA-256 of the bytes that were read, hexadecimal."""

    def place(self, path: Path, *, on_key: bool = False) -> str:
        """Return `file:line:column` of the value (or the key) at `path`, or of the nearest thing around it."""
        return f"{self.name}:{self._position(path, on_key)}"

    def _position(self, path: Path, on_key: bool) -> Position:
        return self.positions.key(path) if on_key else self.positions.value(path)

    def at(self, path: Path) -> Any:
        """Return the data at `path`; KeyError or IndexError when there is none."""
        data = self.data
        for step in path:
            data = data[step]
        return data

    def error(self, faults: Iterable[Fault]) -> FileError:
        """Return the error that lists `faults` with their places."""
        return FileError.of(
            self.name,
            [
                Problem(fault.code, self._position(fault.path, fault.on_key), fault.message, fault.meant)
                for fault in faults
            ],
        )

    def validate(self, model: type[Model], at: Path = (), data: Any = None) -> Model:
        """Return `model` built from the part at `at`; FileError lists everything that is wrong.

        `data` replaces that part (its places are still those of the file, where it has the same keys). A model
        that is a `FileModel` keeps this document and is asked for its `contradictions`.
        """
        from pytest_conformance.yamlfile.validation import validated

        return validated(self, model, at, self.at(at) if data is None else data)


def parse(name: str, content: bytes) -> Document:
    """Return the document of `content`; `name` stands in messages."""
    data, positions = compose(name, decode(name, content))
    return Document(name, data, positions, hashlib.sha256(content).hexdigest())


def read(path: FilePath | str) -> Document:
    """Read `path` once; FileError with file, line and column when it is not strict YAML."""
    return parse(shown(FilePath(path)), read_bytes(FilePath(path)))


def shown(path: FilePath) -> str:
    """Return `path` as messages show it: relative to the working folder when it lies within."""
    absolute, here = path.absolute(), FilePath.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)


def load(path: FilePath | str, model: type[Model]) -> Model:
    """Read `path` and build `model` from it; FileError lists everything that is wrong with its place."""
    return read(path).validate(model)
