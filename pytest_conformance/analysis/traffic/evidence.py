"""What a reader needs to check a finding alone: the packets that carried it, a display filter, and the replay.

Works on captures and results; writes nothing itself.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

from pytest_conformance.analysis.traffic.capture import Capture
from pytest_conformance.analysis.traffic.context import Context
from pytest_conformance.analysis.traffic.model import FlowReport, TransferredObject


def minimal_capture(source: Path | str | bytes, frames: Iterable[int]) -> bytes:
    """Return a pcap (nanoseconds) with just the given frames of a capture, times and lengths kept.

    Frames of several link types cannot share a pcap: those of the first one's type are kept.
    """
    wanted = frozenset(frames)
    capture = Capture(source)
    out: list[bytes] = []
    link: int | None = None
    try:
        for frame, time, kind, at, captured, original in capture.packets():
            if frame not in wanted:
                continue
            link = kind if link is None else link
            if kind != link:
                continue
            whole = int(time)
            nanos = min(max(round((time - whole) * 1e9), 0), 999_999_999)
            out.append(struct.pack("<IIII", whole & 0xFFFFFFFF, nanos, captured, original))
            out.append(bytes(capture.buffer[at : at + captured]))
    finally:
        capture.close()
    return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1 if link is None else link) + b"".join(out)


def display_filter(item: TransferredObject) -> str:
    """Return a Wireshark display filter for the packets of a finding; runs of frames become ranges."""
    parts: list[str] = []
    frames = list(item.frames)
    index = 0
    while index < len(frames):
        end = index
        while end + 1 < len(frames) and frames[end + 1] == frames[end] + 1:
            end += 1
        first, last = frames[index], frames[end]
        parts.append(f"frame.number == {first}" if first == last else f"frame.number in {{{first}..{last}}}")
        index = end + 1
    return " or ".join(parts)


def frames_for_replay(source: Path | str | bytes, item: TransferredObject, flow: FlowReport) -> list[int]:
    """Return the frames that a replay needs: the finding's own and all others of its conversation.

    The conversation is named by the addresses and ports of its flow report.
    """
    import ipaddress

    device, _, port = flow.client.rpartition(":")
    pair = {ipaddress.ip_address(device).packed, ipaddress.ip_address(flow.endpoint.ip).packed}
    ports = {int(port), flow.endpoint.port}
    capture = Capture(source)
    wanted = set(item.frames)
    try:
        for frame, time, link, at, captured, _ in capture.packets():
            if flow.time_first - 1 <= time <= flow.time_last + 1:
                keys = _ends(capture.buffer, link, at, at + captured)
                if keys is not None and keys[0] == pair and keys[1] == ports:
                    wanted.add(frame)
    finally:
        capture.close()
    return sorted(wanted)


def _ends(buffer: bytes, link: int, at: int, end: int) -> tuple[set[bytes], set[int]] | None:
    from pytest_conformance.analysis.traffic import linklayer, network

    frame = linklayer.network_layer(link, buffer, at, end)
    if frame is None:
        return None
    parsed = None
    if frame.ethertype == 0x0800:
        parsed = network.ipv4(buffer, frame.at, end)
    elif frame.ethertype == 0x86DD:
        parsed = network.ipv6(buffer, frame.at, end)
    if parsed is None or parsed[0].protocol not in (6, 17) or parsed[0].end - parsed[0].at < 4:
        return None
    packet = parsed[0]
    return {packet.source, packet.destination}, set(struct.unpack_from(">HH", packet.buffer, packet.at))


def replay(
    capture: Path | str | bytes, context: Context, layers: Sequence[str], sha256: str, secrets: str = ""
) -> TransferredObject | None:
    """Inspect a minimal capture again; return the finding with the same layers and digest, or None.

    `secrets` are key log lines of the session, for findings inside TLS or QUIC.
    """
    from pytest_conformance.analysis.traffic.inspection import inspect

    again = inspect([capture], dataclasses.replace(context, keylog=context.keylog + "\n" + secrets))
    return next((o for o in again.objects if o.sha256 == sha256 and o.layers == tuple(layers)), None)
