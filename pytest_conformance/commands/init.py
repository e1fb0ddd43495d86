"""`conformance init [DIR]`: a bench file, a declaration and a clause test to begin with; never overwrites a file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_conformance.commands import OK
from pytest_conformance.commands.output import add_json, one_line, print_json
from pytest_conformance.errors import StorageError, UsageError

if TYPE_CHECKING:
    from pytest_conformance.catalogue import Feature

DRIVERS = {"lock": "lock", "camera": "camera", "wearable": "wearable"}
"""Driver that the skeleton names for each kind."""
NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", nargs="?", type=Path, default=Path(), help="where (default: here)")
    parser.add_argument("--name", default="lab1", help="name of the bench (default: lab1)")
    parser.add_argument("--device", default="my-device", help="name of the declaration (default: my-device)")
    parser.add_argument("--kind", choices=sorted(DRIVERS), default="lock", help="kind of device (default: lock)")
    add_json(parser)


def run(arguments: Namespace) -> int:
    for option in ("name", "device"):
        _check_name(option, getattr(arguments, option))
    contents = _contents(arguments.name, arguments.device, arguments.kind)
    fresh = {str(arguments.folder / name): _write(arguments.folder / name, text) for name, text in contents.items()}
    written = [name for name, done in fresh.items() if done]
    kept = [name for name, done in fresh.items() if not done]
    if arguments.json:
        print_json({"schema": "conformance-init/1", "written": written, "kept": kept})
        return OK
    for each in written:
        print(f"written: {one_line(each)}")
    for each in kept:
        print(f"kept as it is, because it is there: {one_line(each)}")
    print(
        f"next: put your addresses into benches/{arguments.name}.yaml, then: conformance doctor {arguments.name}\n"
        "or, without any instrument: pytest --bench=mock suites/test_example.py"
    )
    return OK


def _check_name(option: str, name: str) -> None:
    if not name or not set(name) <= NAME_CHARACTERS or name.startswith(("-", "_")):
        raise UsageError(
            "USE-INI-001",
            f"--{option} {name!r} cannot be the name of a file",
            expected="small letters, digits, - and _, beginning with a letter or digit",
        )


def _contents(name: str, device: str, kind: str) -> dict[str, str]:
    """Return what is written, by path below the folder."""
    declaration = {
        "@DEVICE@": device,
        "@KIND@": kind,
        "@DRIVER@": DRIVERS[kind],
        "@FEATURES@": _questions(),
        "@RELOCK@": "  relock: 5 s\n" if kind == "lock" else "",
    }
    return {
        f"benches/{name}.yaml": _filled("bench.yaml", {"@NAME@": name, "@DEVICE@": device}),
        f"fixtures/devices/{device}.yaml": _filled("device.yaml", declaration),
        "suites/test_example.py": _filled("test_example.py.txt", {}),
    }


def _filled(template: str, values: dict[str, str]) -> str:
    text = files("pytest_conformance.commands").joinpath("templates", template).read_text("utf-8")
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text


def _questions() -> str:
    """Return the catalogue's vocabulary as commented lines: an answer that nobody gave is no answer."""
    from pytest_conformance.catalogue import load_features

    features = [each for each in load_features().values() if each.name != "product"]
    return "".join(f"  # {each.name}: # {_answers(each)}: {each.en}\n" for each in features)


def _answers(feature: Feature) -> str:
    if feature.type == "bool":
        return "true or false"
    return " or ".join(feature.values) if feature.type == "choice" else f"number of {feature.unit or 'units'}"


def _write(target: Path, text: str) -> bool:
    """Write a new file; return False when there is one already, which is left as it is."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        if target.is_file() or target.is_symlink():
            return False
        raise _unwritable(target, "something that is no file is in its place") from None
    except OSError as error:
        raise _unwritable(target, error.strerror or str(error)) from error
    return True


def _unwritable(target: Path, why: str) -> StorageError:
    return StorageError("BEN-STO-021", f"a file cannot be written: {why}", where=str(target), todo="choose another DIR")
