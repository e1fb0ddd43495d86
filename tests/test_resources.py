"""Where what is shipped lies: in the wheel's copy first, else beside the package."""

from pathlib import Path

import pytest

from pytest_conformance import resources


@pytest.mark.parametrize("name", ["suites", "benches", "fixtures"])
def test_what_is_shipped_is_there(name: str) -> None:
    assert any(resources.shipped(name).iterdir())


def test_the_wheel_s_copy_comes_before_a_folder_beside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "pytest_conformance"
    inside, beside = package / "shipped" / "benches", tmp_path / "benches"
    beside.mkdir(parents=True)
    package.mkdir()
    monkeypatch.setattr(resources, "_PACKAGE", package)
    assert resources.shipped("benches") == beside
    inside.mkdir(parents=True)
    assert resources.shipped("benches") == inside


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "pytest_conformance")
    with pytest.raises(FileNotFoundError, match="'suites'"):
        resources.shipped("suites")
