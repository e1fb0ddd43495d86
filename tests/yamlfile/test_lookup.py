from __future__ import annotations

from pathlib import Path

import pytest

from pytest_conformance.errors import UsageError
from pytest_conformance.yamlfile.lookup import find


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    for name in ("mine/mock.yaml", "mine/lab2.yml", "shipped/mock.yaml", "shipped/lab1.yaml", "outside.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("a: 1\n")
    return [tmp_path / "mine", tmp_path / "shipped", tmp_path / "none"]


def test_a_name_is_looked_up_beside_the_user_first(folders: list[Path]) -> None:
    assert find("mock", folders, "bench", "USE-BEN-001") == folders[0] / "mock.yaml"
    assert find("lab1", folders, "bench", "USE-BEN-001") == folders[1] / "lab1.yaml"
    assert find("lab2", folders, "bench", "USE-BEN-001") == folders[0] / "lab2.yml"


def test_a_path_is_taken_as_it_is(folders: list[Path]) -> None:
    path = folders[1] / "mock.yaml"
    assert find(str(path), folders, "bench", "USE-BEN-001") == path


def test_what_packages_bring_comes_last(folders: list[Path], tmp_path: Path) -> None:
    brought = {"private": lambda: tmp_path / "outside.yaml", "mock": lambda: tmp_path / "never"}
    assert find("private", folders, "bench", "USE-BEN-001", brought) == tmp_path / "outside.yaml"
    assert find("mock", folders, "bench", "USE-BEN-001", brought) == folders[0] / "mock.yaml"


@pytest.mark.parametrize(("name", "near"), [("mokc", "'mock'"), ("lab", "'lab2'"), ("Mock", "'mock'")])
def test_an_unknown_name_is_refused_with_the_nearest(folders: list[Path], name: str, near: str) -> None:
    with pytest.raises(UsageError) as caught:
        find(name, folders, "bench", "USE-BEN-001")
    assert caught.value.code == "USE-BEN-001"
    assert f"did you mean {near}?" in caught.value.what
    assert "lab1, lab2, mock" in caught.value.expected


def test_a_path_that_is_not_there_is_refused_with_its_nearest_neighbour(folders: list[Path]) -> None:
    with pytest.raises(UsageError) as caught:
        find(str(folders[1] / "lab.yaml"), folders, "bench", "USE-BEN-001")
    assert caught.value.code == "USE-BEN-001"
    assert "lab1.yaml?" in caught.value.what


def test_G10_a_link_that_leads_out_of_its_folder_is_refused(folders: list[Path], tmp_path: Path) -> None:
    (folders[0] / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (folders[0] / "within.yaml").symlink_to(folders[0] / "mock.yaml")
    with pytest.raises(UsageError) as caught:
        find("link", folders, "bench", "USE-BEN-001")
    assert caught.value.code == "USE-FIL-019"
    assert find("within", folders, "bench", "USE-BEN-001") == folders[0] / "within.yaml"


@pytest.mark.parametrize("name", ["..", "../outside", "", "."])
def test_G10_a_name_does_not_lead_out_of_the_folders(folders: list[Path], name: str) -> None:
    with pytest.raises(UsageError) as caught:
        find(name, folders, "bench", "USE-BEN-001")
    assert caught.value.code == "USE-BEN-001"
