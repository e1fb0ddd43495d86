"""Case G16, rules that are out of date or were changed: an installed pack of rules, and an accredited run on it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from importlib.metadata import Distribution, version
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.resources import shipped
from pytest_conformance.running.packs import changed_files

DOCUMENT = """
document:
  id: LAB-RULES
  title_zh: 实验室规则
  title_en: rules of the laboratory
  issuer: laboratory
  number: R-1
  issued: "2020-01-01"
  effective: "2020-01-01"
  status: in force
  sources_seen: [its author]
  {more}
clauses:
  - id: LAB-RULES-1
    text_zh: 通电
    text_en: The device draws current.
    text_status: verbatim
    obligation: must
    applies_to: [lock]
    testable: measured
    method: Measure it.
    observables: [operator]
    severity: minor
"""
SOURCE = """
@clause("LAB-RULES-1")
def test_it(powered):
    pass
"""


def install(folder: Path, more: str) -> Path:
    """Install a pack of rules into `folder` as pip would, with a RECORD of what it brought."""
    folder.mkdir(parents=True)
    data = folder / "lab_rules" / "data"
    info = folder / "lab_rules-1.0.dist-info"
    data.mkdir(parents=True)
    info.mkdir()
    (folder / "lab_rules" / "__init__.py").write_text(
        "from pathlib import Path\n\n\ndef folder():\n    return Path(__file__).parent / 'data'\n"
    )
    (data / "rules.yaml").write_text(DOCUMENT.format(more=more), "utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-rules\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pytest_conformance.catalogues]\nlab-rules = lab_rules:folder\n")
    rows = []
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest()).rstrip(b"=").decode()
        rows.append(f"{file.relative_to(folder).as_posix()},sha256={digest},{file.stat().st_size}\n")
    (info / "RECORD").write_text("".join(rows) + "lab_rules-1.0.dist-info/RECORD,,\n")
    return data / "rules.yaml"


@pytest.mark.parametrize(
    ("more", "edit", "accredited", "said"),
    [
        ("", "", "--accredited", ""),
        ("superseded_on: '2021-03-01'\n  superseded_by: R-2", "", "--accredited", "MET-EDN-001"),
        ("superseded_on: '2021-03-01'\n  superseded_by: R-2", "", "", ""),
        ("superseded_on: '2999-01-01'", "", "--accredited", ""),
        ("", "The device draws no current.", "--accredited", "BEN-VAL-002"),
        ("", "The device draws no current.", "", ""),
    ],
)
def test_G16_rules_that_were_superseded_or_changed(
    more: str,
    edit: str,
    accredited: str,
    said: str,
    conduct: Any,
    bench_file: Callable[..., Path],
    far: Any,
    tmp_path: Any,
) -> None:
    """A superseded edition, a pack whose files are not those of its RECORD: an accredited run is refused, naming the
    clauses or the file; nothing is powered. Other runs go on."""
    rules = install(tmp_path / "site", more)
    if edit:
        rules.write_text(rules.read_text("utf-8").replace("The device draws current.", edit), "utf-8")
    profile = tmp_path / "profile.yaml"
    profile.write_text((shipped("fixtures") / "profiles" / "standard.yaml").read_text("utf-8"), "utf-8")
    file = bench_file(
        supply="calibration: {certificate: c, body: b, due: 2999-01-01}",
        rest=f"validated: {version('pytest-conformance')}\n",
    )

    ran = conduct(SOURCE, file, *filter(None, [accredited]), PYTHONPATH=str(tmp_path / "site"))

    refused = [each.data["text"] for each in ran.events("note") if "refused to start" in each.data["text"]]
    if accredited:  # this bench has no golden samples, so that it is refused in any case
        assert ran.process.returncode == 11, ran.out
        codes = ("MET-EDN-001", "BEN-VAL-002")
        assert [each for each in codes if each in refused[0]] == [each for each in codes if each == said]
        assert far.output == []
    if said == "MET-EDN-001":
        assert "R-1 was superseded on 2021-03-01: LAB-RULES-1" in refused[0]
    if said == "BEN-VAL-002":
        assert "lab-rules 1.0 is not as it was installed: lab_rules/data/rules.yaml" in refused[0]
    if not accredited:
        assert (refused, ran.verdict("LAB-RULES-1")) == ([], ("PASS", None)), ran.out


def test_G16_a_file_that_is_missing_counts_as_changed(tmp_path: Path) -> None:
    rules = install(tmp_path / "site", "")
    pack = Distribution.at(tmp_path / "site" / "lab_rules-1.0.dist-info")
    assert changed_files(pack) == []
    rules.unlink()
    assert changed_files(pack) == ["lab_rules/data/rules.yaml"]
