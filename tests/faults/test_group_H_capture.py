"""Case H10, a capture that no writer wrote: it is read in a child, and what ends the child does not end the run."""

from __future__ import annotations

import os
import signal
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.declaration import load_declaration
from pytest_conformance.drivers.roles import CaptureFile
from pytest_conformance.errors import MethodError
from pytest_conformance.procedures import inspection
from pytest_conformance.procedures.canaries import Canaries
from pytest_conformance.procedures.traffic import Traffic
from pytest_conformance.record import Run, verify_run
from pytest_conformance.resources import shipped

HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
FRAME = bytes.fromhex("020000000001020000000002") + b"\x08\x00" + bytes(60)


def packet(captured: int, original: int, content: bytes) -> bytes:
    return struct.pack("<IIII", 1_700_000_000, 0, captured & 0xFFFFFFFF, original & 0xFFFFFFFF) + content


GOOD = packet(len(FRAME), len(FRAME), FRAME)
DAMAGED = {
    "a negative length": HEADER + GOOD + packet(-1, -1, FRAME),
    "a huge length": HEADER + GOOD + packet(0x7FFFFFFF, 0x7FFFFFFF, FRAME),
    "a huge snap length": struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0xFFFFFFFF, 1) + GOOD + packet(0, 0, b""),
    "an unknown link type": struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 0xFFF0) + GOOD,
    "cut within a packet": HEADER + GOOD + packet(100, 100, FRAME[:20]),
    "cut within a header": HEADER + GOOD + GOOD[:7],
    "a block that ends before it begins": bytes.fromhex("0a0d0d0a") + struct.pack("<I", 4) + bytes(24),
}


def read(run: Run, path: Path) -> Traffic:
    """Read a capture as every procedure does."""
    return inspection.inspected(
        run,
        CaptureFile(path, "file", 0, 1, device_macs=("02:00:00:00:00:02",)),
        name="idle",
        span=(0, 1),
        reference="sha256:" + "0" * 64,
        marks=(),
        keys="",
        declaration=load_declaration(shipped("fixtures") / "devices" / "mock-lock.yaml"),
        canaries=Canaries(),
    )


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.start(tmp_path, {})


@pytest.mark.parametrize("what", DAMAGED)
def test_H10_a_malformed_capture(what: str, run: Run, tmp_path: Path) -> None:
    """Negative and huge lengths, a broken link type, a truncated file: said, never PASS, and the runner lives."""
    path = tmp_path / "hostile.pcap"
    path.write_bytes(DAMAGED[what])

    verdict, reason = read(run, path).checks["capture-complete"]
    assert (verdict, bool(reason)) == ("INCONCLUSIVE", True)
    run.stop(0)
    assert verify_run(run.folder) == []


def crash(file: CaptureFile, known: Any, span: tuple[int, int], slots: Sequence[Any]) -> Any:
    """Stand for a decoder that a hostile picture brings down."""
    os.kill(os.getpid(), signal.SIGSEGV)


def test_H10_a_decoder_that_crashes(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child dies of the capture: INCONCLUSIVE(method) with the capture as evidence, and the runner lives."""
    path = tmp_path / "hostile.pcap"
    path.write_bytes(HEADER + GOOD)
    monkeypatch.setattr(inspection, "look", crash)

    with pytest.raises(MethodError) as caught:
        read(run, path)

    assert (caught.value.code, caught.value.cause) == ("MET-CAP-010", "method")
    assert "SIGSEGV" in str(caught.value)
    assert caught.value.where.startswith("sha256:")
    monkeypatch.undo()
    assert read(run, path).name == "idle", "the next capture is read"
