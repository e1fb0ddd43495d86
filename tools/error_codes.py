"""Write docs/errors.md: every error code of package and suites, with its class, first message and what to do about it.

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
FOLDERS = (ROOT / "pytest_conformance", ROOT / "suites")
PAGE = ROOT / "docs" / "errors.md"
CODE = re.compile(r"(BEN|ENV|OPR|MET|DUT|ABO|USE)-[A-Z0-9]+-\d{3}")
LONGEST = 160
"""Characters of a message on the page."""

FAMILIES = {
    "BEN": ("BenchError", "bench", "The laboratory", "an instrument, link, store or the bench itself failed"),
    "ENV": (
        "SurroundingsError",
        "environment",
        "The laboratory",
        "light, temperature or radio were outside the method",
    ),
    "OPR": ("OperatorError", "operator", "The operator", "a person did not do what the method asks"),
    "MET": (
        "MethodError",
        "method",
        "Whoever plans the test",
        "the method cannot conclude: a role, fact, limit or trial is missing",
    ),
    "DUT": (
        "DeviceError",
        "dut",
        "The supplier",
        "the device did not cooperate, and the clause does not say what that means",
    ),
    "ABO": ("AbortedError", "aborted", "Whoever stopped the run", "the run was stopped before this could be judged"),
    "USE": ("UsageError", "method", "Whoever wrote the file or option", "a file, option or call is wrong"),
}
"""Prefix of a code: its class, the cause of the verdict, who must act, what it means."""

MEANINGS = {
    "BEN-APN-001": "the access point does not answer, or refuses",
    "BEN-CAL-110": "a reading of the timing chain is missing: no light, frame or edge came",
    "BEN-CAP-012": "a marker datagram did not reach the capture",
    "BEN-CLD-001": "the cloud stand-in's admin door does not answer, or refuses",
    "BEN-INS-090": "a measured value or its uncertainty is no finite number",
    "BEN-INS-104": "the answer is no plain number",
    "BEN-INS-106": "the reading is outside what the instrument can read",
    "BEN-INS-111": "a setting reads back differently from what was set",
    "BEN-INS-132": "the table's position is not confirmed",
    "BEN-INT-001": "a fixture or test broke with an error that is no assertion: a defect of the bench's own code",
    "BEN-LNK-041": "the Bluetooth dongle does not answer, or an exchange broke",
    "BEN-SIM-004": "the simulated bench refused a request of its control port",
    "BEN-STO-005": "a value cannot be recorded: too long, too deep, or of no plain kind",
    "BEN-WRK-001": "the parallel worker that ran this test died",
    "DUT-CON-002": "the device refused a verb of its test port",
    "MET-INT-002": "the device behaves differently when somebody stands between it and its cloud",
    "MET-REG-001": "no subject of this pseudonym is registered",
    "MET-REG-002": "no artefact of this name is registered",
    "MET-TRF-001": "bytes left that could not be read: enough of them to hold what was looked for",
    "USE-BEN-001": "no bench file of this name; the nearest names are given",
    "USE-CAT-001": "no document has this clause; the nearest ids are given",
    "USE-CAT-010": "the catalogue has no such document; the nearest names are given",
    "USE-CLS-001": "a test names a clause that no document has; the nearest ids are given",
    "USE-CMD-002": "an option of the command is wrong or missing",
    "USE-DUT-001": "no declaration of this name; the nearest names are given",
    "USE-FIL-004": "the file has a character that a reader cannot see",
    "USE-FIL-015": "a quantity without unit, of another dimension, or out of bounds",
    "USE-FIL-016": "a value of another type, or outside the vocabulary",
    "USE-PRO-001": "no profile of this name; the nearest names are given",
    "USE-PLN-001": "no plan has this name; the nearest names are given",
    "USE-QTY-001": "not a quantity: one decimal number and a unit are due",
    "USE-REG-001": "no register of this name; the nearest names are given",
    "USE-REG-002": "an id or a holder is there twice",
    "USE-SIM-001": "the simulated device or known-bad behaviour does not exist",
}
"""What a code means where its first message is put together at run time, or belongs to one of several cases."""

DATA_KINDS = {"Fault": "UsageError", "Problem": "UsageError", "Found": "UsageError"}
"""Plain data that carries a code into an error which a file's reader raises."""


@dataclass(frozen=True)
class Use:
    """One place in the sources that names a code. `error` is a class of errors.py, "" where a verdict is made."""

    code: str
    error: str
    message: str
    todo: str
    path: str
    line: int


