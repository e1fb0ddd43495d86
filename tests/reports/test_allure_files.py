"""environment.properties and categories.json."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pytest_conformance.record import Run
from pytest_conformance.reports import read_record
from pytest_conformance.reports.allure_files import CATEGORIES, write_allure_files


def test_the_environment_is_ascii_and_one_line_each(run: Run, tmp_path: Path) -> None:
    write_allure_files(read_record(run.folder), tmp_path / "a")

    lines = (tmp_path / "a" / "environment.properties").read_bytes().decode("ascii").splitlines()
    named = dict(line.split(" = ", 1) for line in lines)
    assert named["Bench"] == "mock"
    assert named["Sample"] == "S/1"
    assert named["Door.supply"] == "socket"
    assert "\\\\x1b[31mPASSED\\\\x0d\\\\ud800" in named["Firmware"]


def test_an_inconclusive_result_is_never_sorted_as_a_device_finding() -> None:
    def sorted_as(message: str, status: str) -> str:
        for category in CATEGORIES:
            fits = re.fullmatch(str(category.get("messageRegex", ".*")), message)
            if fits and status in category["matchedStatuses"]:  # type: ignore[operator]
                return str(category["name"])
        return ""

    assert sorted_as("Bench fault: INCONCLUSIVE: BEN-1", "broken") == "Bench fault"
    assert sorted_as("Device finding: INCONCLUSIVE: DUT-1", "broken") == "Device did not cooperate"
    assert sorted_as("Device finding: FAIL: x", "failed") == "Device finding"
    assert sorted_as("Limit exceeded: FAIL: x", "failed") == "Limit exceeded"


def test_categories_are_written(run: Run, tmp_path: Path) -> None:
    write_allure_files(read_record(run.folder), tmp_path)

    assert len(json.loads((tmp_path / "categories.json").read_text())) == len(CATEGORIES)
