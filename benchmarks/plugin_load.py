"""What the plugin costs when it is not used: `pytest --collect-only` in an empty folder, with and without it.

Run `python benchmarks/plugin_load.py [PAIRS]`. Prints the median of the differences of PAIRS (30) pairs, taken in
turns so that a busy machine disturbs both alike, and ends with 1 when it is above the goal of 30 ms.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

GOAL = 0.030
"""Seconds."""
WITHOUT = ("-p", "no:conformance")


def once(folder: str, *options: str) -> tuple[float, float]:
    """Return the wall and processor seconds of one collection; pytest's 5 says that there was nothing to collect."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *options]
    surroundings = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command += ["-p", "allure_pytest.plugin"]
    command += [] if options else ["-p", "pytest_conformance.plugin"]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    code = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, check=False).returncode
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if code != 5:
        raise SystemExit(f"pytest ended with {code}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(pairs: int) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Return what each pair took, with and without the plugin; the order changes from pair to pair."""
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        once(folder)
        once(folder, *WITHOUT)
        for number in range(pairs):
            if number % 2:
                with_it, without_it = once(folder), once(folder, *WITHOUT)
            else:
                without_it, with_it = once(folder, *WITHOUT), once(folder)
            taken.append((with_it, without_it))
    return taken


def main() -> int:
    """Measure and print."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    taken = measure(pairs)
    print(f"{pairs} pairs of `pytest --collect-only` in an empty folder, allure-pytest loaded in both; medians in ms")
    print(f"{'':10}{'without':>10}{'with':>10}{'difference':>12}   middle half")
    medians = []
    for index, name in enumerate(("wall", "processor")):
        differences = sorted((a[index] - b[index]) * 1000 for a, b in taken)
        without_it = statistics.median(b[index] for _, b in taken) * 1000
        with_it = statistics.median(a[index] for a, _ in taken) * 1000
        medians.append(statistics.median(differences))
        middle = f"{differences[pairs // 4]:.1f} to {differences[3 * pairs // 4]:.1f}"
        print(f"{name:10}{without_it:10.1f}{with_it:10.1f}{medians[-1]:12.1f}   {middle}")
    met = medians[0] <= GOAL * 1000
    print(f"goal: at most {GOAL * 1000:.0f} ms of wall time: {'met' if met else 'MISSED'}")
    if max(os.getloadavg()) > (os.cpu_count() or 1):
        print("the machine was busy: trust the processor time")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
