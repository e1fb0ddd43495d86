"""The summary and the live view: plain, escaped, 80 columns."""

from __future__ import annotations

import io
from pathlib import Path

from pytest_conformance.record import PlannedClause, Run
from pytest_conformance.reports import build_views, read_record
from pytest_conformance.reports.terminal import LiveView, summary
from pytest_conformance.verdicts import Cause, Contribution, Verdict


def test_the_summary_says_what_failed_and_why(run: Run) -> None:
    text = summary(build_views(run.folder).record)

    assert "FAIL A-1: <script>alert(1)</script>" in text
    assert "INCONCLUSIVE (bench) A-2~: BEN-LNK-001: gone" in text
    assert "MOCK" in text
    assert f"record: {run.folder}" in text
    assert f"report: {run.folder}/report.html" in text
    assert "1 applicable clause(s) have no test" in text
    all_row = next(line for line in text.splitlines() if line.strip().startswith("all"))
    assert all_row.split() == ["all", "0", "0", "1", "0", "2", "1", "3"]


def test_H02_the_summary_holds_no_control_characters(run: Run) -> None:
    text = summary(read_record(run.folder))

    assert not set(text) & set("\x00\x1b\r\ud800\u202e")
    text.encode("utf-8")


def test_the_table_and_the_findings_fit_80_columns(run: Run) -> None:
    lines = summary(read_record(run.folder), width=80).splitlines()
    findings = [line for line in lines if line.startswith(("FAIL", "INCONCLUSIVE", "    "))]

    assert findings
    assert max(map(len, findings)) <= 80
    assert max(len(line) for line in lines if line.startswith((" A", " all", " ─"))) <= 80


def test_colour_is_ours_alone(run: Run) -> None:
    text = summary(read_record(run.folder), colour=True)

    assert "\x1b[" in text
    assert "\x1b[31mPASSED" not in text


def test_many_findings_are_counted(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {})
    names = [f"A-{number}" for number in range(60)]
    run.plan([PlannedClause(name, "A", True) for name in names], documents={})
    run.verdict(names, Contribution(Verdict.FAIL, "t", Cause.DUT, "bad"))

    text = summary(read_record(run.folder))

    assert text.count("FAIL A-") == 40
    assert "... and 20 more" in text


class _Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _live(tmp_path: Path, *, tty: bool) -> tuple[Run, LiveView, io.StringIO, _Time]:
    stream, time = io.StringIO(), _Time()
    run = Run.start(tmp_path, {})
    view = LiveView(stream, now=time, tty=tty)
    run.listen(view)
    return run, view, stream, time


def test_the_live_view_tells_what_is_shown_and_how_long_it_takes(tmp_path: Path) -> None:
    run, view, _, time = _live(tmp_path, tty=False)
    run.event(
        "progress", {"showing": "print \x1b[2J", "campaign": "PAD", "done": 3, "planned": 60, "seconds_left": 125}
    )
    run.event("trial", {"campaign": "PAD", "number": 4, "outcome": "rejected"})
    run.verdict(["A-1"], Contribution(Verdict.PASS, "t"))
    time.now = 5

    assert view.line() == "print \\x1b[2J · PAD 4/60 trials · ends in about 2:00 min · 1 pass"


def test_off_a_terminal_only_findings_and_a_sign_of_life_are_printed(tmp_path: Path) -> None:
    run, _, stream, time = _live(tmp_path, tty=False)
    with run.step("Stimulate", "show a mask"):
        run.verdict(["A-1"], Contribution(Verdict.PASS, "t"))
        run.verdict(["A-2"], Contribution(Verdict.INCONCLUSIVE, "t", Cause.BENCH, "BEN-SER-003: gone\r\x1b[1A"))
        time.now = 31
        run.event("trial", {"campaign": "c", "number": 1, "outcome": "match"})
    run.stop(10)

    assert [line for line in stream.getvalue().splitlines() if line] == [
        "INCONCLUSIVE A-2: Bench fault: BEN-SER-003: gone\\x0d\\x1b[1A",
        "Stimulate: show a mask · c 1 trials · 1 pass, 1 inconclusive",
    ]


def test_on_a_terminal_the_line_is_kept_current_and_taken_away(tmp_path: Path) -> None:
    run, view, stream, _ = _live(tmp_path, tty=True)
    run.event("progress", {"showing": "mask\x07", "done": 1, "planned": 2})
    with view.aside():
        before = stream.getvalue()
    run.event("progress", {"showing": "print", "done": 2, "planned": 2})
    run.stop(0)

    assert "mask\\x07 · 1/2 trials" in before
    assert "\x07" not in stream.getvalue()
    assert stream.getvalue().rstrip("\n").endswith("\x1b[2K"), "the last thing done is to clear the line"
