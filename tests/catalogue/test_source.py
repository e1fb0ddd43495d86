"""The compiled form is the YAML; what is wrong in a file is said with its line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_conformance.catalogue.source import COMPILED, SHIPPED, compile_folder, read_folder, rows, write_compiled
from pytest_conformance.errors import UsageError

Writer = Callable[..., Path]


def test_the_compiled_catalogue_is_what_the_yaml_says() -> None:
    compiled = json.loads((SHIPPED / COMPILED).read_bytes())
    assert compiled == compile_folder(SHIPPED), "run: python -m pytest_conformance.catalogue"


def test_a_stale_compiled_form_is_not_used(folder: Writer) -> None:
    path = folder([{"text_en": "before"}])
    write_compiled(path)
    rules = path / "rules.yaml"
    rules.write_text(rules.read_text(encoding="utf-8").replace("before", "after"), encoding="utf-8")
    assert [row["text_en"] for _, row in rows(read_folder(path))] == ["after"]


def test_a_fresh_compiled_form_is_used(folder: Writer) -> None:
    path = folder([{}])
    compiled = write_compiled(path)
    compiled.write_text(compiled.read_text(encoding="utf-8").replace('"Look."', '"Listen."'), encoding="utf-8")
    assert [row["method"] for _, row in rows(read_folder(path))] == ["Listen."]


def test_loading_parses_no_yaml_and_loads_neither_pydantic_nor_numpy() -> None:
    code = (
        "import sys; from pytest_conformance.catalogue import load_catalogue; load_catalogue().clause('CN-FRT-8.b');"
        "print([name for name in ('pydantic', 'ruamel.yaml', 'numpy', 'pytest', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"severty": "major"}, ":24:3: unknown key 'severty'"),
        ({"severity": "enormous"}, ":23:13: input should be 'critical'"),
        ({"applies_to": ["door"]}, "lock"),
        ({"observables": ["smell"]}, "device_ui"),
        ({"obligation": True}, ":16:15: input should be 'must'"),
        ({"text_en": 5}, ":14:12: text is due"),
        ({"id": "two words"}, ":12:7: string should match pattern"),
    ],
)
def test_a_row_of_another_shape_is_refused_with_its_line(folder: Writer, row: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_folder(folder([row]))
    assert caught.value.code.startswith("USE-FIL-")
    assert "rules.yaml:" in caught.value.what
    assert said in str(caught.value)


def test_a_duplicate_key_is_refused(folder: Writer) -> None:
    path = folder([{}])
    rules = path / "rules.yaml"
    rules.write_text(rules.read_text(encoding="utf-8") + "clauses: []\n", encoding="utf-8")
    with pytest.raises(UsageError, match="duplicate key"):
        read_folder(path)


def test_aliases_and_deep_nesting_are_refused(folder: Writer) -> None:
    path = folder([{}])
    (path / "more.yaml").write_text("a: &a [x]\nb: [*a, *a]\n", encoding="utf-8")
    with pytest.raises(UsageError):
        read_folder(path)
    (path / "more.yaml").write_text("a: " + "[" * 5000 + "]" * 5000 + "\n", encoding="utf-8")
    with pytest.raises(UsageError):
        read_folder(path)


def test_an_expression_overlay_states_or_admits_prose_but_not_both(folder: Writer) -> None:
    for overlay in ({"condition": "x"}, {"condition": "x", "expression": "camera", "prose": True}):
        with pytest.raises(UsageError):
            read_folder(folder([{}], expressions={"conditions": [overlay]}))


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_folder(tmp_path / "nowhere")
    assert caught.value.code == "USE-CAT-007"
