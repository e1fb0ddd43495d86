"""The pages that people read: links lead somewhere, shown code is real code, and the two READMEs stay twins."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "changelog").glob("README.md"), *(ROOT / "docs").rglob("*.md")],
    key=lambda path: str(path),
)
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)|<img src=\"([^\"]+)\"")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LARGEST_PICTURE = 300_000


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {"#" + re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    broken = []
    for target, anchor, picture in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        there = target or picture
        if there.startswith(("http://", "https://", "mailto:")):
            continue
        found = (page.parent / there).resolve() if there else page
        if not found.exists() or (anchor and found.suffix == ".md" and anchor not in anchors(found)):
            broken.append(there + anchor)
    assert broken == []


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", "docs/architecture.md"])
def test_a_clause_test_that_is_shown_stands_in_a_suite(name: str) -> None:
    suites = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "suites").rglob("test_*.py")))
    shown = [text.strip() for text in blocks(ROOT / name, "python") if text.startswith("@clause")]
    assert shown, f"{name} shows no clause test"
    assert [text for text in shown if text not in suites] == [], f"copy the test as it stands now into {name}"


def test_both_readmes_show_the_same_commands_and_code() -> None:
    english, chinese = ROOT / "README.md", ROOT / "README.zh-CN.md"
    for language in ("sh", "python"):
        assert blocks(english, language) == blocks(chinese, language)
    assert len(re.findall(r"^#+ ", english.read_text(), re.M)) == len(re.findall(r"^#+ ", chinese.read_text(), re.M))


def test_the_commands_that_the_readme_begins_with_are_targets_of_make() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = re.findall(r"^make (\w+)", "\n".join(blocks(ROOT / "README.md", "sh")), re.MULTILINE)
    assert asked == ["bench", "test"]
    assert set(asked) <= targets


def test_pictures_are_small_enough_for_a_page() -> None:
    pictures = sorted((ROOT / "docs" / "pictures").iterdir())
    assert {"architecture.svg", "terminal.png", "report.png", "allure.png", "allure-test.png", "matrix.png"} <= {
        path.name for path in pictures
    }
    assert [path.name for path in pictures if path.stat().st_size > LARGEST_PICTURE] == []


def test_fragments_of_the_changelog_have_a_known_kind_and_say_something() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]
    kinds = {each["directory"] for each in settings["type"]}
    kept = {"README.md", Path(settings["template"]).name}
    for fragment in (ROOT / settings["directory"]).iterdir():
        if fragment.name not in kept:
            assert fragment.name.split(".")[-2] in kinds, fragment.name
            assert fragment.read_text(encoding="utf-8").strip(), fragment.name
    assert settings["start_string"] in (ROOT / settings["filename"]).read_text(encoding="utf-8")
