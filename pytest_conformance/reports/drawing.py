"""Draw what observations measured, while the run goes on: decision times, traffic, attacks. Listens to the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_conformance.record import Event, Run
    from pytest_conformance.reports.pictures import Plot

MOST = 4
"""Timelines of one observation that are drawn."""


class Drawings:
    """A listener of the run: each observation that can be drawn becomes a picture and its data, as evidence.

    `limit` is the declared decision time in seconds, None when there is none. What cannot be drawn is noted
    and stops nothing.
    """

    def __init__(self, run: Run, limit: float | None) -> None:
        self._run = run
        self._limit = limit

    def __call__(self, event: Event) -> None:
        if event.type != "observation":
            return
        value = event.data.get("value")
        if value is None and "value_ref" in event.data:
            import json

            value = json.loads(self._run.store.read(event.data["value_ref"]))
        name = str(event.data["name"])
        if isinstance(value, Mapping):
            try:
                for plot in self._plots(name, value):
                    self._keep(plot, name)
            except (LookupError, TypeError, ValueError) as error:
                self._run.event("note", {"text": f"{name} cannot be drawn: {type(error).__name__}: {error}"})

    def _plots(self, name: str, value: Mapping[str, Any]) -> Iterator[Plot]:
        from pytest_conformance.reports.campaign_drawing import campaign_plots, is_campaign

        if is_campaign(value):
            yield from campaign_plots(name, value)
            return
        if isinstance(value.get("seconds"), list) and value["seconds"]:
            yield self._times(name, value)
        if isinstance(value.get("attempts"), list) and isinstance(value.get("genuine"), list):
            yield self._grid(name, value)
        watched = [each for each in value.values() if isinstance(each, Mapping) and "opaque_up" in each]
        for traffic in watched[:MOST]:
            if traffic.get("sent_at"):
                yield self._timeline(traffic)

    def _times(self, name: str, value: Mapping[str, Any]) -> Plot:
        from pytest_conformance.reports.pictures import latency_histogram

        return latency_histogram(
            value["seconds"],
            unit="s",
            title=name.replace("_", " "),
            limit=self._limit,
            guard=float(value.get("chain_uncertainty", value.get("uncertainty")) or 0.0),
            bound=value.get("bound"),
            void=len(value.get("void") or ()),
        )

    def _grid(self, name: str, value: Mapping[str, Any]) -> Plot:
        from pytest_conformance.reports.pictures import outcome_grid

        rows: dict[str, list[str]] = {}
        for each in [*value["attempts"], *value["genuine"]]:
            outcome = "opened" if each["opened"] else each["outcome"]
            rows.setdefault(each["species"] or f"genuine {each['shown']}", []).append(outcome)
        return outcome_grid(rows, title=name.replace("_", " "))

    def _timeline(self, traffic: Mapping[str, Any]) -> Plot:
        from pytest_conformance.reports.pictures import Sent, Span, traffic_timeline

        began = int(traffic["began"])
        sent = [Sent((at - began) / 1e9, host or "?", size) for at, host, size in traffic["sent_at"]]
        events = [((at - began) / 1e9, label) for label, at in traffic["marks"]][:24]
        spans = [
            Span((begin - began) / 1e9, (end - began) / 1e9, f"consent: {scope}")
            for scope, begin, end in traffic.get("consents") or ()
        ]
        return traffic_timeline(sent, title=f"bytes sent in {traffic['name']!r}", events=events, spans=spans)

    def _keep(self, plot: Plot, name: str) -> None:
        caption = f"{plot.name}: {name}"
        self._run.evidence(plot.png, name=f"{plot.name}.png", media_type="image/png", caption=caption, drawing=True)
        self._run.evidence(
            plot.data, name=f"{plot.name}.json", media_type="application/json", caption=f"{caption}, data"
        )
