"""From a recorded campaign (`CampaignObservation` as JSON) and its trials to the pictures of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_conformance.reports.campaign_pictures import (
    Boundary,
    Shown,
    SpeciesRate,
    det_curve,
    sequential_path,
    species_bars,
    trial_grid,
)

if TYPE_CHECKING:
    from pytest_conformance.reports.pictures import Plot

SCORES = 2
"""Scores of each kind that a DET takes at least."""


def is_campaign(value: Mapping[str, Any]) -> bool:
    """Tell whether an observation is that of a campaign."""
    return isinstance(value.get("plan"), Mapping) and {"trials", "species", "decided"} <= value.keys()


def campaign_plots(name: str, value: Mapping[str, Any]) -> Iterator[Plot]:
    """Yield the pictures of a campaign: rates, path to the decision, DET where there are scores, trials by artefact."""
    plan, trials = value["plan"], value["trials"]
    title = str(plan.get("title") or name.replace("_", " "))
    rates = [_rate(row) for row in [*value["species"], *([value["bona_fide"]] if value.get("bona_fide") else [])]]
    if rates:
        yield species_bars(
            rates, title=title, limit=_limit(value["species"]), confidence=_percent(str(plan.get("confidence", "")))
        )
    paths = _paths(trials)
    if paths:
        end = value["decided"]
        said = f"{end['verdict'] or end['end']} after {end['used']} valid, {end['void']} void"
        longest = max(len(each) for each in paths.values())
        yield sequential_path(paths, title=title, boundaries=boundaries(plan, longest), decided=said)
    mated, others = _scores(trials)
    if min(len(mated), len(others)) >= SCORES:
        yield det_curve(mated, others, title=title)
    if trials:
        yield trial_grid(_grid(trials), title=title)


def boundaries(plan: Mapping[str, Any], longest: int) -> list[Boundary]:
    """Return where the plan's rule decides: Wald's lines of an SPRT, or the one error too many of a counting plan."""
    risks = {key: _share(str(text)) for key, text in plan.get("risks", {}).items()}
    last = max(longest, 2)
    p0, p1, alpha, beta = (risks.get(key) for key in ("p0", "p1", "alpha", "beta"))
    if plan.get("kind") == "sprt" and p0 and p1 and alpha and beta:
        import math

        up, down = math.log((p1 * (1 - p0)) / (p0 * (1 - p1))), math.log((1 - p0) / (1 - p1))
        places = tuple(range(last + 1))
        fail = tuple((math.log(1 / alpha) + n * down) / up for n in places)
        good = tuple((math.log(beta) + n * down) / up for n in places)
        return [
            Boundary("fails at and above", places, fail, True),
            Boundary("passes at and below", places, good, False),
        ]
    allowed = risks.get("c")
    if allowed is None:
        return []
    return [Boundary(f"fails above {allowed:g}", (0, last), (allowed + 1, allowed + 1), True)]


def _rate(row: Mapping[str, Any]) -> SpeciesRate:
    interval = row.get("clustered") or row.get("interval") or {}
    upper = row.get("clustered_upper")
    bound = row.get("upper") if upper is None else upper
    counts = (int(row["n"]), int(row["errors"]), int(row["void"]))
    return SpeciesRate(str(row["name"]), *counts, row["rate"], interval.get("lower"), interval.get("upper"), bound)


def _limit(rows: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the limit of the species when they all have the same."""
    texts = {str(row.get("limit") or "") for row in rows}
    return _share(texts.pop()) if len(texts) == 1 else None


def _share(text: str) -> float | None:
    """Return "7 %", "0.07" or "2" as a number; None for anything else."""
    number, mark, _ = text.partition("%")
    try:
        return float(number) / (100 if mark else 1)
    except ValueError:
        return None


def _percent(text: str) -> str:
    share = _share(text)
    return f"{100 * share:g} %" if share is not None and "%" not in text and share <= 1 else text


def _paths(trials: Sequence[Mapping[str, Any]]) -> dict[str, list[bool]]:
    """Return the errors of each species in the order of its valid attacks, then those of the genuine presentations."""
    paths: dict[str, list[bool]] = {}
    for each in trials:
        if not each["void"]:
            wrong = each["outcome"] != "accepted" if each["bona_fide"] else each["outcome"] == "accepted"
            paths.setdefault("genuine" if each["bona_fide"] else str(each["species"] or "impostor"), []).append(wrong)
    return paths


def _scores(trials: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[float]]:
    scored = [each for each in trials if not each["void"] and isinstance(each.get("score"), int | float)]
    mated = [float(each["score"]) for each in scored if each["bona_fide"]]
    return mated, [float(each["score"]) for each in scored if not each["bona_fide"]]


def _grid(trials: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, Shown]]:
    rows: dict[str, dict[int, Shown]] = {}
    for each in trials:
        row = f"genuine {each['subject']}" if each["bona_fide"] else str(each["artefact"] or each["subject"])
        outcome = "void" if each["void"] else str(each["outcome"])
        rows.setdefault(row, {})[int(each["number"])] = Shown(outcome, bool(each["bona_fide"]))
    return dict(sorted(rows.items(), key=lambda item: (item[0].startswith("genuine"), item[0])))
