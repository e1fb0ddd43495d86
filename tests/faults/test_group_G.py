"""Group G, files of the bench: each hostile or mistaken file is refused with its place, quickly, and runs nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.bench.file import load_bench
from pytest_conformance.errors import UsageError
from pytest_conformance.record import Run, read_journal
from pytest_conformance.record.masking import masked
from pytest_conformance.resources import shipped
from pytest_conformance.running import outcome
from pytest_conformance.yamlfile.lookup import find

HEAD = "schema: conformance-bench/1\nname: own\nmode: lab\n"
ROLE = "roles:\n  supply: {{driver: scpi-supply, address: '10.0.0.1', {more}}}\n"


def refused(tmp_path: Path, content: str | bytes) -> str:
    file = tmp_path / "own.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as caught:
        load_bench(file)
    assert caught.value.code.startswith("USE-")
    return str(caught.value)


def test_G01_an_alias_bomb_is_refused_before_it_grows(tmp_path: Path) -> None:
    bomb = HEAD + "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    began = time.process_time()

    said = refused(tmp_path, bomb)

    assert time.process_time() - began < 2.0  # seconds of this process, whatever else the machine does
    assert "own.yaml:4:" in said


def test_G02_five_thousand_levels_and_a_file_of_many_megabytes_are_refused(tmp_path: Path) -> None:
    assert "own.yaml" in refused(tmp_path, HEAD + "x: " + "[" * 5000 + "]" * 5000)
    assert "own.yaml" in refused(tmp_path, HEAD + "# " + "x" * 20_000_000)


def test_G03_a_language_tag_runs_nothing(tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    said = refused(tmp_path, HEAD + f'x: !!python/object/apply:os.system ["touch {witness}"]\n')

    assert "own.yaml:4:" in said
    assert not witness.exists()


def test_G04_a_misspelt_key_is_refused_with_place_and_meant_key(tmp_path: Path) -> None:
    said = refused(tmp_path, HEAD + "rolse: {}\n")

    assert "own.yaml:4:1" in said
    assert "roles" in said


def test_G05_a_key_that_stands_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    said = refused(tmp_path, HEAD + "name: other\n")

    assert "own.yaml:4:1" in said
    assert "2" in said.partition("own.yaml:4:1")[2]


@pytest.mark.parametrize("bare", ["NO", "12:30:45", "00123", "1e3", "1.10"])
def test_G06_a_bare_scalar_that_readers_take_for_something_else_is_no_text(tmp_path: Path, bare: str) -> None:
    said = refused(tmp_path, HEAD.replace("name: own", f"name: {bare}"))

    assert "own.yaml:2:7" in said
    assert bare in said


@pytest.mark.parametrize(("written", "said"), [("5", "unit"), ("5 A", "V")])
def test_G07_a_voltage_without_unit_or_in_amperes_is_refused(tmp_path: Path, written: str, said: str) -> None:
    from pytest_conformance.drivers.supply import SupplySettings

    (tmp_path / "own.yaml").write_text(HEAD + ROLE.format(more=f"max_volts: {written}"))
    entry = load_bench(tmp_path / "own.yaml").roles["supply"]

    with pytest.raises(UsageError) as caught:
        entry.settings(SupplySettings, {})

    assert "own.yaml:5:" in str(caught.value)
    assert said in str(caught.value)


def test_G08_a_negative_time_is_refused(tmp_path: Path) -> None:
    from pytest_conformance.drivers.supply import SupplySettings

    for written in ("-1 s", ".nan", ".inf"):
        (tmp_path / "own.yaml").write_text(HEAD + ROLE.format(more=f"settling: {written}"))
        with pytest.raises(UsageError) as caught:
            load_bench(tmp_path / "own.yaml").roles["supply"].settings(SupplySettings, {})
        assert "own.yaml:5:" in str(caught.value)


def test_G09_utf_16_and_invisible_characters_are_refused(tmp_path: Path) -> None:
    assert "own.yaml" in refused(tmp_path, HEAD.encode("utf-16"))
    assert "own.yaml" in refused(tmp_path, HEAD.replace("own", "o\u202ewn").encode())
    assert "own.yaml" in refused(tmp_path, HEAD.replace("own", "o\u200bwn").encode())


def test_G10_a_link_out_of_the_folder_and_a_name_with_dots_are_refused(tmp_path: Path) -> None:
    (tmp_path / "benches").mkdir()
    (tmp_path / "outside.yaml").write_text(HEAD)
    (tmp_path / "benches" / "own.yaml").symlink_to(tmp_path / "outside.yaml")

    for name in ("own", "../outside"):
        with pytest.raises(UsageError):
            find(name, [tmp_path / "benches"], "bench", "USE-BEN-001")


class _Named:
    """A file that was read, as the record keeps it."""

    def __init__(self, file: Path, digest: str) -> None:
        self.document = type("Document", (), {"name": str(file)})
        self.digest = digest


def test_G13_a_file_that_changes_during_the_run_counts_as_it_was_read_and_the_change_is_recorded(
    tmp_path: Path,
) -> None:
    import hashlib

    files = {}
    for name in ("bench", "declaration", "profile"):
        files[name] = tmp_path / f"{name}.yaml"
        files[name].write_text(f"# {name}\n")
    request: Any = type("Request", (), {"order": None})()
    for name, file in files.items():
        setattr(request, name, _Named(file, hashlib.sha256(file.read_bytes()).hexdigest()))
    read = request.declaration.digest
    files["declaration"].write_text("# changed since\n")

    run = Run.start(tmp_path / "runs", {})
    outcome.keep_inputs(run, request)

    events = read_journal(run.folder / "journal.jsonl")
    inputs = {each.data["of"]: each.data for each in events if each.type == "input"}
    assert inputs["declaration"]["sha256"] == read
    assert "ref" not in inputs["declaration"]
    assert run.store.read(inputs["bench"]["ref"]) == b"# bench\n"
    (note,) = (each.data["text"] for each in events if each.type == "note")
    assert note == "declaration.yaml was changed since it was read: the first reading counts"


SECRETS = """
roles:
  watch: {driver: opencv-watch, address: 'rtsp://bench:s3cr3t-1@10.0.0.7:554/front'}
  uplink:
    admin_password: "s3cr3t-2"   # of the access point
    api-key: s3cr3t-3
    token: 's3cr3t-4'
    secret: env:UPLINK_SECRET
    passwords: [a list is not masked]
