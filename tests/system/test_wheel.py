"""The built wheel: what it carries, and a bench run from it, outside of the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]
Conduct = Callable[..., Any]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(CHECKOUT)]
    subprocess.run(build, check=True, capture_output=True, timeout=240)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_has_no_top_level_names_but_its_own(names: list[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert {each for each in tops if not each.endswith(".dist-info")} == {"pytest_conformance"}


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("suites", "pytest_conformance/shipped/suites"),
        ("benches", "pytest_conformance/shipped/benches"),
        ("fixtures", "pytest_conformance/shipped/fixtures"),
        ("pytest_conformance", "pytest_conformance"),
    ],
)
def test_everything_that_is_committed_is_in_the_wheel(names: list[str], here: str, there: str) -> None:
    listed = subprocess.run(["git", "ls-files", here], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    wanted = {f"{there}/{name.removeprefix(here + '/')}" for name in listed.stdout.splitlines()}
    assert wanted
    assert wanted <= set(names)
    assert "pytest_conformance/py.typed" in names
    assert not [name for name in names if re.search(r"__pycache__|\.pyc$|/tests?/", name)]


def test_a_bench_runs_from_the_wheel_in_an_environment_below_an_empty_folder(
    conduct: Conduct, wheel: Path, tmp_path: Path
) -> None:
    """The suites lie in `.venv/lib/.../site-packages` below the folder of the run, where pytest would not look."""
    venv = tmp_path / ".venv"
    site = venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (venv / "bin" / "activate").write_text("")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True, capture_output=True, timeout=240)
    ran = conduct("", "--clauses=CN-PIPL-16", "--collect-only", "-q", PYTHONPATH=str(site))
    assert ran.code == 0, ran.out
    assert re.search(r"^suites/|site-packages/pytest_conformance/shipped/suites/", ran.out, re.MULTILINE), ran.out
    tests = ran.clauses["CN-PIPL-16"]["tests"]
    assert tests
    assert all(name.startswith("suites/") for name in tests)
    own = conduct_own(conduct, tmp_path, site)
    assert own.code == 0, own.out
    header = own.of_type("start")[0].data["header"]
    assert header["bench"] == "mock"


def conduct_own(conduct: Conduct, here: Path, site: Path) -> Any:
    """Run one test of the user's own on the wheel's mock bench, and check that the wheel's code is what ran."""
    for each in (here / "runs").iterdir():
        each.rename(here / each.name)
    source = f"""
@clause("CN-FRT-8.b")
def test_from_the_wheel(device, supply):
    import pytest_conformance
    assert pytest_conformance.__file__.startswith({str(site)!r})
    device.power_on()
    assert device.identity().model
"""
    return conduct(source, PYTHONPATH=str(site))


@pytest.mark.skipif(not os.environ.get("WHEEL_TEST"), reason="downloads everything anew; `make wheel-test` runs it")
def test_the_wheel_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True, timeout=240)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"{wheel}[all]"], check=True, timeout=1200)
    work = tmp_path / "work"
    work.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    done = subprocess.run(
        [python, "-m", "pytest", "--bench=mock", "--clauses=EN303645-5.9-2,CN-PIPL-16"],
        cwd=work,
        env=kept,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(work.glob("runs/*/results.json"))
