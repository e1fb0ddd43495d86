"""Plots for the reports, as PNG beside the data that they show. Draws; judges nothing."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_conformance.reports.wording import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _SOFT, _FILL, _LIMIT, _BAND, _BOUND = "#1c2430", "#5d6a7a", "#8fb3d9", "#b3261e", "#f3c9c5", "#6b3fa0"
_SERIES = ("#2f6db0", "#d98b1f", "#1a7f4b", "#8d4bb0", "#b3261e", "#5d6a7a", "#0f8b8d", "#a0522d")
_OUTCOMES = {
    "pass": "#1a7f4b",
    "match": "#1a7f4b",
    "accepted": "#1a7f4b",
    "rejected": "#2f6db0",
    "no-match": "#2f6db0",
    "fail": "#b3261e",
    "error": "#b3261e",
    "void": "#c7ced6",
    "no-response": "#d98b1f",
}
DESTINATIONS = 12
"""Rows of a traffic timeline; the destinations with fewest bytes are drawn as one row."""


@dataclass(frozen=True)
class Plot:
    """A picture (PNG) and the data that it shows (JSON), both to be stored as evidence under `name`."""

    name: str
    png: bytes
    data: bytes


@dataclass(frozen=True)
class Sent:
    """`size` bytes to `destination`, `at` seconds after the start of the observation."""

    at: float
    destination: str
    size: int


@dataclass(frozen=True)
class Span:
    """A stretch of time, in seconds: a consent that was in force, a screen that was shown."""

    start: float
    end: float
    label: str


def latency_histogram(
    values: Sequence[float],
    *,
    unit: str,
    title: str,
    limit: float | None = None,
    guard: float = 0.0,
    bound: float | None = None,
    bound_label: str = "95 % upper bound of p95",
    void: int = 0,
) -> Plot:
    """Draw a histogram of `values` (in `unit`) with the upper `limit`, the guard band of width `guard` below it,
    and the confidence `bound`. `void` trials and values that are not finite are counted in the title, not drawn.
    """
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    every = np.asarray(values, dtype=float)
    good = every[np.isfinite(every)]
    with figure_with_axes(7.0, 3.4) as (figure, axes):
        if good.size:
            bins = min(40, max(5, int(np.sqrt(good.size) * 2)))
            axes.hist(good, bins=bins, color=_FILL, edgecolor="white", linewidth=0.6, zorder=2)
        if limit is not None:
            if guard > 0:
                axes.axvspan(limit - guard, limit, color=_BAND, zorder=1, label=f"guard band {guard:g} {unit}")
            axes.axvline(limit, color=_LIMIT, linewidth=1.8, zorder=3, label=f"limit {limit:g} {unit}")
        if bound is not None:
            axes.axvline(bound, color=_BOUND, linestyle="--", linewidth=1.6, zorder=3, label=f"{bound_label} {bound:g}")
        left_out = every.size - good.size
        note = (f", {left_out} not finite" if left_out else "") + (f", {void} void" if void else "")
        axes.set_title(f"{one_line(title, 50)}  (n = {good.size}{note})", loc="left")
        axes.set_xlabel(unit)
        axes.set_ylabel("trials")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        if limit is not None or bound is not None:
            axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
        png = as_png(figure)
    finite = [float(value) if np.isfinite(value) else None for value in every]
    shown = {"values": finite, "unit": unit, "limit": limit, "guard": guard, "bound": bound, "void": void}
    return Plot("latency-histogram", png, as_data("latency-histogram", title, shown))


def traffic_timeline(
    sent: Sequence[Sent],
    *,
    title: str,
    events: Sequence[tuple[float, str]] = (),
    spans: Sequence[Span] = (),
) -> Plot:
    """Draw bytes per destination over time (bubbles, area by size).

    `events` are numbered lines, told below the axis; `spans` are bars in lanes of their own, one for each label.
    """
    rows = _destinations(sent)
    lanes = list(dict.fromkeys(span.label for span in spans))
    height = 1.7 + 0.34 * max(3, len(rows) + len(lanes)) + 0.16 * (len(events) // 5)
    with figure_with_axes(8.6, height) as (figure, axes):
        for place, each in enumerate(rows.values()):
            sizes = [14 + 90 * (one.size / max(1, _largest(sent))) ** 0.5 for one in each]
            colour = _SERIES[place % len(_SERIES)]
            axes.scatter([one.at for one in each], [place] * len(each), s=sizes, color=colour, alpha=0.75, zorder=2)
            total = sum(one.size for one in each)
            axes.annotate(_bytes(total), (1.01, place), xycoords=("axes fraction", "data"), va="center", color=_SOFT)
        for span in spans:
            lane = len(rows) + lanes.index(span.label)
            axes.barh(lane, span.end - span.start, left=span.start, height=0.45, color=_FILL, zorder=1)
        for number, (at, _) in enumerate(events):
            axes.axvline(at, color=_INK, linewidth=0.9, linestyle=":", zorder=1)
            place_up = 1.02 + 0.07 * (number % 3)
            axes.annotate(str(number + 1), (at, place_up), xycoords=("data", "axes fraction"), fontsize=7, color=_INK)
        names = [one_line(name, 32) for name in (*rows, *lanes)]
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlabel(_told(events))
        axes.set_title(one_line(title, 90), loc="left", pad=34 if events else 6)
        png = as_png(figure)
    shown = {
        "sent": [vars(each) for each in sent],
        "events": [{"at": at, "label": label} for at, label in events],
        "spans": [vars(span) for span in spans],
    }
    return Plot("traffic-timeline", png, as_data("traffic-timeline", title, shown))


def outcome_grid(rows: Mapping[str, Sequence[str]], *, title: str) -> Plot:
    """Draw one square for each trial: a row for each species or subject, trials from left to right."""
    names = list(dict.fromkeys(outcome for each in rows.values() for outcome in each))
    colours = {name: _OUTCOMES.get(name, _SERIES[place % len(_SERIES)]) for place, name in enumerate(names)}
    width = max((len(each) for each in rows.values()), default=1)
    with figure_with_axes(max(4.5, min(11.0, 2.4 + 0.16 * width)), 1.2 + 0.3 * max(2, len(rows))) as (figure, axes):
        from matplotlib.patches import Patch

        for place, each in enumerate(rows.values()):
            for number, outcome in enumerate(each):
                axes.barh(place, 0.86, left=number + 0.07, height=0.8, color=colours[outcome])
        axes.set_yticks(range(len(rows)), [one_line(name, 40) for name in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, width)
        axes.set_xlabel("trial")
        axes.set_title(one_line(title, 90), loc="left")
        if names:
            patches = [Patch(color=colours[name], label=one_line(name, 30)) for name in names]
            axes.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.01, 1.0))
        png = as_png(figure)
    shown = {"rows": {name: list(each) for name, each in rows.items()}}
    return Plot("outcome-grid", png, as_data("outcome-grid", title, shown))


def _told(events: Sequence[tuple[float, str]]) -> str:
    """Return the text below the axis: its unit, and what each numbered line is, five to a row."""
    told = [f"{number + 1} {one_line(label, 26)}" for number, (_, label) in enumerate(events)]
    return "\n".join(["s", *("   ".join(told[at : at + 5]) for at in range(0, len(told), 5))])


def _destinations(sent: Sequence[Sent]) -> dict[str, list[Sent]]:
    totals: dict[str, int] = {}
    for each in sent:
        totals[each.destination] = totals.get(each.destination, 0) + each.size
    kept = sorted(totals, key=lambda name: (-totals[name], name))
    if len(kept) > DESTINATIONS:
        kept = kept[: DESTINATIONS - 1]
    rows: dict[str, list[Sent]] = {name: [] for name in kept}
    for each in sent:
        place = each.destination if each.destination in rows else f"{len(totals) - len(kept)} others"
        rows.setdefault(place, []).append(each)
    return rows


def _largest(sent: Sequence[Sent]) -> int:
    return max((each.size for each in sent), default=1)


def _bytes(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"


@contextmanager
def figure_with_axes(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """Give a figure of its own (no global state of pyplot), with a font that has Chinese where there is one."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: Any = {
        "font.family": _fonts(),
        "font.size": 8.5,
        "axes.titlesize": 9.5,
        "axes.edgecolor": _SOFT,
        "axes.labelcolor": _SOFT,
        "xtick.color": _SOFT,
        "ytick.color": _INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "text.parse_math": False,
        "axes.unicode_minus": False,
    }
    with warnings.catch_warnings(), matplotlib.rc_context(style):
        warnings.simplefilter("ignore")
        figure = Figure(figsize=(width, height), dpi=130, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure, figure.add_subplot()


def _fonts() -> list[str]:
    from matplotlib import font_manager

    there = {font.name for font in font_manager.fontManager.ttflist}
    wanted = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Micro Hei", "Microsoft YaHei")
    return ["DejaVu Sans", *(name for name in wanted if name in there)]


def as_png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def as_data(kind: str, title: str, shown: Mapping[str, Any]) -> bytes:
    content = {"plot": kind, "title": title, **shown}
    return json.dumps(content, ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n"