"""


def test_G12_a_secret_in_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Passwords in addresses and fields: warned on the terminal and in the record, whose copy carries stars."""
    import hashlib

    request: Any = type("Request", (), {"order": None})()
    for name, text in (("bench", SECRETS), ("declaration", "# none\n"), ("profile", "# none\n")):
        file = tmp_path / f"{name}.yaml"
        file.write_text(text)
        setattr(request, name, _Named(file, hashlib.sha256(file.read_bytes()).hexdigest()))
    run = Run.start(tmp_path / "runs", {})
    outcome.keep_inputs(run, request)

    for kept in (tmp_path / "runs").rglob("*"):
        assert not kept.is_file() or b"s3cr3t" not in kept.read_bytes(), kept
    events = read_journal(run.folder / "journal.jsonl")
    inputs = {each.data["of"]: each.data for each in events if each.type == "input"}
    copy = run.store.read(inputs["bench"]["ref"]).decode()
    assert copy.count("***") == 4
    assert "rtsp://bench:***@10.0.0.7:554/front" in copy
    assert "env:UPLINK_SECRET" in copy
    assert inputs["bench"]["sha256"] == request.bench.digest, "the file that was read"
    (note,) = (each.data["text"] for each in events if each.type == "note")
    assert "bench.yaml tells 4 secret(s)" in note
    assert note in capsys.readouterr().err


def test_G12_files_that_are_shipped_tell_no_secret() -> None:
    for folder in ("benches", "fixtures"):
        for file in shipped(folder).rglob("*.yaml"):
            assert masked(file.read_text("utf-8"))[1] == 0, file


def test_G17_a_file_of_another_version_is_named_as_such(tmp_path: Path) -> None:
    assert "conformance-bench/0" in refused(tmp_path, HEAD.replace("conformance-bench/1", "conformance-bench/0"))


def test_G04_the_command_line_refuses_with_11_and_powers_nothing(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(HEAD + "rolse: {}\n")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--bench=own.yaml", "--dut=mock-lock"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 11
    assert "own.yaml:4:1" in done.stdout + done.stderr
    assert not (tmp_path / "runs").exists()
