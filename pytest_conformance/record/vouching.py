"""Compare signed statements with the lines that they vouch for, of a journal or of its sequel. Reads no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_conformance.record.attestation import JOURNAL, Attestation
from pytest_conformance.record.findings import Finding
from pytest_conformance.record.keys import PublicKey


@dataclass(frozen=True)
class Lines:
    """The lines of a journal or sequel as they were found: how many, and hash and Merkle root after some of them.

    `ended` tells that a run came to its end, which must be signed as such.
    """

    of: str
    events: int
    at: Mapping[int, tuple[str, str]]
    ended: bool = False

    def finding(self, code: str, message: str, seq: int | None = None) -> Finding:
        """Return a finding about these lines; sequence numbers are those of the journal, none of a sequel."""
        return Finding(code, message, seq) if self.of == JOURNAL else Finding(code, f"{self.of}: {message}")


def vouch(
    attestations: Sequence[Attestation], lines: Lines, trusted: Mapping[str, PublicKey] | None
) -> tuple[list[Attestation], list[Finding]]:
    """Return the attestations that hold, and what is wrong; with `trusted` one of these keys signed the last line."""
    held, findings = [], []
    for each in attestations:
        finding = _wrong(each, lines, trusted)
        if finding is None:
            held.append(each)
        else:
            findings.append(finding)
    if trusted is not None and not findings:
        if not held:
            findings.append(lines.finding("unsigned", f"nothing of this {_whole(lines)} is signed"))
        elif held[-1].events < lines.events or (lines.ended and not held[-1].ends):
            last = held[-1].events
            findings.append(lines.finding("unsigned", f"event {last} and what follows is not signed", last))
    return held, findings


def _whole(lines: Lines) -> str:
    return "record" if lines.of == JOURNAL else lines.of


def _wrong(each: Attestation, lines: Lines, trusted: Mapping[str, PublicKey] | None) -> Finding | None:
    if each.fault or each.key is None:
        return lines.finding("signature", each.fault)
    if trusted is not None and trusted.get(each.key.id) != each.key:
        said = f"{each.file} is signed by key {each.key.name[:80]!r} ({each.key.id}), not trusted"
        return lines.finding("untrusted", said)
    if each.events not in lines.at:
        said = f"event {lines.events} is missing: {each.events} events were signed ({each.file})"
        return lines.finding("missing", said, lines.events)
    if lines.at[each.events] != (each.head, each.root):
        said = f"{each.file}: the first {each.events} events are not those that were signed"
        return lines.finding("signature", said, 0)
    return None
