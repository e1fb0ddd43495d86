"""Tell names that carry data from ordinary ones."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic.dnslog import Question

if TYPE_CHECKING:
    from pytest_conformance.analysis.traffic.inspection import Inspection

_DATA_TYPES = (10, 16, 65399)


@dataclass(frozen=True)
class Tunnel:
    """A domain whose names carry data: number of distinct names, bytes carried, and why it is thought so."""

    domain: str
    questions: int
    carried: int
    why: str


def entropy(data: bytes) -> float:
    """Shannon entropy in bits a byte."""
    counts = Counter(data)
    return -sum(n / len(data) * math.log2(n / len(data)) for n in counts.values()) if data else 0.0


def _judge(domain: str, questions: list[Question]) -> Tunnel | None:
    keep = domain.count(".") + 1
    lefts = {b".".join(q.labels[:-keep]) for q in questions}
    lefts.discard(b"")
    if not lefts:
        return None
    joined = b"".join(sorted(lefts)).replace(b".", b"")
    carried = len(joined) * 5 // 8
    longest = max(len(left) for left in lefts)
    strange = sum(not (c == 45 or c == 95 or 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122) for c in joined)
    data_types = sum(q.kind in _DATA_TYPES for q in questions)
    if strange > 16 and len(lefts) >= 3:
        return Tunnel(domain, len(lefts), carried, "names with bytes outside the host alphabet")
    if len(lefts) >= 8 and carried >= 400 and entropy(joined.lower()) > 3.8 and longest >= 40:
        return Tunnel(domain, len(lefts), carried, "many long names without words")
    if data_types >= 8 and len(lefts) >= 8 and carried >= 200 and entropy(joined.lower()) > 3.8:
        return Tunnel(domain, len(lefts), carried, "many TXT or NULL questions with changing names")
    return None


def find(inspection: Inspection) -> list[Tunnel]:
    """Return the domains that are used as tunnels, also those in whose names an object was recognised."""
    out: list[Tunnel] = []
    for facts in inspection.captures:
        for domain, questions in sorted(facts.dns.questions.items()):
            tunnel = _judge(domain, questions)
            recognised = domain in facts.dns_recognised
            if recognised and tunnel is None:
                carried = sum(len(b"".join(q.labels)) for q in questions)
                tunnel = Tunnel(domain, len(questions), carried, "an object was recognised in the names")
            if tunnel is not None:
                out.append(tunnel)
    return out
