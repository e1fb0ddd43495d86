"""Find a file by name or path: beside the user first, then what ships with the package."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pytest_conformance.errors import UsageError
from pytest_conformance.yamlfile.problems import nearest

SUFFIXES = (".yaml", ".yml")


def find(
    name: str,
    folders: Iterable[Path],
    what: str,
    code: str,
    further: Mapping[str, Callable[[], Path]] | None = None,
) -> Path:
    """Return the file that `name` means: a path when it has a slash or a suffix, else NAME.yaml of `folders`.

    `further` gives files by name that other packages bring. Raises UsageError `code` naming the nearest names;
    a link that leads out of its folder is refused (fault case G10).
    """
    folders = list(dict.fromkeys(folder.absolute() for folder in folders))
    if "/" in name or "\\" in name or name.endswith(SUFFIXES):
        return _given(Path(name).expanduser(), what, code)
    for folder in folders:
        for suffix in SUFFIXES:
            path = folder / f"{name}{suffix}"
            if path.is_file():
                return _inside(path, folder, what)
    further = further or {}
    if name in further:
        return further[name]()
    known = {*names(folders), *further}
    near = nearest(name, known)
    raise UsageError(
        code,
        f"no {what} is called {name!r}" + (f"; did you mean {near!r}?" if near else ""),
        where=", ".join(str(folder) for folder in folders),
        expected=f"one of {', '.join(sorted(known)) or 'none that is installed'}, or the path of a file",
        todo=f"check the name, or add {name}.yaml to the first folder",
    )


def names(folders: Iterable[Path]) -> set[str]:
    """Return the names of the YAML files in `folders`; folders that are not there have none."""
    return {path.stem for folder in folders if folder.is_dir() for path in folder.iterdir() if path.suffix in SUFFIXES}


def _given(path: Path, what: str, code: str) -> Path:
    if path.is_file():
        return path
    siblings = names([path.parent])
    near = nearest(path.stem, siblings)
    raise UsageError(
        code,
        f"there is no {what} file {path}" + (f"; did you mean {path.parent / near}.yaml?" if near else ""),
        todo="check the path",
    )


def _inside(path: Path, folder: Path, what: str) -> Path:
    if path.resolve().is_relative_to(folder.resolve()):
        return path
    raise UsageError(
        "USE-FIL-019",
        f"the {what} {path.name!r} is a link that leads out of its folder",
        where=str(folder),
        expected="a file of that folder",
        todo="copy the file, or give its path",
    )
