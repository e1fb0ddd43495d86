"""Write docs/fixtures.md: the public fixtures, and each procedure with what it observes and the clauses it serves.

Reads the sources without importing them. `--check` writes nothing and ends with 1 when the page is stale.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "pytest_conformance" / "fixtures.py"
PROCEDURES = ROOT / "pytest_conformance" / "procedures"
SUITES = ROOT / "suites"
PAGE = ROOT / "docs" / "fixtures.md"
MAKERS = {"_role": 1, "_kind": None}
"""Functions of fixtures.py that make a fixture: where their text stands among the arguments."""

HEAD = """\
# Fixtures and procedures

<!-- Written by tools/fixture_list.py from the sources: change the docstrings there and run it again. -->

What a clause test may ask for. All of them exist only in a bench run (`--bench`). A test that asks for a role which
the bench lacks gets `INCONCLUSIVE(method)` with the role's name.

```python
from pytest_conformance import Limit, clause


@clause("CN-FRT-8.a")
def test_the_picture_is_gone_in_time(retention, judgement):
    judgement.report("declared life of the enrolment picture", retention.picture_limit, "s")
    assert retention.picture_after == 0, "the enrolment picture is still there after its declared time"
```

A plain `assert` that fails is `FAIL(dut)`. `judgement.require(name, value, limit, uncertainty=..., n=...)` compares a
measured value with a limit under the decision rule of the profile. Raise `MethodError` when what was seen allows no
conclusion: an absence counts only when the trigger fired. Suites are typed; say what a fixture is by importing its
class under `TYPE_CHECKING` where that helps the reader.

A *procedure* drives the device once per run and returns an observation: a frozen dataclass, recorded as JSON, so that
it can be judged again. Several clauses share one procedure. To write one, decorate a function with
`pytest_conformance.procedures.procedure.procedure`; its parameters are fixtures, its first line of documentation is
what the live view shows.
"""


@dataclass(frozen=True)
class Fixture:
    """One fixture; for a procedure also the class and fields of its observation, and the clauses that it serves."""

    name: str
    text: str
    gives: str = ""
    fields: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _decorators(node: ast.FunctionDef) -> Iterator[str]:
    for each in node.decorator_list:
        yield ast.unparse(each.func if isinstance(each, ast.Call) else each).rsplit(".", 1)[-1]


def _first_line(node: ast.FunctionDef | ast.ClassDef) -> str:
    paragraph = (ast.get_docstring(node) or "").split("\n\n")[0]
    return " ".join(paragraph.split())


def public_fixtures(path: Path = FIXTURES) -> list[Fixture]:
    """Return the fixtures of fixtures.py in the order in which they stand there."""
    found = []
    for node in _tree(path).body:
        if isinstance(node, ast.FunctionDef) and "fixture" in _decorators(node):
            found.append(Fixture(node.name, _first_line(node), ast.unparse(node.returns) if node.returns else ""))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            maker = ast.unparse(node.value.func)
            if maker in MAKERS:
                values = [each.value for each in node.value.args if isinstance(each, ast.Constant)]
                place = MAKERS[maker]
                said = f"The device under test, which must be a {values[0]}." if place is None else str(values[place])
                found.append(Fixture(str(values[0]), said))
    return found


def procedures(folder: Path = PROCEDURES, suites: Path = SUITES) -> dict[str, list[Fixture]]:
    """Return for each module of procedures its shared fixtures and its procedures, in their order."""
    served = clauses_by_fixture(suites)
    found = {}
    for path in sorted(folder.glob("*.py")):
        body = _tree(path).body
        classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
        made = [
            _procedure(node, classes, served)
            for node in body
            if isinstance(node, ast.FunctionDef) and {"procedure", "fixture"} & set(_decorators(node))
        ]
        if made:
            found[path.stem] = made
    return found


def _procedure(node: ast.FunctionDef, classes: dict[str, ast.ClassDef], served: dict[str, tuple[str, ...]]) -> Fixture:
    gives = ast.unparse(node.returns) if node.returns else ""
    observation = classes.get(gives) if "procedure" in _decorators(node) else None
    fields = [each.target for each in (observation.body if observation else ()) if isinstance(each, ast.AnnAssign)]
    names = tuple(each.id for each in fields if isinstance(each, ast.Name))
    return Fixture(node.name, _first_line(node), gives, names, served.get(node.name, ()))


def clauses_by_fixture(suites: Path = SUITES) -> dict[str, tuple[str, ...]]:
    """Return for each fixture the clauses whose tests ask for it."""
    found: dict[str, list[str]] = {}
    for path in sorted(suites.rglob("test_*.py")):
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef):
                marks = [each for each in node.decorator_list if isinstance(each, ast.Call)]
                ids = [a.value for mark in marks for a in mark.args if isinstance(a, ast.Constant)]
                for argument in node.args.args:
                    found.setdefault(argument.arg, []).extend(each for each in ids if isinstance(each, str))
    return {name: tuple(sorted(set(ids), key=_natural)) for name, ids in found.items()}


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(each), "") if each.isdigit() else (0, each) for each in re.findall(r"\d+|\D+", text)]


def page() -> str:
    """Return the text of docs/fixtures.md."""
    lines = [HEAD, "## Public fixtures", "", "| fixture | what it is |", "|---|---|"]
    lines += [f"| `{each.name}` | {_cell(each.text)} |" for each in public_fixtures()]
    lines += ["", "## Procedures", "", "Beside each: the fields of its observation, and the clauses that it serves."]
    for module, made in procedures().items():
        lines += ["", f"### {module}"]
        for each in made:
            lines += ["", f"**`{each.name}`** ({_cell(each.gives)}): {_cell(each.text)}"]
            if each.fields:
                lines += ["", f"Observes {', '.join(f'`{name}`' for name in each.fields)}."]
            if each.fields and each.clauses:
                lines += ["", f"Serves {', '.join(each.clauses)}."]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return re.sub(r"([|<>*\\])", r"\\\1", text)


def main(arguments: Sequence[str]) -> int:
    text = page()
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print("docs/fixtures.md is stale: run tools/fixture_list.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
