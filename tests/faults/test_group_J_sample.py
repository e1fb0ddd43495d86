"""Group J, the sample: what it still holds of persons when a run ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.bench.quarantine import in_force
from pytest_conformance.cli import main
from pytest_conformance.record import verify_run
from pytest_conformance.resources import shipped

ENROLS = """
@clause("CN-FRT-8.a")
def test_enrols(device):
    device.factory_reset()
    device.first_use({})
    assert device.enrol(device.owner, "S1", {"face": True}).enrolled
    STOP
"""


@pytest.mark.parametrize(
    ("known_bad", "stop", "asked", "why"),
    [
        ("", "", {"held": 1, "after": 0, "flagged": ""}, ""),
        ("keeps-templates-after-reset", "", {"held": 1, "after": 1}, "it holds 1 of 1 templates after a factory reset"),
        ("", "raise KeyboardInterrupt", None, "the run ended before it was asked"),
    ],
    ids=["erased", "kept", "stopped"],
)
def test_J10_templates_that_the_device_still_holds(
    conduct: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    known_bad: str,
    stop: str,
    asked: dict[str, object] | None,
    why: str,
) -> None:
    """Asked at the end, erased, asked again; kept, or not asked: the sample is flagged until a person releases it."""
    bench = tmp_path / "mine.yaml"
    bench.write_text((shipped("benches") / "mock.yaml").read_text("utf-8") + "\npeople: {lead-1: [release]}\n")

    ran = conduct(ENROLS.replace("STOP", stop), bench, *([f"--known-bad={known_bad}"] if known_bad else []))

    told = [each.data for each in ran.events("x-templates")]
    assert len(told) == (asked is not None)
    if asked:
        assert {name: told[0][name] for name in asked} == asked, ran.out
        assert ran.verdict("CN-FRT-8.a") == ("PASS", None), "what the sample holds is no verdict on a clause"
    state = ran.folder / "bench" / "state"
    found = in_force(state, "sample ML3D-0001")
    assert (found is None) is (why == "")
    notes = [each.data["text"] for each in ran.events("note")]
    assert any("sample ML3D-0001 may not leave the laboratory" in each and why in each for each in notes) is bool(why)
    assert ran.events()[-1].type in ("stop", "checkpoint"), "nothing is written after the end"
    assert verify_run(ran.folder) == []
    assert ran.safe_states()[-1]["outputs"]["supply off"] == "done"
    if found is not None:
        assert why in found.reason
        monkeypatch.setenv("CONFORMANCE_STATE", str(state))
        release = ["bench", "release", str(bench), "--sample", "ML3D-0001", "--reason", "wiped by its maker"]
        assert main([*release, "--person", "somebody"]) == 11
        assert in_force(state, "sample ML3D-0001") is not None
        assert main([*release, "--person", "lead-1"]) == 0
        assert in_force(state, "sample ML3D-0001") is None
