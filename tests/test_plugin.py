"""The plugin at rest: options and markers, nothing heavy, nothing done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("numpy", "cv2", "pyvisa", "scipy", "pydantic", "mitmproxy")
TELLER = """
import json, sys

def pytest_collection_finish(session):
    json.dump(sorted(sys.modules), open("modules.json", "w"))
"""


def collect(folder: Path, *options: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """Collect in `folder` in a process of its own; return its end and the modules that were loaded after collection.

    No other plugin but allure-pytest is there: what it has loaded already would hide what this one loads.
    """
    folder.mkdir()
    (folder / "conftest.py").write_text(TELLER)
    (folder / "test_own.py").write_text("def test_own():\n    pass\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    kept["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "allure_pytest", *options]
    done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, timeout=120, check=False)
    file = folder / "modules.json"
    return done, set(json.loads(file.read_text())) if file.exists() else set()


def test_without_a_bench_nothing_heavy_is_loaded_and_nothing_is_done(tmp_path: Path) -> None:
    done, with_plugin = collect(tmp_path / "with", "--collect-only", "-p", "conformance")
    _, without = collect(tmp_path / "without", "--collect-only")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pytest_conformance.plugin" in with_plugin
    assert "pytest_conformance.plugin" not in without
    assert without.isdisjoint(HEAVY), "something else hides what the plugin loads"
    added = {name.partition(".")[0] for name in with_plugin - without}
    assert added.isdisjoint(HEAVY), added & set(HEAVY)
    own = {name for name in with_plugin - without if name.startswith("pytest_conformance")}
    assert own == {"pytest_conformance", "pytest_conformance.plugin", "pytest_conformance.hookspec"}
    assert {each.name for each in (tmp_path / "with").iterdir()} <= {
        "conftest.py",
        "test_own.py",
        "modules.json",
        "__pycache__",
    }


def test_a_test_run_without_a_bench_is_pytest_s_own(tmp_path: Path) -> None:
    done, _ = collect(tmp_path / "run", "-p", "conformance")
    assert done.returncode == 0
    assert "1 passed" in done.stdout
    assert "conformance" not in done.stdout


def test_options_and_markers_are_there(pytestconfig: pytest.Config) -> None:
    for name in ("bench", "dut", "record", "resume", "replay", "clauses", "profile", "known_bad"):
        assert pytestconfig.getoption(f"conformance_{name}") is None
        assert pytestconfig.getini(f"conformance_{name}") == ""
    for name in ("accredited", "require_all"):
        assert pytestconfig.getoption(f"conformance_{name}") is False
        assert pytestconfig.getini(f"conformance_{name}") is False
    assert any(line.startswith("clause(") for line in pytestconfig.getini("markers"))


def test_the_public_names_are_lazy() -> None:
    code = "import pytest_conformance, sys; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert set(done.stdout.split()).isdisjoint({*HEAVY, "pytest"})
