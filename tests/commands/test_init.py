"""`conformance init`: what it writes can be used as it is, and what is there stays."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_conformance.bench.file import find_bench, load_bench
from pytest_conformance.catalogue import load_catalogue, load_features
from pytest_conformance.cli import main
from pytest_conformance.declaration import check, find_declaration, load_declaration
from pytest_conformance.drivers import registry


def test_the_bench_file_is_sound_and_its_settings_fit_its_drivers(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path), "--name", "lab7"]) == 0
    bench = load_bench(find_bench("lab7", tmp_path))
    assert (bench.name, bench.mode) == ("lab7", "lab")
    assert {"supply", "watch", "capture"} <= set(bench.roles)
    for entry in [*bench.roles.values(), *bench.channels.values()]:
        entry.settings(registry.load(entry.driver).Settings)


@pytest.mark.parametrize("kind", ["lock", "camera", "wearable"])
def test_the_declaration_is_sound_and_answers_nothing_that_nobody_said(kind: str, tmp_path: Path) -> None:
    assert main(["init", str(tmp_path), "--kind", kind, "--device", "mine"]) == 0
    declaration = load_declaration(find_declaration("mine", tmp_path))
    assert declaration.kind == kind
    assert dict(declaration.features) == {"product": kind}
    assert registry.load(declaration.driver, group=registry.DEVICES)
    assert [each for each in check(declaration, load_catalogue()) if each.severity == "error"] == []


def test_every_question_of_the_vocabulary_waits_for_its_answer(tmp_path: Path) -> None:
    main(["init", str(tmp_path)])
    file = tmp_path / "fixtures" / "devices" / "my-device.yaml"
    text = file.read_text("utf-8")
    others = [name for name in load_features() if name != "product"]
    assert all(f"\n  # {name}: # " in text for name in others)
    answered = text.replace("\n  # games: # ", "\n  games: true # ")
    assert answered != text
    file.write_text(answered, "utf-8")
    assert load_declaration(file).features["games"] is True


def test_the_example_is_ten_lines_that_pytest_collects(tmp_path: Path) -> None:
    main(["init", str(tmp_path)])
    test = tmp_path / "suites" / "test_example.py"
    (function,) = (each for each in ast.parse(test.read_text()).body if isinstance(each, ast.FunctionDef))
    assert len(test.read_text().splitlines()) <= 12
    assert function.name.startswith("test_")
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(test)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)
    assert "1 test collected" in done.stdout


def test_nothing_is_ever_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "benches" / "lab1.yaml"
    mine.parent.mkdir()
    mine.write_text("mine")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("also mine")
    link = tmp_path / "suites" / "test_example.py"
    link.parent.mkdir()
    link.symlink_to(elsewhere)
    assert main(["init", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["kept"] == [str(mine), str(link)]
    assert said["written"] == [str(tmp_path / "fixtures" / "devices" / "my-device.yaml")]
    assert (mine.read_text(), elsewhere.read_text()) == ("mine", "also mine")


def test_a_second_time_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path)])
    before = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
    assert main(["init", str(tmp_path), "--kind", "camera"]) == 0
    assert {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()} == before
    assert capsys.readouterr().out.count("kept as it is") == 3


@pytest.mark.parametrize("name", ["", "../outside", "a/b", "Lab", "-x", "lab.yaml", "l\u202eab"])
def test_a_name_that_is_no_plain_file_name_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / "in"), f"--name={name}"]) == 11
    assert "USE-INI-001" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_an_error_of_the_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file")]) == 10
    assert "BEN-STO-021" in capsys.readouterr().err
