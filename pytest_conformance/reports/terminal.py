"""What a person sees in the terminal: the live view while a run goes on, the summary at its end."""

from __future__ import annotations

import io
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from pytest_conformance.record import Event
from pytest_conformance.reports.reading import Record
from pytest_conformance.reports.results import ClauseResult, counts, worst_first
from pytest_conformance.reports.wording import CAUSES, TEXT_KNOWN, VERDICTS, one_line, text_mark, word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

_STYLES = {
    "PASS": "green",
    "CONDITIONAL_PASS": "green",
    "INCONCLUSIVE": "yellow",
    "CONDITIONAL_FAIL": "red",
    "FAIL": "bold red",
    "NOT_APPLICABLE": "dim",
    "NOT_TESTED": "dim",
}
_SHORT = ("pass", "c.pass", "incon.", "c.fail", "fail", "n/a", "untested")
REASON = 240
"""Characters of a reason in the summary."""
_LISTED = 40
"""FAIL and INCONCLUSIVE clauses that the summary prints; the others are counted and in the report."""

_REPEATS = 10
"""Attempts that were repeated, which the summary prints."""
_FOLLOWED = 6
"""Clauses without a test of their own that the summary names for each verdict."""


def summary(record: Record, *, width: int = 80, colour: bool = False) -> str:
    """Return the summary of a run: counts by document, each FAIL and INCONCLUSIVE, where everything lies.

    Device text is escaped; with `colour` the text carries ANSI sequences, all of them ours.
    """
    stream = io.StringIO()
    console = _console(stream, width=width, colour=colour)
    _heading(console, record)
    _counts_table(console, record)
    _findings(console, record)
    _text_note(console, record)
    _whereabouts(console, record)
    return stream.getvalue()


def _heading(console: Console, record: Record) -> None:
    header, device = record.header, record.device
    mark = "MOCK: simulated device, not a test result" if record.simulated else ""
    what = " ".join(one_line(device[name], 60) for name in ("kind", "model") if device.get(name))
    sample = f", sample {one_line(device['sample'], 60)}" if device.get("sample") else ""
    _say(console, f"{what or 'device'}{sample} on bench {one_line(header.get('bench', ''), 60)}", "bold")
    if mark:
        _say(console, mark, "magenta")
    if record.header.get("partial"):
        _say(console, "partial run: not everything that was planned was tested", "yellow")
    for each in record.repeats[:_REPEATS]:
        _say(console, one_line(each, REASON), "yellow")
    if len(record.repeats) > _REPEATS:
        _say(console, f"and {len(record.repeats) - _REPEATS} more, all in the report", "yellow")


def _counts_table(console: Console, record: Record) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_footer=True)
    rows = counts(record.clauses)
    totals = [sum(row[verdict] for row in rows.values()) for verdict in VERDICTS]
    table.add_column("document", footer="all", no_wrap=True, overflow="ellipsis", max_width=28)
    for short, total in zip(_SHORT, totals, strict=True):
        table.add_column(short, justify="right", footer=str(total), no_wrap=True, min_width=len(short))
    for document, row in rows.items():
        if any(row[verdict] for verdict in VERDICTS[:5]):
            cells = [Text(str(row[v]) if row[v] else "·", style=_STYLES[v] if row[v] else "dim") for v in VERDICTS]
            table.add_row(Text(one_line(document, 60)), *cells)
    console.print(table)
    quiet = sum(1 for row in rows.values() if not any(row[verdict] for verdict in VERDICTS[:5]))
    if quiet:
        _say(console, f"{quiet} more document(s) with nothing judged: not applicable or without a test", "dim")


def _findings(console: Console, record: Record) -> None:
    found = [each for each in worst_first(record.clauses) if not each.follows]
    for clause in found[:_LISTED]:
        _say(console, _finding(clause, console.width), _STYLES[clause.verdict])
    if len(found) > _LISTED:
        _say(console, f"... and {len(found) - _LISTED} more; see the report", "dim")
    for verdict in ("FAIL", "CONDITIONAL_FAIL", "INCONCLUSIVE"):
        followed = [one_line(each.id, 40) for each in record.clauses if each.follows and each.verdict == verdict]
        if followed:
            named = ", ".join(followed[:_FOLLOWED]) + (", ..." if len(followed) > _FOLLOWED else "")
            line = f"{verdict} that follows from other clauses, wholly or in part: {len(followed)} ({named})"
            _say(console, textwrap.fill(line, console.width, subsequent_indent="    ", break_on_hyphens=False), "dim")


def _finding(clause: ClauseResult, width: int) -> str:
    """One entry: verdict, cause, clause, reason; a long reason goes on below, indented."""
    cause = f" ({clause.cause})" if clause.cause and clause.cause != "dut" else ""
    mark = "~" if clause.text_status not in TEXT_KNOWN else ""
    entry = f"{clause.verdict}{cause} {one_line(clause.id, 40)}{mark}: {one_line(clause.reason, REASON)}"
    return textwrap.fill(entry, width, subsequent_indent="    ", break_on_hyphens=False)


