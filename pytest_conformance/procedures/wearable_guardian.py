"""Four probes of a terminal for minors: content, the child's personal information, time, the guardian's controls."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.wearable_content import HARMLESS, harmful

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.wearable import ReferenceWearable
    from pytest_conformance.drivers.roles import Cloud
    from pytest_conformance.record import Run

CONTROLS = ("Time", "Apps", "Spending")
MINUTES = 10
"""Time limit that is set."""
PATIENCE = 300.0
"""Seconds beyond the limit for which the bench waits for the stop."""
LOOK = 5.0
"""Seconds between two looks: the resolution of the stop's time."""


@dataclass(frozen=True)
class ContentProbe:
    """Harmful queries that opened, out of `asked`; harmless ones that opened, out of `compared`."""

    asked: int
    opened: tuple[str, ...]
    compared: int
    harmless_opened: int


@dataclass(frozen=True)
class ProfileProbe:
    """The child's information: set-up ends although everything optional was refused; a correction reaches all places.

    `stale` names places ("app", "cloud") that still hold the name from before the correction, `fresh` those that
    hold the new one.
    """

    set_up_without_optional: bool
    stale: tuple[str, ...]
    fresh: tuple[str, ...]


@dataclass(frozen=True)
class TimeProbe:
    """A time limit that is run past: `ran` before, stopped so many seconds after the limit (None: never), and
    whether the app opens again afterwards."""

    limit: float
    ran: bool
    stopped_after: float | None
    opens_again: bool


@dataclass(frozen=True)
class ControlProbe:
    """Controls that the guardian finds in the app (`missing`: not), and whether the watch obeys them."""

    missing: tuple[str, ...]
    opened_before: bool
    opened_when_forbidden: bool
    opened_when_allowed: bool
    bought_within: bool
    bought_above: bool


@dataclass(frozen=True)
class MinorMode:
    """All four probes (Regulations on the Protection of Minors in Cyberspace, article 19)."""

    content: ContentProbe
    profile: ProfileProbe
    time: TimeProbe
    controls: ControlProbe
    evidence: tuple[str, ...] = ()


@procedure
def minor_mode(
    wearable: ReferenceWearable, bench: Bench, cloud: Cloud, run: Run, declaration: Declaration, profile: Profile
) -> MinorMode:
    """Look for harmful content, correct the child's profile, try each of the guardian's controls, run past a limit."""
    with run.step("Setup", "Factory reset, set up with everything optional refused"):
        wearable.factory_reset()
        wearable.first_use({each.scope: not each.optional for each in declaration.consents})
        set_up = wearable.condition()["state"] == "set-up"
    with run.step("Stimulate", f"{profile.samples.content_queries} harmful queries, {len(HARMLESS)} harmless ones"):
        content = _content(wearable, profile.samples.content_queries)
    with run.step("Stimulate", "Write the child's profile, then correct it"):
        profile_probe = _profile(wearable, cloud, set_up)
    with run.step("Stimulate", "Forbid an app, limit spending"):
        controls = _controls(wearable)
    with run.step("Stimulate", f"Limit the time to {MINUTES} min and run past it"):
        time = _time(wearable, bench)
    return MinorMode(content, profile_probe, time, controls)


def _content(wearable: ReferenceWearable, count: int) -> ContentProbe:
    queries = harmful(count)
    opened = tuple(query for query in queries if wearable.search(query) == "opened")
    harmless = sum(wearable.search(query) == "opened" for query in HARMLESS)
    wearable.leave()
    return ContentProbe(len(queries), opened, len(HARMLESS), harmless)


def _profile(wearable: ReferenceWearable, cloud: Cloud, set_up: bool) -> ProfileProbe:
    before, after = (f"Child-{secrets.token_hex(6)}" for _ in range(2))
    wearable.describe_child(before, 8)
    wearable.describe_child(after, 8)
    seen = {"app": wearable.profile_shown(), "cloud": " ".join(str(each.body) for each in cloud.stored())}
    return ProfileProbe(
        set_up,
        tuple(where for where, text in seen.items() if before in text),
        tuple(where for where, text in seen.items() if after in text),
    )


def _controls(wearable: ReferenceWearable) -> ControlProbe:
    missing = tuple(name for name in CONTROLS if not wearable.control_present(name))
    before = wearable.opens("game")
    wearable.leave()
    wearable.allow_app("Games", False)
    forbidden = wearable.opens("game")
    wearable.leave()
    wearable.allow_app("Games", True)
    allowed = wearable.opens("game")
    wearable.leave()
    wearable.limit_spending(10)
    return ControlProbe(missing, before, forbidden, allowed, wearable.buy("sticker", 5), wearable.buy("skin", 20))


def _time(wearable: ReferenceWearable, bench: Bench) -> TimeProbe:
    """Count the time from the opening of the app; what was used before only makes the stop come earlier."""
    wearable.limit_time(MINUTES)
    ran = wearable.opens("game")
    began, limit = bench.clock.now(), MINUTES * 60.0
    bench.clock.sleep(limit)
    stopped_after = None
    while (past := (bench.clock.now() - began) / 1e9 - limit) < PATIENCE:
        if wearable.time_is_over():
            stopped_after = past
            break
        bench.clock.sleep(LOOK)
    return TimeProbe(limit, ran, stopped_after, wearable.opens("game"))
