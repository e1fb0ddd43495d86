"""The `conformance` command: reads the command line and hands over to the module of the command that was named."""

from __future__ import annotations

import argparse
import difflib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import FrameType
from typing import NoReturn

from pytest_conformance.commands import REFUSED, UNDECIDED
from pytest_conformance.errors import ConformanceError, UsageError

COMMANDS = {
    "doctor": "reach each role of a bench, and say what is missing and how to mend it",
    "bench": "show who holds a bench and whether it is in quarantine; release it from there",
    "golden": "judge the golden samples of a bench, before or after its runs; a wrong one takes verdicts back",
    "matrix": "documents x clauses: what applies, which tests judge it, where the holes are",
    "validate": "run the good and the known-bad simulated devices: what is caught, what is missed",
    "verify": "check a run, a bundle or a proof: chain of events, signatures, evidence; judge it again",
    "bundle": "pack a run into one file to hand out, or prove a single event of it",
    "amend": "correct what a run said of a clause, with name and reason; both stay, what follows is judged again",
    "stamp": "ask an authority for time stamps (RFC 3161) of signed records; those queued while offline are sent",
    "restore": "bring a run back from a backup: verified, recorded, and what was erased since stays erased",
    "key": "make a key that signs records",
    "vault": "whose faces are kept and until when; open one, or erase a subject from all records",
    "report": "build the views of a run again from its record",
    "issue": "the report that a laboratory signs: mandatory particulars, number, language, PDF",
    "inspect": "say what left a device, from captured packets",
    "simulate": "start a simulated bench that stands alone, to point drivers at",
    "init": "write a bench file, a declaration and a clause test to begin with",
    "schema": "print the JSON Schema of a kind of file",
}
"""Each command is the module of that name in `pytest_conformance.commands`; here is what help says of it."""

INTERRUPTED = 130
PIPE_CLOSED = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an expected error is one message on standard error."""
    given = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a character shows its escape
            stream.reconfigure(errors="backslashreplace")
    try:
        with _ended_by_signal():
            return _run(given)
    except ConformanceError as error:
        print(f"conformance: {_plain(str(error))}", file=sys.stderr)
        return REFUSED if isinstance(error, UsageError) else UNDECIDED
    except BrokenPipeError:
        # Python flushes standard output once more when it ends: give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        print("conformance: interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(given: Sequence[str]) -> int:
    chosen = next((word for word in given if not word.startswith("-")), "")
    parser = _Parser(prog="conformance", description="Measure whether devices obey the rules on faces and data.")
    parser.add_argument("--version", action="version", version=f"pytest-conformance {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, text in COMMANDS.items():
        its_parser = commands.add_parser(name, help=text, description=text)
        if name == chosen:
            import_module(f"pytest_conformance.commands.{name}").add_arguments(its_parser)
    if chosen and chosen not in COMMANDS:
        raise _unknown(chosen)
    arguments = parser.parse_args(given)
    if not arguments.command:
        parser.print_help()
        return REFUSED
    code: int = import_module(f"pytest_conformance.commands.{arguments.command}").run(arguments)
    sys.stdout.flush()
    return code


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """SIGTERM and SIGHUP end a command as Ctrl-C does: outputs go off, children and namespaces are taken down."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong as every other part of the bench does, and ends with the same exit code."""

    def error(self, message: str) -> NoReturn:
        raise UsageError("USE-CMD-002", message, where=self.prog, todo=f"`{self.prog} --help` lists the options")


def _unknown(name: str) -> UsageError:
    near = difflib.get_close_matches(name[:40], COMMANDS, 1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return UsageError("USE-CMD-001", f"no command is called {name!r}{meant}", expected=f"one of {', '.join(COMMANDS)}")


def _version() -> str:
    from pytest_conformance import __version__

    return __version__


def _plain(text: str) -> str:
    from pytest_conformance.commands.output import visible

    return visible(text, 4000)


if __name__ == "__main__":
    raise SystemExit(main())
