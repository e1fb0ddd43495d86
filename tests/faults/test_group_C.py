"""Group C, the device under test: what it is, how it is doing, and what it does by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.resources import shipped

ORDER = "schema: conformance-order/1\nnumber: O-2026-0042\nmodel: {}\n"
ONE = """
@clause("CN-FRT-8.a")
def test_it(powered):
    assert powered.is_on()
"""
BOOTS = """
@clause("CN-FRT-8.a")
def test_it(device):
    device.power_on()
"""


@pytest.mark.parametrize(("ordered", "exit_code"), [("Mock Lock 2D", 11), ("Mock Lock 3D", 0)])
def test_C04_another_model_than_the_ordered_one(
    conduct: Any, bench_file: Any, far: Any, tmp_path: Path, ordered: str, exit_code: int
) -> None:
    """The declaration is of another model than the order: refused, exit code 11, nothing touched, recorded."""
    (tmp_path / "order.yaml").write_text(ORDER.format(ordered))

    ran = conduct(ONE, bench_file(), "--order=order.yaml")

    assert ran.process.returncode == exit_code, ran.out
    assert ("USE-ORD-001: order O-2026-0042 is of model 'Mock Lock 2D'" in ran.out) is (exit_code == 11)
    if exit_code:
        assert not far.supply.front.model.received, "an instrument was touched"
        (note,) = [each.data["text"] for each in ran.events("note") if "refused to start" in each.data["text"]]
        assert "USE-ORD-001" in note
    else:
        (start,) = ran.events("start")
        assert start.data["header"]["order"]["number"] == "O-2026-0042"
        assert "order" in [each.data["of"] for each in ran.events("input")]
    assert not far.powered()


@pytest.mark.parametrize(
    ("model", "verdict", "code"),
    [
        ("model: Mock Lock 2D", ("INCONCLUSIVE", "dut"), "DUT-IDN-002"),
        ("model: Mock Lock 2D\nidentifies_as: Mock Lock 3D", ("PASS", None), ""),
    ],
)
def test_C04_a_device_that_is_no_such_model(
    conduct: Any, tmp_path: Path, model: str, verdict: tuple[str, str | None], code: str
) -> None:
    """The device itself says that it is another model: INCONCLUSIVE(dut); a name that is explained is none."""
    declared = (shipped("fixtures") / "devices" / "mock-lock.yaml").read_text("utf-8")
    assert "\nmodel: Mock Lock 3D\n" in declared
    (tmp_path / "mock-lock.yaml").write_text(declared.replace("model: Mock Lock 3D", model), "utf-8")
    bench = (shipped("benches") / "mock.yaml").read_text("utf-8")
    (tmp_path / "mine.yaml").write_text(bench)

    ran = conduct(BOOTS, tmp_path / "mine.yaml", f"--dut={tmp_path / 'mock-lock.yaml'}")

    assert ran.verdict("CN-FRT-8.a") == verdict, ran.out
    assert ran.events("verdict")[0].data["code"] == code
    assert ran.safe_states()[-1]["outputs"]["supply off"] == "done"


CAMPAIGN = """\
schema: conformance-plan/1
name: short
version: "1"
title: a short plan
kind: attack
cells: species
rules: {attack: {kind: fixed, n: 6, c: 2}}
bona_fide_every: 6
stop_at_failure: false
conditions: {lux: {lower: 100 lx, upper: 1000 lx}, battery: {lower: 30 %}}
limits: [{name: IAPAR, value: 15 %, text_status: unsure, source: this test}]
source: this test
text_status: unsure
"""
WEAK = """
from pytest_conformance.procedures.campaign_judging import require_decided

@clause("CN-LOCK-GB-B")
def test_attacks(campaign, device, recogniser, supply):
    device.power_on()
    supply.set_output(VOLTS, 1.0)
    require_decided(campaign.run("PLAN", recogniser))
"""


@pytest.mark.parametrize(("volts", "low"), [(4.6, True), (5.0, False)])
def test_C08_a_battery_that_is_low(conduct: Any, tmp_path: Path, volts: float, low: bool) -> None:
    """The charge that the device tells is in each trial; below the plan's limit they are void: INCONCLUSIVE(dut)."""
    (tmp_path / "short.yaml").write_text(CAMPAIGN)
    (tmp_path / "mine.yaml").write_text((shipped("benches") / "mock-campaign.yaml").read_text("utf-8"))
    source = WEAK.replace("PLAN", str(tmp_path / "short.yaml")).replace("VOLTS", str(volts))

    ran = conduct(source, tmp_path / "mine.yaml", "--profile=quick")

    trials = [each.data for each in ran.events("trial")]
    assert trials, ran.out
    charges = [each["conditions"]["battery"] for each in trials]
    assert all((charge < 0.3) is low for charge in charges), charges
    assert all(each["void"] is low for each in trials)
    if low:
        assert ran.verdict("CN-LOCK-GB-B") == ("INCONCLUSIVE", "dut"), ran.out
        assert ran.events("verdict")[0].data["code"] == "DUT-CAM-001"
        assert "battery 0.2 is outside 0.3 to 1" in ran.clauses["CN-LOCK-GB-B"]["reason"]
    else:
        assert ran.verdict("CN-LOCK-GB-B")[0] in ("PASS", "FAIL"), ran.out
    assert ran.safe_states()[-1]["outputs"]["supply off"] == "done"


UPDATES = """
from pytest_conformance.procedures.campaign_judging import require_decided

@clause("CN-LOCK-GB-B")
def test_attacks(campaign, recogniser):
    require_decided(campaign.run("PLAN", recogniser))
"""


def test_C10_an_update_that_starts_by_itself(conduct: Any, tmp_path: Path) -> None:
    """New firmware in mid-campaign: that trial is void, the campaign ends, both versions named: INCONCLUSIVE(dut)."""
    (tmp_path / "short.yaml").write_text(CAMPAIGN)
    (tmp_path / "mine.yaml").write_text((shipped("benches") / "mock-campaign.yaml").read_text("utf-8"))
    source = UPDATES.replace("PLAN", str(tmp_path / "short.yaml"))

    ran = conduct(source, tmp_path / "mine.yaml", "--profile=quick", "--known-bad=updates-by-itself")

    assert ran.verdict("CN-LOCK-GB-B") == ("INCONCLUSIVE", "dut"), ran.out
    assert ran.events("verdict")[0].data["code"] == "DUT-IDN-001"
    *before, last = [each.data for each in ran.events("trial")]
    assert before, "it came in mid-campaign"
    assert (last["void"], last["reason"]) == (True, "device")
    assert "firmware 1.4.2 before" in last["said"]
    assert "firmware 99.0 now" in last["said"]
    assert ran.safe_states()[-1]["outputs"]["supply off"] == "done"
