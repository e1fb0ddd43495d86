"""The inspection of captures: from files and a context to objects, endpoints, flows, checks and validity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_conformance.analysis.traffic.addresses import Addresses
from pytest_conformance.analysis.traffic.capture import Capture
from pytest_conformance.analysis.traffic.context import Context
from pytest_conformance.analysis.traffic.dnslog import DnsLog
from pytest_conformance.analysis.traffic.examiner import Budget, Examiner
from pytest_conformance.analysis.traffic.flows import FlowTable
from pytest_conformance.analysis.traffic.flowstate import Tally
from pytest_conformance.analysis.traffic.flowwork import FlowResult, FlowWorker
from pytest_conformance.analysis.traffic.keylog import parse as parse_keylog
from pytest_conformance.analysis.traffic.model import (
    Accounting,
    Check,
    Endpoint,
    FlowReport,
    Transfer,
    TransferredObject,
    ValidityCheck,
)
from pytest_conformance.analysis.traffic.naming import address_text, endpoint_of, purpose_of
from pytest_conformance.analysis.traffic.opening import opened
from pytest_conformance.analysis.traffic.recordings import ExchangeTable, Recording
from pytest_conformance.analysis.traffic.rows import Rows
from pytest_conformance.analysis.traffic.shelf import Shelf


@dataclass(frozen=True)
class Accounted:
    """Whether the object could have left unseen: true when `capacity` is below `smallest`."""

    ok: bool
    capacity: int
    smallest: int
    reasons: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """True when the bytes that nobody could read are too few."""
        return self.ok


@dataclass(frozen=True)
class CaptureFacts:
    """What the packet pass counted in one capture."""

    name: str
    tally: Tally
    flags: tuple[str, ...]
    dropped: int
    budget_spent: bool
    device_seen: bool
    device_known: bool
    dns: DnsLog
    dns_recognised: Mapping[str, str] = field(default_factory=dict)
    damaged: int = 0


@dataclass(frozen=True)
class Inspection:
    """Everything that an inspection found; made by `inspect`."""

    context: Context
    objects: Sequence[TransferredObject]
    endpoints: tuple[Endpoint, ...]
    flows: Sequence[FlowReport]
    captures: tuple[CaptureFacts, ...]
    transfers: Sequence[Transfer] = ()

    @cached_property
    def checks(self) -> Mapping[str, Check]:
        """The named judgements."""
        from pytest_conformance.analysis.traffic.checks import judge

        return judge(self)

    @cached_property
    def validity(self) -> tuple[ValidityCheck, ...]:
        """Is the run valid? One row per question."""
        from pytest_conformance.analysis.traffic.validity import examine

        return examine(self)

    def faces(self, scope: str | None = None, direction: str = "up") -> list[TransferredObject]:
        """Return the pictures and templates of enrolled faces that crossed, without mere suspicions."""
        return [
            o
            for o in self.objects
            if o.kind in ("face_image", "template")
            and o.hit
            and o.direction == direction
            and (scope is None or o.scope == scope)
        ]

    def uploads(self, scope: str | None = "internet", kinds: Iterable[str] | None = None) -> list[TransferredObject]:
        """Return the objects that the device sent, optionally of some kinds only."""
        wanted = None if kinds is None else set(kinds)
        return [
            o
            for o in self.objects
            if o.direction == "up" and (scope is None or o.scope == scope) and (wanted is None or o.kind in wanted)
        ]

    def tls_flows(self) -> list[FlowReport]:
        """Return the flows that showed a TLS or QUIC handshake, with version, cipher and name in `tls`."""
        return [flow for flow in self.flows if flow.tls is not None]

    def upstream(self, scope: str | None = "internet") -> list[FlowReport]:
        """Return the flows with upstream payload to the scope."""
        return [f for f in self.flows if (scope is None or f.endpoint.scope == scope) and f.up.total]

    def accounting(self, scope: str | None = "internet") -> Accounting:
        """Add up the upstream accounts of a scope."""
        total = Accounting()
        for flow in self.upstream(scope):
            total.add(flow.up)
        return total

    def accounted(self, smallest: int, scope: str | None = "internet") -> Accounted:
        """Tell whether an object of `smallest` bytes could have left unseen to `scope` (None: anywhere)."""
        from pytest_conformance.analysis.traffic.capacity import capacity

        size, reasons = capacity(self, scope)
        return Accounted(size < smallest, size, smallest, reasons)

    def timeline(self, slot: float | None = None) -> dict[str, list[tuple[float, int]]]:
        """Return upstream bytes per destination and slot: {host: [(slot start, bytes), ...]}."""
        width = slot or self.context.policy.slot
        start = min((f.time_first for f in self.flows), default=0.0)
        out: dict[str, dict[int, int]] = {}
        for flow in self.flows:
            bins = out.setdefault(flow.endpoint.host, {})
            for time, size in flow.samples:
                index = int((time - start) // width)
                bins[index] = bins.get(index, 0) + size
        return {
            host: [(start + index * width, bins[index]) for index in sorted(bins)] for host, bins in sorted(out.items())
        }

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data (docs/traffic.md, section Result)."""
        from pytest_conformance.analysis.traffic.results import as_json

        return as_json(self)


