"""What is wrong in a file, with its place, and the error that carries it. Codes: docs/files.md."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_conformance.errors import UsageError


@dataclass(frozen=True, order=True)
class Position:
    """A place in a text: line and column, both from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a file: stable code, place, message, and what may have been meant."""

    code: str
    position: Position
    message: str
    meant: str = ""

    def __str__(self) -> str:
        return f"{self.position}: {self.message}" + (f"; did you mean {self.meant!r}?" if self.meant else "")


class FileError(UsageError):
    """A file given by the user is wrong. `problems` lists everything found, in the order of the file."""

    problems: tuple[Problem, ...] = ()
    path: str = ""

    @classmethod
    def of(cls, path: str, problems: Iterable[Problem]) -> FileError:
        """Make the error of `path`: the first problem is the message, the others follow in what to do."""
        ordered = tuple(sorted(problems, key=lambda problem: problem.position))
        first, others = ordered[0], ordered[1:]
        more = " | ".join(f"{path}:{problem}" for problem in others)
        error = cls(
            first.code,
            f"{path}:{first}",
            todo=f"correct the file; also wrong there: {more}" if others else "correct the file",
        )
        error.problems, error.path = ordered, path
        return error

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.path, self.problems, (self.code, self.what, self.where, self.expected, self.todo)))


def _rebuild(path: str, problems: tuple[Problem, ...], texts: tuple[str, str, str, str, str]) -> FileError:
    code, what, where, expected, todo = texts
    error = FileError(code, what, where=where, expected=expected, todo=todo)
    error.path, error.problems = path, problems
    return error


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the name of `known` that `name` was most likely meant to be, or "" when none is near."""
    candidates: Sequence[str] = sorted(known)
    exact = [candidate for candidate in candidates if _folded(candidate) == _folded(name)]
    near = exact or difflib.get_close_matches(name[:100], candidates, n=1, cutoff=0.6)
    return near[0] if near else ""


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")
