"""What a check of a record says: findings with stable codes, and what was seen. Checks nothing itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_conformance.record.attestation import Attestation

LEFT_BY_A_KILL = frozenset({"torn", "unrecorded"})
"""Codes of findings that a killed run leaves: told, and no obstacle to reading it or going on with it."""


@dataclass(frozen=True)
class Finding:
    """Something wrong. `seq` is the first bad sequence number (None for evidence); `code` is stable:

    `changed`, `missing`, `order`, `unreadable`, `format`, `torn`, `root` for the journal; `sequel` for what was added
    later; `signature`, `unsigned`, `untrusted`, `time-stamp` for attestations; `evidence-missing`, `evidence-changed`,
    `evidence-extra`, `unrecorded` for the store; `report-changed` for what a laboratory issued.
    """

    code: str
    message: str
    seq: int | None = None


@dataclass
class Verified:
    """What one look through a run showed. `withheld` counts evidence that a redacted bundle left out, as it may."""

    findings: list[Finding] = field(default_factory=list)
    events: int = 0
    head: str = ""
    merkle_root: str = ""
    evidence: int = 0
    withheld: int = 0
    ended: bool = False
    rooted: bool = False
    signed: list[Attestation] = field(default_factory=list)
    """Attestations of the journal that hold, those over the fewest events first."""
    signed_later: list[Attestation] = field(default_factory=list)
    """Attestations of the sequel that hold."""
    added: int = 0
    """Events that the sequel holds: what was added after the run."""