def inspect(captures: Sequence[Path | str | bytes], context: Context, *, content: bool = True) -> Inspection:
    """Inspect captures of one device; several are judged together, each keeps its own frame numbers.

    Without `content` only flows are counted and named, several times faster: every byte is opaque with the reason
    `content-not-read`, so that nothing passes on content, and destinations and volumes are judged as always.

    Raises UsageError (USE-CAP-...) when a file is no capture. Damaged captures never raise: what could not be
    read is opaque or a gap, and has its reason.
    """
    shelf = Shelf()
    objects: Rows[TransferredObject] = Rows(shelf)
    reports: Rows[FlowReport] = Rows(shelf)
    facts: list[CaptureFacts] = []
    transfers: Rows[Transfer] = Rows(shelf)
    for index, source in enumerate(captures):
        capture = opened(source, index)
        try:
            _one(capture, context, content, shelf, objects, reports, facts, transfers)
        finally:
            capture.close()
    endpoints: dict[Endpoint, None] = {}
    for report in reports:
        if report.up.total or report.down.total:
            endpoints.setdefault(report.endpoint)
    return Inspection(context, objects, tuple(endpoints), reports, tuple(facts), transfers)


def _one(
    capture: Capture | Recording,
    context: Context,
    content: bool,
    shelf: Shelf,
    objects: Rows[TransferredObject],
    reports: Rows[FlowReport],
    facts: list[CaptureFacts],
    transfers: Rows[Transfer],
) -> None:
    addresses = Addresses(context)
    examiner = Examiner(context, Budget(), keys=dict(context.canary.keys))
    keylog = parse_keylog(context.keylog + "\n" + capture.secrets)
    worker = FlowWorker(capture, context, examiner, keylog, shelf, content)
    table: FlowTable | ExchangeTable
    if isinstance(capture, Recording):
        table = ExchangeTable(capture, addresses, worker.work)
    else:
        table = FlowTable(capture, addresses, worker.work)
    table.run()
    from pytest_conformance.analysis.traffic.gathering import gather

    gather(worker)
    base = len(reports)
    for result in worker.results:
        endpoint = endpoint_of(result, worker.log)
        report = _report(result, endpoint, capture.index, base, context)
        reports.append(report)
        transfers.extend(replace(transfer, flow=report.id) for transfer in result.learnt.transfers)
        objects.extend(_objects(result, endpoint, report))
    objects.extend(_tunnelled(worker, base, capture.index))
    facts.append(
        CaptureFacts(
            capture.name,
            table.tally,
            tuple(sorted(capture.flags)),
            capture.dropped,
            examiner.budget.spent or worker.unjoined,
            addresses.seen or (addresses.initiator_is_device and bool(worker.results)),
            not addresses.initiator_is_device,
            worker.log,
            worker.recognised_domains,
            worker.damaged,
        )
    )


def _tunnelled(worker: FlowWorker, base: int, capture: int) -> list[TransferredObject]:
    """Objects recognised in DNS names; their endpoint is the domain, on the internet even through a local resolver."""
    out: list[TransferredObject] = []
    for domain, questions, finding in worker.tunnelled:
        result = worker.results[questions[0].flow]
        endpoint = Endpoint(domain, "", 53, "dns", True, "dns", result.ends.transport, "internet")
        flow = replace(result, placed=[])
        frames: set[int] = set()
        times: list[float] = []
        for question in questions:
            trace = worker.results[question.flow].trace
            if trace is not None:
                found, first, last = trace.frames([question.extent])
                frames.update(found)
                times += [first, last]
        flow.placed.append(
            worker.placed(finding, sorted(frames), min(times, default=0.0), max(times, default=0.0), True)
        )
        report = _report(result, endpoint, capture, base, worker.context)
        out.extend(_objects(flow, endpoint, report))
    return out


def _report(result: FlowResult, endpoint: Endpoint, capture: int, base: int, context: Context) -> FlowReport:
    ends = result.ends
    return FlowReport(
        base + result.number,
        capture,
        endpoint,
        f"{address_text(ends.device)}:{ends.device_port}",
        ends.initiated_by_device,
        ends.time_first,
        ends.time_last,
        result.up,
        result.down,
        result.volume_up,
        result.volume_down,
        (ends.transport, *result.learnt.layers),
        result.learnt.tls,
        tuple(sorted(result.flags)),
        result.samples,
        purpose_of(endpoint, context),
        result.learnt.messages,
    )


def _objects(result: FlowResult, endpoint: Endpoint, report: FlowReport) -> list[TransferredObject]:
    out = []
    for placed in result.placed:
        found = placed.finding
        out.append(
            TransferredObject(
                found.kind,
                found.format,
                found.content,
                "up" if found.up else "down",
                endpoint.scope,
                endpoint,
                found.layers,
                placed.first,
                placed.last,
                placed.frames,
                found.width,
                found.height,
                found.phash,
                found.dhash,
                found.match,
                report.capture,
                report.id,
                found.label,
                placed.read_without_keys,
                found.flags,
                tuple(found.ranges.extents()),
            )
        )
    return out