def _text_note(console: Console, record: Record) -> None:
    doubtful = [each for each in record.clauses if each.tests and text_mark(each.text_status)]
    judged = [each for each in doubtful if each.verdict in VERDICTS[:5]]
    if judged:
        _say(console, f"{len(judged)} judged clause(s) (~) rest on text not checked against the official one:", "dim")
        _say(console, f"for them a pass means no more than {word('PASS', 'memory')!r}", "dim")
    holes = sum(1 for each in record.clauses if each.verdict == "NOT_TESTED" and each.reason == "no-test")
    if holes:
        _say(console, f"{holes} applicable clause(s) have no test (no-test)", "dim")


def _whereabouts(console: Console, record: Record) -> None:
    folder = record.folder
    _say(console, f"record: {one_line(folder, 400)}")
    for name, label in (("report.html", "report"), ("allure-report.html", "allure")):
        if (folder / name).is_file():
            _say(console, f"{label}: {one_line(folder / name, 400)}")
    if record.head:
        _say(console, f"root:   {record.head[:16]} over {record.events} events", "dim")


class LiveView:
    """Shows, while a run goes on, what is being shown, trials done and the expected end; a listener of `Run`.

    On a terminal one line is kept current; elsewhere a plain line is printed for each verdict that is not a pass,
    and every `every` seconds while a campaign goes on. Whoever else writes to the same terminal does so
    `with live.aside():`.
    """

    def __init__(
        self, stream: TextIO, *, every: float = 30.0, now: Callable[[], float] = time.monotonic, tty: bool | None = None
    ) -> None:
        self._stream = stream
        self._tty = stream.isatty() if tty is None else tty
        self._console = _console(stream, width=None, colour=self._tty)
        self._every, self._now, self._last = every, now, now()
        self._live: Any = None
        self.counts: Counter[str] = Counter()
        self.showing, self.campaign, self.done, self.planned = "", "", 0, 0
        self._ends: float | None = None

    def __call__(self, event: Event) -> None:
        """Take one event of the journal."""
        data = event.data
        if event.type == "step" and data["state"] == "begin":
            self.showing = f"{data['phase']}: {data['title']}"
        elif event.type == "progress":
            self._progress(data)
        elif event.type == "trial":
            self._trial(data)
        elif event.type == "verdict":
            self._verdict(data)
        elif event.type == "stop":
            self.close()
            return
        self._refresh()

    def line(self) -> str:
        """Return what is going on, on one line."""
        parts = [one_line(self.showing, 60)] if self.showing else []
        if self.campaign or self.planned:
            total = f"/{self.planned}" if self.planned else ""
            parts.append(f"{one_line(self.campaign, 30)} {self.done}{total} trials".strip())
        if self._ends is not None:
            left = max(0, round(self._ends - self._now()))
            parts.append(f"ends in about {left // 60}:{left % 60:02d} min")
        judged = [f"{count} {verdict.lower().replace('_', ' ')}" for verdict, count in self.counts.items()]
        return " · ".join([*parts, ", ".join(judged)] if judged else parts)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the line away while something else is written to the terminal."""
        self.close()
        yield

    def close(self) -> None:
        """Take the line away; the next event brings it back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _progress(self, data: Any) -> None:
        self.showing = str(data.get("showing", self.showing))
        self.campaign = str(data.get("campaign", self.campaign))
        self.done = int(data.get("done", self.done))
        self.planned = int(data.get("planned", self.planned))
        left = data.get("seconds_left")
        if isinstance(left, int | float):
            self._ends = self._now() + left

    def _trial(self, data: Any) -> None:
        if data["campaign"] != self.campaign:
            self.campaign, self.done, self.planned, self._ends = str(data["campaign"]), 0, 0, None
        self.done = max(self.done, int(data["number"]))

    def _verdict(self, data: Any) -> None:
        if data.get("derived_from"):
            return
        self.counts[data["verdict"]] += 1
        if data["verdict"] in ("PASS", "NOT_TESTED"):
            return
        cause = CAUSES.get(data["cause"] or "", "")
        clauses = " ".join(one_line(each, 40) for each in data["clauses"])
        self._print(f"{data['verdict']} {clauses}: {cause}: {one_line(data.get('reason', ''), 200)}", data["verdict"])

    def _print(self, text: str, verdict: str = "") -> None:
        from rich.text import Text

        if not self._tty:
            self._console.print()
        self._console.print(Text(text, style=_STYLES.get(verdict, "")), soft_wrap=not self._tty)

    def _refresh(self) -> None:
        line = self.line()
        if not self._tty:
            if self._now() - self._last >= self._every and line:
                self._last = self._now()
                self._print(line)
            return
        from rich.live import Live
        from rich.text import Text

        if self._live is None:
            self._live = Live(console=self._console, transient=True, auto_refresh=False)
            self._live.start()
        self._live.update(Text(line, overflow="ellipsis", no_wrap=True), refresh=True)


def _console(stream: TextIO, *, width: int | None, colour: bool) -> Console:
    from rich.console import Console

    return Console(
        file=stream,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def _say(console: Console, text: str, style: str = "") -> None:
    from rich.text import Text

    console.print(Text(text, style=style), soft_wrap=True)
