"""`conformance simulate`: a simulated bench that stands alone, to point drivers and other programs at."""

from __future__ import annotations

import json
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.commands import OK
from pytest_conformance.commands.output import add_json, cell, console, progress, table
from pytest_conformance.errors import SimulationError

if TYPE_CHECKING:
    from pytest_conformance.bench.simulated import SimulatedWorld

NOT_FAR_ENDS = ("control", "pid")
LOOK = 0.2
"""Seconds between two looks at whether the simulation still lives."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--dut", metavar="D", default="mock-lock", help="simulated device (default: mock-lock)")
    parser.add_argument("--known-bad", metavar="NAME[,NAME]", default="", help="behaviours to swap for bad ones")
    parser.add_argument("--door", choices=("auto", "namespace", "relay"), default="auto", help="how packets pass")
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="seed of everything random (default: 1)")
    parser.add_argument(
        "--folder", metavar="DIR", type=Path, help="where it may leave files (default: a temporary one)"
    )
    add_json(parser)


def run(arguments: Namespace) -> int:
    from pytest_conformance.bench.simulated import SimulatedWorld
    from pytest_conformance.commands.naming import device_name

    known_bad = [each.strip() for each in arguments.known_bad.split(",") if each.strip()]
    with _folder(arguments.folder) as folder:
        world = SimulatedWorld(
            device_name(arguments.dut),
            known_bad=known_bad,
            seed=arguments.seed,
            door=arguments.door,
            folder=folder.absolute(),
        )
        try:
            _show(world.manifest, as_json=arguments.json)
            _stay(world)
        except KeyboardInterrupt:
            progress("the simulated bench ends")
        finally:
            world.close()
    return OK


def _show(manifest: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(manifest), flush=True)
        return
    rows = table("far end", "address", "settings", title="simulated bench")
    for name, entry in manifest.items():
        if name in NOT_FAR_ENDS:
            continue
        more = {key: value for key, value in entry.items() if key not in ("address", "authority") and value}
        said = ", ".join(f"{key}: {value}" for key, value in more.items())
        rows.add_row(cell(name), cell(entry.get("address", "")), cell(said))
    out = console()
    out.print(rows)
    control = manifest["control"]["port"]
    out.print(cell(f"control port: 127.0.0.1:{control} (JSON lines); process {manifest['pid']}. Ctrl-C ends it."))
    out.file.flush()


def _stay(world: SimulatedWorld) -> None:
    from pytest_conformance.clock import RealClock

    clock = RealClock()
    while world.alive:
        clock.sleep(LOOK)
    raise SimulationError(
        "BEN-SIM-002",
        "the simulated bench went away",
        todo="start it again with --folder DIR, and read simulation.log there",
    )


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="conformance-simulate-", ignore_cleanup_errors=True) as name:
        yield Path(name)
