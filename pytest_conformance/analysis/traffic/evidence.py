"""What a reader needs to check a finding alone: the packets that carried it, a display filter, and the replay.

Works on captures and results; writes nothing itself.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_conformance.analysis.traffic.context import Context
from pytest_conformance.analysis.traffic.cutting import Cutter
from pytest_conformance.analysis.traffic.model import FlowReport, TransferredObject
from pytest_conformance.errors import UsageError


def minimal_capture(source: Path | str | bytes, frames: Iterable[int]) -> bytes:
    """Return a pcap (nanoseconds) with just the given frames of a capture, times and lengths kept."""
    return Cutter(source).cut(frames)


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
    """Return the frames that a replay needs: the finding's own and all others of its conversations."""
    return Cutter(source).conversations(item.frames, flow.time_first, flow.time_last)


def replay(
    capture: Path | str | bytes, context: Context, layers: Sequence[str], sha256: str, secrets: str = ""
) -> TransferredObject | None:
    """Inspect a minimal capture again; return the finding with the same layers and digest, or None.

    `secrets` are key log lines of the session, for findings inside TLS or QUIC.
    """
    from pytest_conformance.analysis.traffic.inspection import inspect

    again = inspect([capture], dataclasses.replace(context, keylog=context.keylog + "\n" + secrets))
    return next((o for o in again.objects if o.sha256 == sha256 and o.layers == tuple(layers)), None)


class Replayed(NamedTuple):
    """What became of a replay: the finding that was looked for, and what the minimal capture gave."""

    id: str
    sha256: str
    layers: tuple[str, ...]
    capture_unchanged: bool
    found: TransferredObject | None


def replay_file(finding: Path, context: Context) -> Replayed:
    """Replay the layers of a finding's file on the minimal capture beside it.

    Raises UsageError (USE-CAP-003) when the file is no finding, or names files that are not beside it.
    """
    try:
        about = json.loads(finding.read_text("utf-8"))
        wanted, small = about["object"]["sha256"], about["minimal_capture"]
        content = _beside(finding, small["file"]).read_bytes()
        secrets = _beside(finding, about["secrets"]).read_text("ascii") if about.get("secrets") else ""
        layers, name, digest = tuple(about["layers"]), str(about["id"]), small["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            "USE-CAP-003",
            f"not the evidence of a finding: {error}",
            where=str(finding),
            expected="an ID.json that `conformance inspect --evidence` wrote, with its files beside it",
            todo="give the file as it lies in the evidence folder",
        ) from error
    unchanged = hashlib.sha256(content).hexdigest() == digest
    return Replayed(name, wanted, layers, unchanged, replay(content, context, layers, wanted, secrets))


def _beside(finding: Path, name: str) -> Path:
    if Path(name).name != name:
        raise ValueError(f"{name!r} is not a file name")
    return finding.parent / name
