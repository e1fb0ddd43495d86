"""Run a simulated bench: print one JSON line with its addresses, then live until standard input closes."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from pytest_conformance.simulation.build import build_world, known_bad_table
from pytest_conformance.simulation.control import ControlServer
from pytest_conformance.simulation.truth import read_truth
from pytest_conformance.simulation.world import Options


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pytest_conformance.simulation", description=__doc__)
    parser.add_argument("--dut", default="mock-lock", help="which simulated device: mock-lock, mock-camera, mock-watch")
    parser.add_argument("--known-bad", default="", metavar="NAME[,NAME]", help="behaviours to swap for bad ones")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--door", choices=["auto", "namespace", "relay"], default="auto")
    parser.add_argument("--truth", default="", metavar="JSON", help="true error rates that a recogniser decides by")
    parser.add_argument("--drawn", type=int, default=0, metavar="N", help="decisions drawn from it before")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="where far ends may leave files")
    parser.add_argument(
        "--list", nargs="?", const="", metavar="DUT", help="print the known-bad variants (of DUT) as JSON and exit"
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    arguments = parse(argv)
    if arguments.list is not None:
        return print_table(arguments.list)
    names = tuple(name.strip() for name in arguments.known_bad.split(",") if name.strip())
    try:
        truth = read_truth(arguments.truth)
        world = build_world(
            Options(arguments.dut, names, arguments.seed, arguments.door, arguments.folder, truth, arguments.drawn)
        )
    except LookupError as error:
        print(json.dumps({"error": str(error.args[0] if error.args else error)}), flush=True)
        return 2
    control = ControlServer(world)
    control.start()
    manifest = {**world.start(), "control": {"port": control.port}, "pid": os.getpid()}
    print(json.dumps(manifest), flush=True)

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        while os.read(sys.stdin.fileno(), 4096):
            pass
    except SystemExit:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        world.tell()
        world.stop()
        control.stop()
    return 0


def print_table(device: str) -> int:
    """Print the known-bad variants, or why they cannot be listed; return the exit code."""
    try:
        print(json.dumps(known_bad_table(device)))
    except LookupError as error:
        print(json.dumps({"error": str(error.args[0] if error.args else error)}))
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