class Sources:
    """The parsed modules of some folders beside each other, with the error classes and functions that they define."""

    def __init__(self, *folders: Path) -> None:
        self.root = folders[0].parent
        paths = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
        texts = {path: path.read_text(encoding="utf-8") for path in paths}
        self.with_codes = [path for path, text in texts.items() if CODE.search(text)]
        about_errors = [path for path, text in texts.items() if "Error" in text]
        self.trees = {path: ast.parse(texts[path]) for path in about_errors}
        self.bases = self._error_bases()
        self.functions: dict[str, list[tuple[Path, ast.FunctionDef]]] = {}
        for path, tree in self.trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef):
                    self.functions.setdefault(node.name, []).append((path, node))

    def uses(self) -> Iterator[Use]:
        """Yield every place where a code is raised or put into a verdict, by path and line."""
        for path in self.with_codes:
            tree = self.trees.get(path) or ast.parse(path.read_text(encoding="utf-8"))
            parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
            found = [each for node in ast.walk(tree) for each in self._use(node, path, parents)]
            yield from sorted(found, key=lambda each: each.line)

    def root_class(self, name: str) -> str:
        """Return the class of errors.py that `name` is or derives from; "" when it is none of the tree."""
        while name in self.bases and self.bases[name][0] != "errors.py":
            name = self.bases[name][1]
        return name if name in self.bases else ""

    def _error_bases(self) -> dict[str, tuple[str, str]]:
        classes = [
            (node.name, path.name, [base.id for base in node.bases if isinstance(base, ast.Name)])
            for path, tree in self.trees.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
        ]
        known = {"ConformanceError": ("errors.py", "")}
        while True:
            new = {n: (f, b) for n, f, bases in classes for b in bases if b in known and n not in known}
            if not new:
                return known
            known.update(new)

    def _use(self, node: ast.AST, path: Path, parents: dict[ast.AST, ast.AST]) -> Iterator[Use]:
        where = path.relative_to(self.root).as_posix(), getattr(node, "lineno", 0)
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            return
        if in_sentence := re.search(rf"({CODE.pattern}): $", node.value):
            yield Use(in_sentence[1], self._by_prefix(in_sentence[1]), "", "", *where)
        if not CODE.fullmatch(node.value):
            return
        at: ast.AST = node
        while not isinstance(at, ast.Call | ast.arguments | ast.stmt):
            if isinstance(at, ast.Compare):
                return
            at = parents[at]
        error = self._by_prefix(node.value)
        message = todo = ""
        if isinstance(at, ast.Call):
            error = self._class_of(at, path, node.value)
            message, todo = _message(at, node, parents), _keyword(at, "todo")
        yield Use(node.value, error, message, todo, *where)

    def _class_of(self, call: ast.Call, path: Path, code: str) -> str:
        name = _last_name(call.func)
        owner = _last_name(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        if name == "Contribution":
            return ""
        for each in (name, owner):
            if root := self.root_class(each) or DATA_KINDS.get(each, ""):
                return root
        helpers = self.functions.get(name, [])
        nearest = [node for where, node in helpers if where == path] or [node for _, node in helpers]
        raised = {self._raised_by(node) for node in nearest} - {""}
        return raised.pop() if len(raised) == 1 else self._by_prefix(code)

    def _raised_by(self, function: ast.FunctionDef) -> str:
        names = (_last_name(node.func) for node in ast.walk(function) if isinstance(node, ast.Call))
        roots = {self.root_class(name) for name in names} - {""}
        return roots.pop() if len(roots) == 1 else ""

    @staticmethod
    def _by_prefix(code: str) -> str:
        return FAMILIES[code[:3]][0]


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _message(call: ast.Call, code: ast.Constant, parents: dict[ast.AST, ast.AST]) -> str:
    """Return the first text beside the code: what stands after it, else what stands before it."""
    place = call.args.index(code) if code in call.args else len(call.args)
    for argument in [*call.args[place + 1 :], *reversed(call.args[:place])]:
        if said := _text(argument, _enclosing(call, parents)):
            return said
    return ""


def _keyword(call: ast.Call, name: str) -> str:
    return next((_text(each.value, None) for each in call.keywords if each.arg == name), "")


def _enclosing(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> ast.AST | None:
    while node in parents and not isinstance(node, ast.FunctionDef):
        node = parents[node]
    return node if isinstance(node, ast.FunctionDef) else None


def _text(node: ast.expr, function: ast.AST | None) -> str:
    """Return the text that `node` gives, with … for what is only known at run time; "" when it is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value if " " in node.value else ""
    if isinstance(node, ast.JoinedStr):
        parts = [str(each.value) if isinstance(each, ast.Constant) else "…" for each in node.values]
        said = "".join(parts).strip()
        return said if re.search(r"[a-z]{2,} |[a-z]{2,}$", said) else ""
    if isinstance(node, ast.BinOp):
        return " ".join(filter(None, (_text(node.left, function), _text(node.right, function))))
    if isinstance(node, ast.IfExp):
        return _text(node.body, function) or _text(node.orelse, function)
    if isinstance(node, ast.Name) and function is not None:
        for each in ast.walk(function):
            if isinstance(each, ast.Assign) and _last_name(each.targets[0]) == node.id:
                return _text(each.value, None)
    return ""


def conflicts(uses: Sequence[Use]) -> list[str]:
    """Return what is wrong: a code under two classes, of another family than its prefix says, or without a meaning."""
    wrong = []
    for code in sorted({each.code for each in uses}):
        classes = sorted({each.error for each in uses if each.code == code and each.error})
        places = ", ".join(f"{each.path}:{each.line}" for each in uses if each.code == code)
        if len(classes) > 1:
            wrong.append(f"{code} is used for {' and '.join(classes)}: {places}")
        strange = [each for each in classes if _family(each) != code[:3]]
        wrong.extend(f"{code} is used for {each}, another family: {places}" for each in strange)
        if code not in MEANINGS and not any(each.message for each in uses if each.code == code):
            wrong.append(f"{code} has no message that can be read here: add one to MEANINGS in this tool: {places}")
    wrong.extend(f"{code} in MEANINGS is in no source" for code in sorted(set(MEANINGS) - {each.code for each in uses}))
    return wrong


def _family(error: str) -> str:
    for prefix, (name, *_) in FAMILIES.items():
        if error == name:
            return prefix
    return "BEN"


def page(uses: Sequence[Use]) -> str:
    """Return the text of docs/errors.md."""
    lines = [
        "# Error codes",
        "",
        "<!-- Written by tools/error_codes.py from the sources: change the message there and run it again. -->",
        "",
        "Every error that the bench raises on purpose says what happened, where, what was expected and what to do, and",
        "carries one of these codes. The first three letters tell who must act. A code keeps its meaning from release",
        "to release; the wording may get better. `…` stands for what is only known when it happens.",
        "",
        "None of these is a verdict on the device. Before the bench is powered, such an error refuses the run (exit",
        "code 11). Inside a test it gives `INCONCLUSIVE` with the cause of its family.",
        "",
        "| prefix | cause | who acts | meaning |",
        "|---|---|---|---|",
    ]
    lines += [f"| [`{p}`](#{p.lower()}) | {cause} | {who} | {what} |" for p, (_, cause, who, what) in FAMILIES.items()]
    for prefix, (_, _, _, what) in FAMILIES.items():
        lines += ["", f"## {prefix}", "", f"{what[0].upper()}{what[1:]}.", ""]
        codes = sorted({each.code for each in uses if each.code.startswith(prefix)})
        if not codes:
            lines.append("No code of this family is in use yet.")
            continue
        lines += ["| code | class | what | to do |", "|---|---|---|---|"]
        lines += [_row(code, [each for each in uses if each.code == code]) for code in codes]
    return "\n".join(lines) + "\n"


def _row(code: str, uses: Sequence[Use]) -> str:
    error = next((each.error for each in uses if each.error), "")
    message = MEANINGS.get(code) or next((each.message for each in uses if each.message), "")
    todo = next((each.todo for each in uses if each.todo), "")
    return f"| `{code}` | {error or 'none: a verdict'} | {_cell(message)} | {_cell(todo)} |"


def _cell(text: str) -> str:
    line = " ".join(text.split())
    line = line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
    return re.sub(r"([|<>*\\])", r"\\\1", line)


def main(arguments: Sequence[str]) -> int:
    uses = list(Sources(*FOLDERS).uses())
    wrong = conflicts(uses)
    for each in wrong:
        print(each, file=sys.stderr)
    text = page(uses)
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print("docs/errors.md is stale: run tools/error_codes.py", file=sys.stderr)
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
