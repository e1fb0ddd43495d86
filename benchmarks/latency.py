"""Honesty of what is timed: lateness of stamps while this process is busy, and known delays on the mock bench.

python benchmarks/latency.py [lateness] [delays]   (both, when none is named; real time, about a minute)
Prints tables and exits with 1 when a stated bound is broken. `docs/statistics.md` shows one run.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_conformance.analysis.chain import chain_components, delays_found
from pytest_conformance.analysis.latency import budget
from pytest_conformance.bench.assembly import Bench
from pytest_conformance.bench.file import load_bench
from pytest_conformance.drivers.stamping import StampedPort
from pytest_conformance.drivers.stamping_process import open_port
from pytest_conformance.procedures.chain_calibration import DELAYS, READINGS, read_chain
from pytest_conformance.resources import shipped
from pytest_conformance.stimulus.assembly import load_registers

LINES, APART = 400, 0.006
LATENESS_BOUND, U_BOUND = 0.3e-3, 5e-3
FAR_END = f"""
import socket, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
link, _ = listener.accept()
link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
time.sleep(0.5)
for number in range({LINES}):
    time.sleep({APART})
    link.sendall(b"%020d\\n" % time.monotonic_ns())
time.sleep(5)
"""
broken: list[str] = []


def bound(name: str, value: float, limit: float) -> None:
    """Print a value beside its bound, both in milliseconds, and remember when it is broken."""
    kept = value <= limit
    print(f"  {name}: {value * 1e3:.3f} ms (bound {limit * 1e3:g} ms) {'kept' if kept else 'BROKEN'}")
    if not kept:
        broken.append(name)


def lateness() -> None:
    """How late a line is seen while the main thread works in Python: by a thread of it, and by the stamping process."""
    print(f"lateness of {LINES} stamps, main thread busy in Python")
    here = _late(open_port, lambda port: time.monotonic_ns())
    there = _late(StampedPort, lambda port: int(port.arrived))
    for name, late in (("a thread of the busy process", here), ("a process of its own", there)):
        p95 = sorted(late)[int(0.95 * len(late))]
        shown = f"p50 {statistics.median(late) * 1e3:.3f} ms, p95 {p95 * 1e3:.3f} ms, worst {max(late) * 1e3:.1f} ms"
        print(f"  {name}: {shown}")
    bound("p50 of the lateness of a stamp", statistics.median(there), LATENESS_BOUND)


def _late(opened: Callable[[dict[str, Any]], Any], stamp: Callable[[Any], int]) -> list[float]:
    far = subprocess.Popen([sys.executable, "-c", FAR_END], stdout=subprocess.PIPE)
    assert far.stdout is not None
    port = opened(
        {"address": f"socket://127.0.0.1:{int(far.stdout.readline())}", "baudrate": 115200, "write_timeout": 1}
    )
    late: list[float] = []

    def read() -> None:
        buffer = b""
        while len(late) < LINES:
            buffer += port.read(1 if not isinstance(port, StampedPort) else 4096)
            at = stamp(port)
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                late.append((at - int(line)) / 1e9)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    while reader.is_alive():
        sum(number * number for number in range(20_000))
    port.close()
    far.kill()
    far.wait()
    return late


def delays() -> None:
    """Far ends of known delay through display, photodiode, contact and their drivers on the mock bench."""
    bench = Bench.open(load_bench(shipped("benches") / "mock.yaml"), Path(tempfile.mkdtemp()), dut="mock-lock")
    try:
        readings = read_chain(bench, load_registers("mock", Path.cwd())[1], READINGS, DELAYS)
    finally:
        bench.close()
    chain = budget(chain_components(readings, "flip"))
    print("timing chain of the mock bench: from the display's flip to the edge of the contact")
    for each in chain.components:
        known = f"u {each.uncertainty_s * 1e3:.3f} ms, {each.kind}, {each.distribution}, {each.degrees_of_freedom:g} df"
        print(f"  {each.name}: correction {each.correction_s * 1e3:+.3f} ms, {known}")
    print(f"  k {chain.coverage_factor:.2f}, {chain.degrees_of_freedom:.0f} effective degrees of freedom")
    bound("U of one time", chain.expanded_s, U_BOUND)
    for found in delays_found(readings):
        bound(f"known delay {found.nominal * 1e3:g} ms, U of the median", found.uncertainty, U_BOUND)
        bound(
            f"known delay {found.nominal * 1e3:g} ms, error of the corrected median",
            abs(found.error),
            found.uncertainty,
        )


def main(names: list[str]) -> int:
    """Run the parts named, or both; return 1 when a bound was broken."""
    parts = {each.__name__: each for each in (lateness, delays)}
    for name in names or parts:
        parts[name]()
    print(f"{len(broken)} bounds broken" + "".join(f"\n  {each}" for each in broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
