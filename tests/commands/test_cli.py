"""The command line: light to start, and one clear message for what is expected to go wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib import import_module
from subprocess import CompletedProcess

import pytest

from pytest_conformance import __version__
from pytest_conformance.cli import COMMANDS, main
from pytest_conformance.commands import schema
from pytest_conformance.errors import InstrumentError, UsageError
from pytest_conformance.record import Run

Command = Callable[..., CompletedProcess[str]]
HEAVY = ("numpy", "cv2", "pyvisa", "scipy", "pydantic", "pytest", "rich", "matplotlib", "serial", "usb")


def test_starting_loads_nothing_heavy() -> None:
    program = f"import sys, pytest_conformance.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_module_whose_import_loads_nothing_heavy(name: str) -> None:
    module = import_module(f"pytest_conformance.commands.{name}")
    assert callable(module.add_arguments)
    assert callable(module.run)
    program = f"import sys, {module.__name__}; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(f"\n    {name} " in said for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_its_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.split() == ["pytest-conformance", __version__]


def test_an_unknown_command_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docter", "mock"]) == 11
    assert "USE-CMD-001: no command is called 'docter'; did you mean 'doctor'?" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["doctor"], ["verify", "x", "--what"], ["report", "--latest", "0"]])
def test_wrong_options_are_refused_in_one_message(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 11
    said = capsys.readouterr().err
    assert said.startswith("conformance: USE-CMD-002: ")
    assert said.count("\n") == 1


def test_without_a_command_the_help_is_shown_and_the_exit_code_tells(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 11
    assert "doctor" in capsys.readouterr().out


@pytest.mark.parametrize(("error", "code"), [(UsageError, 11), (InstrumentError, 10)])
def test_an_expected_error_is_a_message_and_no_traceback(
    error: type[Exception], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(arguments: object) -> int:
        raise error("BEN-XXX-001", "gone \x1b[31m\ud800", where="supply", todo="mend it")

    monkeypatch.setattr(schema, "run", fail)
    assert main(["schema"]) == code
    said = capsys.readouterr().err
    assert said == "conformance: BEN-XXX-001: gone \\x1b[31m\\ud800; where: supply; to do: mend it\n"


def test_an_unexpected_error_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(arguments: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(schema, "run", fail)
    with pytest.raises(ZeroDivisionError):
        main(["schema"])


def test_a_reader_that_leaves_early_causes_no_traceback() -> None:
    command = f"{sys.executable} -m pytest_conformance.cli schema --json | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert len(done.stdout) == 10
    assert done.stderr == ""


def test_a_terminal_without_a_character_gets_its_escape(make_run: Callable[[], Run]) -> None:
    run = make_run().folder
    run = run.rename(run.with_name("办法"))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "pytest_conformance.cli", "verify", str(run)]
    done = subprocess.run(command, capture_output=True, timeout=60, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u529e\\u6cd5: 6 events" in done.stdout


def test_ctrl_c_and_sigterm_end_a_command_alike() -> None:
    program = textwrap.dedent(
        """
        import sys, time
        from pytest_conformance import cli
        from pytest_conformance.commands import schema
        def run(arguments):
            try:
                print("ready", flush=True)
                time.sleep(30)
            finally:
                print("left", flush=True)
        schema.run = run
        sys.exit(cli.main(["schema"]))
        """
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (130, "left\n", "conformance: interrupted\n")


def test_the_installed_script_is_this_command(command: Command) -> None:
    assert json.loads(command("schema", "results").stdout)["title"] == "conformance-results/1"
