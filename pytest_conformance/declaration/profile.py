"""The profile of a run: sample sizes, windows and limits, versioned. Schema `conformance-profile/1`.

Limits here are the bench's own where the rule names none; each says which clause's method it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from pytest_conformance.quantities import Duration, Fraction, Seconds
from pytest_conformance.resources import shipped
from pytest_conformance.yamlfile import Fault, load
from pytest_conformance.yamlfile.lookup import find
from pytest_conformance.yamlfile.model import Count, FileModel, Name, Part, Positive, Text

if TYPE_CHECKING:
    from pytest_conformance.verdicts import DecisionRule


class Samples(Part):
    """How many trials of each kind."""

    presentations: Positive
    """Bona fide presentations of each subject."""
    spoofs: Positive
    """Presentations of each artefact at each light level (CN-LOCK-GB-B: 20)."""
    light_levels: Positive
    """Light levels at which artefacts are presented (CN-LOCK-GB-B: 3)."""
    after_withdrawal: Positive
    """Presentations of a face whose consent was withdrawn (CN-FRT-6.c: 20)."""
    passers_by: Positive
    """Presentations of persons who are not enrolled (CN-NDR-24: 20)."""
    latency: Positive
    """Timed decisions for the latency of matching."""
    alternative: Positive
    """Unlocks by the alternative to the face (CN-FRT-10.b: 10)."""
    guesses: Positive
    """Wrong values tried at each network authenticator (EN303645-5.1-5: 200)."""
    units: Positive
    """Samples whose preset passwords are compared (EN303645-5.1-2: 3)."""
    stimuli: Positive
    """Stimuli of each function in tests of what leaves (CN-MIIT2510-V3: 20)."""
    volume_blocks: int = Field(ge=4, le=200)
    """Blocks of one event and four shams in the volume experiment (traffic analysis, section 9.3: 12)."""
    content_queries: Positive
    """Harmful test queries on a terminal for minors (CN-MNR-19.a: 50)."""


class Windows(Part):
    """How long is waited or watched, seconds."""

    idle: Duration
    """Idle traffic that a baseline is made of (CN-MIIT2510-V3: 1 h)."""
    soak: Duration
    """Time on the first screen before any consent (CN-PIPL-13.a: 30 min)."""
    watch: Duration
    """Scripted use in which collections are counted (CN-PIC25-3.b: 24 h)."""
    outage: Duration
    """Time without uplink (EN303645-5.9-2)."""
    power_cut: Duration
    """Time without power (EN303645-5.9-2)."""
    trap: Duration
    """Time watched after a restart, and with the clock moved to the night (traffic analysis, section 8: 30 min)."""
    lockout_check: Duration
    """Time between two tries of the right value during a lock-out (CN-LOCK-GA-LOCK: 5 s)."""
    lockout_entry: Duration
    """Time between two wrong entries that lead to it (CN-LOCK-GA-LOCK: 10 s)."""


class Limits(Part):
    """What measured values are compared with."""

    decision: Duration | None = None
    """Longest decision time; None: what the supplier declares."""
    alternative_success: Fraction
    """Share of unlocks by the alternative that must succeed (CN-FRT-10.b: 95 %)."""
    alternative_median: Duration
    """Longest median time of the alternative (CN-FRT-10.b: 15 s)."""
    alternative_ratio: float = Field(gt=0, le=100)
    """Longest median of the alternative, in medians of the face (CN-FRT-10.b: 3)."""
    withdrawal_extra_steps: Count
    """Steps that withdrawing may take beyond those of giving (CN-FRT-6.c: 2)."""
    indicator: Seconds
    """Time within which an indicator shows that a sensor works (CN-PIC25-3.f: 1 s)."""
    lockout_tries: Positive
    """Wrong entries after which an alarm is due (CN-LOCK-GA-LOCK: 5)."""
    lockout: Duration
    """Time for which even the right value is refused (CN-LOCK-GA-LOCK: 90 s)."""
    template_similarity: float = Field(gt=0, le=1)
    """Cosine above which bytes in storage count as the face's template (CN-FRT-14.a: 0.8)."""
    guess_time: Duration
    """Shortest expected time in which half of a secret's values can be tried (EN303645-5.1-5)."""
    time_limit_stop: Duration
    """Time within which a device stops once a child's time is over (CN-MNR-19.a: 60 s)."""


class Plans(Part):
    """Which plans the campaigns of this run follow: names of files in `fixtures/plans`, or paths."""

    attack: Text = "species-by-profile"
    verification: Text = "verification-by-profile"
    latency: Text = "latency-p95-1s"


class Profile(FileModel):
    """Sample sizes, windows and limits of a run. `name` and `version` are written into the record."""

    format: Literal["conformance-profile/1"] = Field(alias="schema")
    name: Name
    version: Text
    description: Text
    rule: Literal["simple", "guarded", "conditional"] = Field(default="simple", alias="decision_rule")
    samples: Samples
    windows: Windows
    limits: Limits
    plans: Plans = Plans()
    retries: int = Field(default=0, ge=0, le=2)
    """How often a procedure is done again that a fault of the bench ended before a device's answer was judged."""

    def contradictions(self) -> Iterable[Fault]:
        """Return what cannot be followed: windows that outlast one another."""
        if self.windows.lockout_check >= self.limits.lockout:
            message = "a lock-out is checked less often than it lasts"
            yield Fault(("windows", "lockout_check"), message)

    @property
    def decision_rule(self) -> DecisionRule:
        """How uncertainty is used when a value meets its limit."""
        from pytest_conformance.verdicts import DecisionRule

        return DecisionRule(self.rule)


def find_profile(name: str, here: Path) -> Path:
    """Return the profile that `name` means: a path, or NAME.yaml in `here`/fixtures/profiles or among the shipped.

    Raises UsageError USE-PRO-001 naming the nearest names.
    """
    return find(name, [here / "fixtures" / "profiles", shipped("fixtures") / "profiles"], "profile", "USE-PRO-001")


def load_profile(path: Path) -> Profile:
    """Read and check the profile at `path`; FileError lists everything wrong with file, line and column."""
    return load(path, Profile)
