"""Case B22 for the air, and the instruments that tell what surrounds a trial."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_conformance.errors import SurroundingsError
from pytest_conformance.running import starting

CLIMATE = "\n  thermometer: {{driver: scpi-thermometer, address: '{}'}}"
RANGE = "\n  rangefinder: {{driver: serial-rangefinder, address: '{}', timeout: 300 ms}}"


def test_B22_air_outside_the_limits(rig: Any, far: Any) -> None:
    """Temperature or humidity outside the bench file's limits: INCONCLUSIVE(environment), power off."""
    limits = "limits: {temperature: {lower: 18 degC, upper: 28 degC}, humidity: {lower: 30 %, upper: 70 %}}\n"
    bench = rig(roles=CLIMATE.format(far.manifest["climate"]["address"]), rest=limits)
    for signal, value, usual, said in (
        (far.world.celsius, 31.0, 23.0, r"3[01]\.\d degC"),
        (far.world.humidity, 0.85, 0.45, "85% of humidity"),
    ):
        bench.power()
        starting.require_surroundings(bench.bench)
        signal.set(value)
        verdict = bench.judged(lambda: starting.require_surroundings(bench.bench))
        assert verdict == ("INCONCLUSIVE", "environment", "ENV-LIM-001")
        with pytest.raises(SurroundingsError, match=said):
            starting.require_surroundings(bench.bench)
        assert not far.powered()
        signal.set(usual)
        starting.require_surroundings(bench.bench)


def test_a_rangefinder_tells_the_distance_or_why_not(rig: Any, far: Any) -> None:
    bench = rig(roles=RANGE.format(far.manifest["rangefinder"]["address"]))
    finder = bench.bench.role("rangefinder")
    assert finder.identity().model == "SIM-RANGE1"
    assert finder.millimetres() == 500.0
    far.world.distance.set(612.4)
    assert finder.millimetres() == 612.4
    for distance in (None, 20.0):
        far.world.distance.set(distance)
        assert bench.judged(finder.millimetres) == ("INCONCLUSIVE", "bench", "BEN-INS-160")
    far.world.distance.set(500.0)
    finder.close()
    finder.reopen()
    assert finder.millimetres() == 500.0
    line = far.world.far_end("rangefinder").line
    send = line.send
    line.send = lambda content: send(content.replace(b"500.0", b"560.0"))
    assert bench.judged(finder.millimetres) == ("INCONCLUSIVE", "bench", "BEN-INS-161")


def test_a_distance_that_comes_late_is_not_the_next_one(rig: Any, far: Any) -> None:
    """The answer to a question that was given up is thrown away: the next reading is of now."""
    bench = rig(roles=RANGE.format(far.manifest["rangefinder"]["address"]))
    finder, line = bench.bench.role("rangefinder"), far.world.far_end("rangefinder").line
    send = line.send
    held: list[bytes] = []
    line.send = held.append
    assert bench.judged(finder.millimetres)[:2] == ("INCONCLUSIVE", "bench")
    line.send = send
    send(held[0])
    far.world.distance.set(700.0)
    assert finder.millimetres() == 700.0
    assert finder.millimetres() == 700.0
