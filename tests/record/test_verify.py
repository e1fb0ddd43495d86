"""Verification names the first bad event, and every piece of evidence that is not what was recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_conformance.record import Run, read_journal, verify_evidence, verify_journal, verify_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run.start(tmp_path, {})
    for number in range(6):
        run.event("note", {"text": f"n{number}"})
    run.evidence(b"picture", name="p", media_type="image/png")
    run.stop(0)
    return run


def _lines(run: Run) -> list[bytes]:
    return (run.folder / "journal.jsonl").read_bytes().splitlines(keepends=True)


def _rewrite(run: Run, lines: list[bytes]) -> Path:
    path = run.folder / "journal.jsonl"
    path.write_bytes(b"".join(lines))
    return path


def test_an_intact_run_has_no_findings(run: Run) -> None:
    assert verify_run(run.folder) == []


def test_E05_every_flipped_byte_is_found_in_its_line(run: Run) -> None:
    lines = _lines(run)
    for number, line in enumerate(lines):
        for position in range(0, len(line), 7):
            changed = bytearray(line)
            changed[position] ^= 0x01
            path = _rewrite(run, [*lines[:number], bytes(changed), *lines[number + 1 :]])
            findings = verify_journal(path)
            assert findings, (number, position)
            assert findings[0].seq == number, (number, position, findings)


def test_E05_the_line_end_of_the_last_line_is_a_torn_tail(run: Run) -> None:
    lines = _lines(run)

    (finding,) = verify_journal(_rewrite(run, [*lines[:-1], lines[-1][:-1]]))

    assert (finding.code, finding.seq) == ("torn", len(lines) - 1)


@pytest.mark.parametrize("number", [0, 1, 4])
def test_E05_a_dropped_line_is_named(run: Run, number: int) -> None:
    lines = _lines(run)

    (finding,) = verify_journal(_rewrite(run, lines[:number] + lines[number + 1 :]))

    assert (finding.code, finding.seq) == ("missing", number)


def test_E05_a_cut_off_end_is_noticed_by_the_root(run: Run) -> None:
    lines = _lines(run)

    (finding,) = verify_journal(_rewrite(run, lines[:-2]))

    assert (finding.code, finding.seq) == ("missing", len(lines) - 2)


def test_E05_swapped_lines_are_named(run: Run) -> None:
    lines = _lines(run)
    lines[3], lines[4] = lines[4], lines[3]

    (finding,) = verify_journal(_rewrite(run, lines))

    assert (finding.code, finding.seq) == ("order", 3)


def test_a_line_added_after_the_end_is_noticed(run: Run) -> None:
    later = Run.join(run.folder)
    later.event("note", {"text": "afterthought"})

    (finding,) = verify_journal(run.folder / "journal.jsonl")

    assert finding.code == "root"


def test_an_empty_journal_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").touch()

    assert [finding.code for finding in verify_journal(tmp_path / "journal.jsonl")] == ["missing"]


@pytest.mark.parametrize("text", ["", "[]", '{"events": 0, "head": ""}', '{"events": "x"}'])
def test_a_broken_root_is_a_finding(run: Run, text: str) -> None:
    (run.folder / "journal.root").write_text(text)

    assert [finding.code for finding in verify_journal(run.folder / "journal.jsonl")] == ["root"]


def test_E07_evidence_replaced_missing_or_extra_is_reported(run: Run) -> None:
    events = read_journal(run.folder / "journal.jsonl")
    (file,) = [path for path in (run.folder / "evidence").rglob("*") if path.is_file()]

    file.write_bytes(b"another")
    assert [finding.code for finding in verify_evidence(run.folder, events)] == ["evidence-changed"]

    moved = file.with_name("0" * 64 + ".png")
    file.rename(moved)
    codes = [finding.code for finding in verify_evidence(run.folder, events)]
    assert codes == ["evidence-missing", "evidence-extra"]
