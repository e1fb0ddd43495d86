"""What was asked and answered in the whole capture: names for addresses, and bytes carried in names."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_conformance.analysis.traffic import dns


@dataclass(frozen=True)
class Question:
    """One upstream question: time is filled from the datagram; `extent` is its place in the flow's stream."""

    flow: int
    extent: tuple[int, int]
    labels: tuple[bytes, ...]
    kind: int
    local: bool


@dataclass
class DnsLog:
    """Names by address and questions by registered domain, in the order in which they came."""

    names: dict[bytes, str] = field(default_factory=dict)
    questions: dict[str, list[Question]] = field(default_factory=dict)
    announced: dict[str, None] = field(default_factory=dict)
    most: int = 200_000

    def learn(self, message: dns.Message) -> None:
        """Take the addresses of an answer; the asked name wins over the canonical one."""
        if not message.response:
            return
        asked = dns.name_text(message.questions[0][0]) if message.questions else ""
        for labels, kind, data, target in message.answers:
            for parts in (labels, target):
                if parts and len(self.announced) < 10_000:
                    self.announced.setdefault(dns.name_text(parts))
            if (kind == 1 and len(data) == 4) or (kind == 28 and len(data) == 16):
                name = asked or dns.name_text(labels)
                if len(self.names) < self.most and name:
                    self.names.setdefault(data, name.lower())

    def ask(self, question: Question) -> None:
        """Take an upstream question for a name that is not the bench's."""
        if question.labels:
            entries = self.questions.setdefault(dns.registered(list(question.labels)), [])
            if len(entries) < self.most:
                entries.append(question)
