"""Plots of campaigns over plain values: rates of species, the path of a sequential test, DET, trials by artefact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_conformance.reports.pictures import Plot, as_data, as_png, figure_with_axes
from pytest_conformance.reports.wording import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT, FILL, LIMIT, BOUND = "#1c2430", "#5d6a7a", "#8fb3d9", "#b3261e", "#6b3fa0"
SERIES = ("#2f6db0", "#d98b1f", "#1a7f4b", "#8d4bb0", "#0f8b8d", "#a0522d", "#5d6a7a", "#c2557a")
COLOURS = {"accepted": "#b3261e", "rejected": "#2f6db0", "none": "#d98b1f", "void": "#c7ced6"}
"""Of outcomes of attacks: an accepted attack is what must be seen first."""
GENUINE = {**COLOURS, "accepted": "#1a7f4b", "rejected": "#8d4bb0"}
ROWS = 60
"""Artefacts and subjects that an outcome grid shows; the others are counted."""


@dataclass(frozen=True)
class SpeciesRate:
    """Rate of one species with its two-sided interval and one-sided upper bound; shares, None where there is none."""

    name: str
    n: int
    errors: int
    void: int
    rate: float | None
    lower: float | None
    upper: float | None
    bound: float | None


@dataclass(frozen=True)
class Shown:
    """One trial of an outcome grid: what it ended as, or "void"."""

    outcome: str
    genuine: bool = False


def species_bars(rows: Sequence[SpeciesRate], *, title: str, limit: float | None, confidence: str) -> Plot:
    """Draw a bar for each species with its interval and upper bound, against the limit; the worst one is on top."""
    ordered = sorted(rows, key=lambda each: -1.0 if each.rate is None else each.rate, reverse=True)
    with figure_with_axes(7.6, 1.3 + 0.42 * max(2, len(rows))) as (figure, axes):
        for place, each in enumerate(ordered):
            _bar(axes, place, each)
        if limit is not None:
            axes.axvline(100 * limit, color=LIMIT, linewidth=1.8, zorder=4, label=f"limit {100 * limit:g} %")
        axes.plot([], [], color=INK, linewidth=1.4, label=f"interval, {confidence}")
        axes.plot([], [], "v", color=BOUND, label=f"upper bound, {confidence}")
        axes.set_yticks(range(len(ordered)), [one_line(each.name, 32) for each in ordered])
        axes.set_ylim(len(ordered) - 0.4, -0.6)
        axes.set_xlim(0, min(100.0, _widest(ordered, limit) * 1.12))
        axes.set_xlabel("% of valid presentations")
        axes.set_title(one_line(title, 80), loc="left")
        figure.legend(loc="outside lower center", ncols=3)
        png = as_png(figure)
    shown = {"species": [asdict(each) for each in ordered], "limit": limit, "confidence": confidence}
    return Plot("species-rates", png, as_data("species-rates", title, shown))


def _bar(axes: Axes, place: int, row: SpeciesRate) -> None:
    voids = f", {row.void} void" if row.void else ""
    said = f"{row.errors} of {row.n}{voids}" if row.rate is not None else f"no rate (n = {row.n}{voids})"
    if row.rate is not None:
        axes.barh(place, 100 * row.rate, height=0.55, color=FILL, zorder=2)
    if row.lower is not None and row.upper is not None:
        axes.plot([100 * row.lower, 100 * row.upper], [place, place], color=INK, linewidth=1.4, zorder=3)
    if row.bound is not None:
        axes.plot(100 * row.bound, place - 0.2, "v", color=BOUND, markersize=5, zorder=4)
    axes.annotate(said, (1.01, place), xycoords=("axes fraction", "data"), va="center", color=SOFT)


def _widest(rows: Sequence[SpeciesRate], limit: float | None) -> float:
    found = [value for each in rows for value in (each.rate, each.upper, each.bound) if value is not None]
    return 100 * max([*found, limit or 0.0, 0.02])


@dataclass(frozen=True)
class Boundary:
    """A line of a plan in the plane of valid presentations and errors: at `n` the rule decides from `errors` on."""

    label: str
    n: tuple[int, ...]
    errors: tuple[float, ...]
    fails: bool


def sequential_path(
    paths: Mapping[str, Sequence[bool]], *, title: str, boundaries: Sequence[Boundary] = (), decided: str = ""
) -> Plot:
    """Draw errors over valid presentations for each cell, between the boundaries at which the plan decides."""
    with figure_with_axes(7.6, 3.6) as (figure, axes):
        for place, (name, outcomes) in enumerate(paths.items()):
            counts = [0]
            for each in outcomes:
                counts.append(counts[-1] + each)
            colour = SERIES[place % len(SERIES)]
            label = one_line(name, 24) if place < 12 else None
            axes.step(range(len(counts)), counts, where="post", color=colour, linewidth=1.3, label=label)
            axes.plot(len(counts) - 1, counts[-1], "o", color=colour, markersize=3.5)
        for line in boundaries:
            colour = LIMIT if line.fails else "#1a7f4b"
            axes.plot(line.n, line.errors, color=colour, linestyle="--", linewidth=1.4, label=one_line(line.label, 40))
        axes.set_xlabel("valid presentations")
        axes.set_ylabel("errors")
        axes.set_ylim(bottom=-0.3)
        axes.set_title(one_line(f"{title}{': ' + decided if decided else ''}", 90), loc="left")
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
        png = as_png(figure)
    shown = {
        "paths": {name: [bool(each) for each in outcomes] for name, outcomes in paths.items()},
        "boundaries": [asdict(each) for each in boundaries],
        "decided": decided,
    }
    return Plot("sequential-path", png, as_data("sequential-path", title, shown))


def det_curve(mated: Sequence[float], others: Sequence[float], *, title: str, marks: Sequence[float] = ()) -> Plot:
    """Draw the DET of similarity scores on axes of normal deviates: FNMR over FMR; `marks` are FMRs of interest."""
    import numpy as np
    from scipy.special import ndtri

    from pytest_conformance.analysis.biometrics.scores import score_set

    points = score_set(mated, others).det_points()
    pairs = [(fmr, fnmr) for _, fmr, fnmr in points.rows()]
    least = 0.5 / max(len(mated), len(others))
    ticks = [each for each in (0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95) if each >= least]
    with figure_with_axes(5.6, 4.2) as (figure, axes):
        clipped = np.clip(np.asarray(pairs, dtype=float), least, 1 - least)
        axes.plot(ndtri(clipped[:, 0]), ndtri(clipped[:, 1]), color=SERIES[0], drawstyle="steps-post", linewidth=1.5)
        axes.plot(ndtri([least, 1 - least]), ndtri([least, 1 - least]), color=SOFT, linewidth=0.7, linestyle=":")
        for each in marks:
            axes.axvline(float(ndtri(each)), color=LIMIT, linestyle="--", linewidth=1.2, label=f"FMR {100 * each:g} %")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks([float(ndtri(each)) for each in ticks], [f"{100 * each:g}" for each in ticks])
        axes.set_xlabel("FMR, %")
        axes.set_ylabel("FNMR, %")
        axes.set_title(f"{one_line(title, 40)}  ({len(mated)} mated, {len(others)} not)", loc="left")
        if marks:
            axes.legend(loc="upper right")
        png = as_png(figure)
    shown = {"mated": list(map(float, mated)), "non_mated": list(map(float, others)), "points": pairs}
    return Plot("det", png, as_data("det", title, shown))


def trial_grid(rows: Mapping[str, Mapping[int, Shown]], *, title: str) -> Plot:
    """Draw a row for each artefact (or subject) and a square for each of its trials, in order; void ones are hatched.

    The keys of a row are the numbers of the trials in the campaign; they are in the data.
    """
    names = list(rows)[:ROWS]
    most = max((len(each) for each in rows.values()), default=1)
    with figure_with_axes(max(6.0, min(12.0, 3.4 + 0.12 * most)), 1.4 + 0.26 * max(2, len(names))) as (figure, axes):
        for place, name in enumerate(names):
            ordered = [rows[name][number] for number in sorted(rows[name])]
            for kind in sorted(set(ordered), key=str):
                at = [(index + 0.05, 0.9) for index, each in enumerate(ordered) if each == kind]
                axes.broken_barh(at, (place - 0.4, 0.8), edgecolor="white", linewidth=0.2, **_style(kind))
        axes.set_yticks(range(len(names)), [one_line(name, 36) for name in names])
        axes.set_ylim(max(len(names), 1) - 0.4, -0.6)
        axes.set_xlim(0, most)
        axes.set_xlabel("trial of the artefact or subject")
        more = f" ({len(rows) - len(names)} more rows in the data)" if len(rows) > len(names) else ""
        axes.set_title(one_line(f"{title}{more}", 90), loc="left")
        axes.legend(handles=_legend(rows), loc="upper left", bbox_to_anchor=(1.01, 1.0))
        png = as_png(figure)
    shown = {"rows": {name: {str(n): asdict(each) for n, each in row.items()} for name, row in rows.items()}}
    return Plot("outcome-grid", png, as_data("outcome-grid", title, shown))


def _style(shown: Shown) -> dict[str, Any]:
    colour = (GENUINE if shown.genuine else COLOURS).get(shown.outcome, SOFT)
    return {"facecolor": colour, "hatch": "////" if shown.outcome == "void" else None}


def _legend(rows: Mapping[str, Mapping[int, Shown]]) -> list[Any]:
    from matplotlib.patches import Patch

    there = sorted({(each.genuine, each.outcome) for row in rows.values() for each in row.values()})
    found = {}
    for genuine, outcome in there:
        label = outcome if outcome in ("void", "none") else f"{'genuine' if genuine else 'attack'} {outcome}"
        found[label] = Patch(edgecolor="white", label=label, **_style(Shown(outcome, genuine)))
    return list(found.values())
