"""A finished run with hostile device text in every place that takes text."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pytest_conformance.record import PlannedClause, Run
from pytest_conformance.verdicts import Cause, Contribution, Measurement, Verdict

HOSTILE = "<script>alert(1)</script><img src=http://x.example/y>\x00\x1b[31mPASSED\r\ud800\u202e../../x {{7*7}} $x_$"
CLAUSES = (
    PlannedClause("A-1", "A", True, title="local", text_status="verbatim", evidence_level="measured", tests=("t1",)),
    PlannedClause("A-2", "A", True, title="from memory", text_status="memory", severity="major", tests=("t2", "t3")),
    PlannedClause("A-3", "A", False, "no camera declared", title="not for locks", text_status="seen"),
    PlannedClause("A-4", "A", True, title="nobody wrote a test", text_status="seen"),
    PlannedClause("A-5", "A", True, title="never reached", text_status="unsure", tests=("t5",)),
    PlannedClause("B-1", "B", True, title="as A-1", text_status="paraphrase", derived_from=("A-1",)),
    PlannedClause("B-2", "B", True, "deselected", title="left out", text_status="seen"),
)  # fmt: skip


@pytest.fixture
def hostile() -> str:
    return HOSTILE


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that is stopped; its clauses show every way to end."""
    device = {"kind": "lock", "model": HOSTILE, "sample": "S/1", "declaration_sha256": "ab" * 32}
    header = {"bench": "mock", "mode": "mock", "profile": "standard", "versions": {"pytest": HOSTILE}, "device": device}
    run = Run.start(tmp_path, header)
    run.plan(CLAUSES, documents={"A": {"title": HOSTILE, "title_zh": "办法", "edition": "2025"}})
    run.event("descriptor", {"of": "device", "firmware": HOSTILE})
    run.event("descriptor", {"of": "supply", "identity": HOSTILE, "door": "socket"})
    picture = cv2.imencode(".png", np.full((60, 40, 3), 120, np.uint8))[1].tobytes()
    face = run.evidence(picture + b"SECRETFACE", name=HOSTILE, media_type="image/png", caption=HOSTILE, face=True)
    run.evidence(b"\x89PNG broken", name="broken", media_type="image/png")
    run.evidence(b"<html>", name=HOSTILE, media_type="text/html")
    run.event("note", {"text": HOSTILE})
    run.event("trial", {"campaign": "c", "number": 1, "outcome": "match"})
    run.event("trial", {"campaign": "c", "number": 2, "outcome": "match", "void": True})
    measured = (Measurement(HOSTILE, 1.25, "s", 0.05, "<= 1 s", 30), Measurement("bad", float("nan"), "s"))
    run.verdict(["A-1"], Contribution(Verdict.FAIL, "t1", Cause.DUT, HOSTILE, "", measured, (face,)))
    run.verdict(["A-2"], Contribution(Verdict.PASS, "t2"))
    run.verdict(["A-2"], Contribution(Verdict.INCONCLUSIVE, "t3", Cause.BENCH, "BEN-LNK-001: gone", "BEN-LNK-001"))
    run.verdict(["B-1"], Contribution(Verdict.FAIL, "", Cause.DUT, "as A-1"), derived_from=["A-1"])
    run.stop(1)
    return run
