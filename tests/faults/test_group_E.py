"""Group E, storage and journal: each case injected into a real record, and what verification and readers say."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_conformance.cli import main
from pytest_conformance.errors import StorageError
from pytest_conformance.record import Run, read_journal, verify_run
from pytest_conformance.record.bundle import write_bundle
from pytest_conformance.record.journal import GENESIS, decode, encode
from pytest_conformance.record.keys import PublicKey, load_signing_key, make_key
from pytest_conformance.record.sequel import add, erase, read_sequel
from pytest_conformance.record.vault import Vault
from pytest_conformance.record.verify import verify

MakeRun = Callable[[], Run]


def lines_of(run: Run) -> list[bytes]:
    return (run.folder / "journal.jsonl").read_bytes().splitlines(keepends=True)


def write_lines(folder: Path, lines: list[bytes]) -> None:
    (folder / "journal.jsonl").write_bytes(b"".join(lines))


def rechained(lines: list[bytes]) -> list[bytes]:
    """Give every line the hash of the one before, as somebody would who writes the record anew."""
    import hashlib

    prev, again = GENESIS, []
    for seq, line in enumerate(lines):
        again.append(encode(decode(line, "journal")._replace(seq=seq, prev=prev)))
        prev = hashlib.sha256(again[-1]).hexdigest()
    return again


def test_E02_a_disk_that_fills_ends_the_record_at_the_last_event_that_is_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run.start(tmp_path, {})
    real = os.write

    def full(fd: int, data: bytes) -> int:
        if os.readlink(f"/proc/self/fd/{fd}").endswith("journal.jsonl"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError) as caught:
        run.event("trial", {"campaign": "c", "number": 0, "outcome": "match"})
    assert (caught.value.code, caught.value.cause) == ("BEN-STO-002", "bench")

    monkeypatch.undo()
    with pytest.raises(StorageError):  # there is room again, and still nothing follows what was lost
        run.event("note", {"text": "later"})
    assert [each.type for each in read_journal(run.folder / "journal.jsonl")] == ["start"]
    assert verify_run(run.folder) == []


def test_E03_no_verdict_follows_an_event_that_could_not_be_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run.start(tmp_path, {})

    def broken(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StorageError) as caught:
        run.event("operator", {"prompt": "?"})
    assert (caught.value.code, caught.value.cause) == ("BEN-STO-002", "bench")
    assert "free or replace the disk" in str(caught.value)
    monkeypatch.undo()

    with pytest.raises(StorageError):
        run.event("verdict", {"clauses": [], "test": "t", "verdict": "PASS", "cause": None})
    assert "verdict" not in {each.type for each in read_journal(run.folder / "journal.jsonl")}


def test_E04_a_kill_at_every_byte_of_an_append_loses_that_event_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda fd: None)  # what is on the disk is what is written here, byte by byte
    run = Run.start(tmp_path, {})
    run.event("note", {"text": "kept"})
    before = (run.folder / "journal.jsonl").read_bytes()
    run.event("trial", {"campaign": "c", "number": 1, "outcome": "match"})
    run.close()
    after = (run.folder / "journal.jsonl").read_bytes()
    journal = run.folder / "journal.jsonl"

    for cut in range(len(before), len(after) + 1):
        journal.write_bytes(after[:cut])
        for old in run.folder.glob("journal.jsonl.torn-*"):
            old.unlink()
        torn = len(before) < cut < len(after)
        assert [each.code for each in verify_run(run.folder)] == (["torn"] if torn else []), cut

        again = Run.join(run.folder)
        again.event("note", {"text": "goes on"})
        again.close()

        kinds = [each.type for each in read_journal(journal)]
        whole = ["start", "note", *(["trial"] if cut == len(after) else [])]
        assert kinds == [*whole, *(["recovered"] if torn else []), "note"], cut
        aside = [each.read_bytes() for each in run.folder.glob("journal.jsonl.torn-*")]
        assert aside == ([after[len(before) : cut]] if torn else []), cut
        assert verify_run(run.folder) == [], cut


def _files(folder: Path) -> Iterator[Path]:
    return (each for each in sorted(folder.rglob("*")) if each.is_file())


STRIDE = 1 if os.environ.get("CONFORMANCE_FAULTS") else 11
"""`make faults` flips every byte; the quick tests every eleventh, beginning elsewhere in each file."""


def test_E05_every_flipped_byte_of_a_signed_record_is_found(signed_run: MakeRun, trusted: dict[str, PublicKey]) -> None:
    run = signed_run()
    assert verify(run.folder, trusted=trusted).findings == []
    unseen = []
    for number, file in enumerate(list(_files(run.folder))):
        whole = file.read_bytes()
        for at in range(number % min(STRIDE, len(whole)), len(whole), STRIDE):
            file.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
            findings = verify(run.folder, trusted=trusted).findings
            named = file.name != "journal.jsonl" or (findings and findings[0].seq == whole[:at].count(b"\n"))
            if not findings or not named:
                unseen.append((file.name, at, findings))
        file.write_bytes(whole)

    assert unseen == []


def test_E05_a_line_that_was_removed_swapped_replaced_or_cut_off_is_named(
    signed_run: MakeRun, trusted: dict[str, PublicKey]
) -> None:
    run = signed_run()
    lines = lines_of(run)
    for at in range(len(lines)):
        rest = lines[:at] + lines[at + 1 :]
        write_lines(run.folder, rest)
        assert [each.seq for each in verify(run.folder, trusted=trusted).findings][:1] == [at], "removed"

        write_lines(run.folder, [*lines[:at], lines[at - 1], *lines[at + 1 :]])
        assert verify(run.folder, trusted=trusted).findings[0].seq == at, "replaced"

        write_lines(run.folder, lines[:at])
        assert verify(run.folder, trusted=trusted).findings[0].seq == at, "cut off"
        if at:
            write_lines(run.folder, [*lines[: at - 1], lines[at], lines[at - 1], *lines[at + 1 :]])
            assert verify(run.folder, trusted=trusted).findings[0].seq == at - 1, "swapped"


def test_E06_a_record_written_anew_as_a_whole_does_not_match_its_signature(
    signed_run: MakeRun, trusted: dict[str, PublicKey]
) -> None:
    run = signed_run()
    lines = rechained([line.replace(b'"outcome":"match"', b'"outcome":"error"') for line in lines_of(run)])
    write_lines(run.folder, lines)
    (run.folder / "journal.root").unlink()

    assert [each.code for each in verify(run.folder, trusted=trusted).findings] == ["signature"]

    shutil.rmtree(run.folder / "attestations")  # without a signature the forgery shows only to who asks for one
    assert verify_run(run.folder) == []
    assert [each.code for each in verify(run.folder, trusted=trusted).findings] == ["unsigned"]


def test_E06_a_forger_s_own_signature_is_not_trusted(
    signed_run: MakeRun, trusted: dict[str, PublicKey], tmp_path: Path
) -> None:
    forger = load_signing_key(make_key(tmp_path / "forger", "lab"))
    run = Run.start(tmp_path / "forged", {"bench": "b1"}, key=forger)
    run.stop(0)

    assert {each.code for each in verify(run.folder, trusted=trusted).findings} == {"untrusted"}


def test_E07_evidence_replaced_missing_or_extra_is_named_and_no_report_is_made(signed_run: MakeRun) -> None:
    from pytest_conformance.reports import build_views

    def replace(file: Path) -> None:
        file.write_bytes(b"another")

    def link(file: Path) -> None:
        file.unlink()
        file.symlink_to("/etc/hostname")

    def add(file: Path) -> None:
        (file.parent / ("0" * 64 + ".png")).write_bytes(b"more")

    harms = {"changed": replace, "missing": Path.unlink, "extra": add}
    for harm, action in [*harms.items(), ("changed", link)]:
        run = signed_run()
        (file,) = run.folder.glob("evidence/*/*.csv")
        action(file)

        assert [each.code for each in verify_run(run.folder)] == [f"evidence-{harm}"]
        with pytest.raises(StorageError) as caught:
            build_views(run.folder)
        assert caught.value.code == "BEN-STO-012"
        assert not (run.folder / "report.html").exists()


def test_E08_a_folder_that_cannot_be_written_refuses_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StorageError) as caught:
        Run.start(tmp_path / "file" / "runs", {})

    assert caught.value.code == "BEN-STO-001"
    assert "--record" in caught.value.todo


def test_E09_spaces_and_foreign_letters_in_the_path_do_no_harm_and_stored_names_are_hashes(tmp_path: Path) -> None:
    run = Run.start(tmp_path / "Prüfung 结果 (1)" / ("x" * 180), {})
    ref = run.evidence(b"x", name="../Über:größe?.CSV" + "y" * 300, media_type="text/csv")
    run.stop(0)

    (file,) = (each for each in (run.folder / "evidence").rglob("*") if each.is_file())
    assert file.name == f"{ref.removeprefix('sha256:')}.csv"
    assert file.name == file.name.lower()  # no two names differ by case alone
    assert verify_run(run.folder) == []


def test_E10_a_second_run_with_the_same_identifier_is_refused(tmp_path: Path) -> None:
    first = Run.start(tmp_path, {}, run_id="R1")

    with pytest.raises(StorageError) as caught:
        Run.start(tmp_path, {}, run_id="R1")

    assert caught.value.code == "BEN-STO-010"
    assert len(read_journal(first.folder / "journal.jsonl")) == 1


def test_E11_a_journal_of_a_newer_format_is_not_guessed_at(signed_run: MakeRun) -> None:
    run = signed_run()
    write_lines(
        run.folder,
        rechained([each.replace(b"conformance-journal/1", b"conformance-journal/9") for each in lines_of(run)]),
    )

    for reader in (read_journal, lambda path: Run.join(path.parent)):
        with pytest.raises(StorageError) as caught:
            reader(run.folder / "journal.jsonl")
        assert caught.value.code == "BEN-STO-004"
    assert verify_run(run.folder)[0].code == "format"


@pytest.mark.parametrize("wrong", ["missing", "expired", "another's", "another bench's"])
def test_E12_a_run_whose_key_may_not_sign_is_recorded_unsigned_and_says_why(tmp_path: Path, wrong: str) -> None:
    from pytest_conformance.running.options import signing_key

    path = make_key(tmp_path, "lab", benches=("other",) if wrong == "another bench's" else ())
    public = path.with_name("lab.pub.json")
    if wrong == "missing":
        path.unlink()
    elif wrong == "expired":
        fields = json.loads(public.read_text())
        public.write_text(json.dumps({**fields, "not_before": "2020-01-01", "not_after": "2021-01-01"}))
    elif wrong == "another's":
        make_key(tmp_path / "2", "lab")
        shutil.copy(tmp_path / "2" / "lab.pub.json", public)

    key, reason = signing_key(_Config(tmp_path, str(path)), "b1")  # type: ignore[arg-type]

    assert key is None
    assert {"missing": "USE-KEY-002", "expired": "valid from", "another's": "USE-KEY-002"}.get(
        wrong, "is for"
    ) in reason


class _Config:
    """As much of pytest's configuration as reading the option takes."""

    def __init__(self, here: Path, key: str) -> None:
        self.invocation_params = type("Params", (), {"dir": here})
        self._key = key

    def getoption(self, name: str) -> str:
        return self._key if name == "conformance_signing_key" else ""

    def getini(self, name: str) -> str:
        return ""


def test_E12_the_report_of_an_unsigned_laboratory_run_is_a_draft(tmp_path: Path) -> None:
    from pytest_conformance.reports import build_views

    for unsigned, draft in (("no key was named", True), ("", False)):
        run = Run.start(tmp_path, {"mode": "lab", "signing": {"key": "k", "unsigned": unsigned}})
        run.stop(0)
        page = build_views(run.folder).files["report"].read_text("utf-8")
        assert ("DRAFT: the record is not signed" in page) is draft


def test_E14_a_bundle_verifies_on_a_clean_machine_without_network_or_instruments(
    signed_run: MakeRun, tmp_path: Path, signing_key: object
) -> None:
    run = signed_run()
    bundle = tmp_path / "handed-out.zip"
    write_bundle(run.folder, bundle, full=False)
    shutil.rmtree(run.folder)
    blocked = """
import socket, sys
BARE = "pyvisa pyvisa_py serial usb cv2 numpy scipy matplotlib pydantic pytest allure_commons".split()
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BARE:
            raise ImportError(name + " is not on a clean machine")
sys.meta_path.insert(0, Blocker())
def refuse(*arguments, **more):
    raise AssertionError("a network call")
socket.socket = socket.create_connection = refuse
from pytest_conformance.cli import main
sys.exit(main(sys.argv[1:]))
"""
    done = subprocess.run(
        [sys.executable, "-c", blocked, "verify", str(bundle), "--json"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["ok"], said["withheld"], said["signed"]["name"]) == (True, 1, "lab")


def test_E07_the_command_says_it_and_ends_with_one(signed_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    run = signed_run()
    next(run.folder.glob("evidence/*/*.png")).unlink()

    assert main(["verify", str(run.folder)]) == 1
    assert "evidence-missing" in capsys.readouterr().out


def test_E13_a_run_restored_from_a_backup_says_so_and_what_was_erased_since_stays_erased(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vault = Vault(tmp_path / "vault")
    run = Run.start(tmp_path / "runs", {"mode": "lab"})
    run.vault = vault
    ref = run.evidence(b"\x89PNG face", name="face.png", media_type="image/png", face=True, subjects=["S1"])
    run.stop(0)
    copied, packed = tmp_path / "backup" / run.id, tmp_path / "backup.zip"
    shutil.copytree(run.folder, copied)
    write_bundle(run.folder, packed, full=True, released_by="p2", reason="backup")
    erase("S1", vault, [run.folder], person="p1", reason="consent withdrawn")
    add(run.folder, "note", {"text": "lost with the disk"})
    shutil.rmtree(run.folder)
    told = ["--person=Ada", "--reason=disk lost", f"--vault={vault.folder}"]

    for backup, record in ((copied, tmp_path / "one"), (packed, tmp_path / "two")):
        assert main(["restore", str(backup), f"--record={record}", *told, "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        back = record / run.id
        assert (said["run"], said["erased_since"]) == (str(back), ["S1"])
        assert verify_run(back) == []
        first, restored, tombstone = read_sequel(back)
        assert (first.type, restored.type, tombstone.type) == ("sequel", "restored", "erased")
        assert (restored.data["source"], restored.data["person"]) == (backup.name, "Ada")
        assert restored.data["events"] == len(read_journal(back / "journal.jsonl"))
        assert (tombstone.data["person"], tombstone.data["refs"]) == ("p1", [ref])
        assert (back / "report.html").is_file()


def test_E13_what_is_no_whole_backup_is_not_restored(
    signed_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = signed_run()
    redacted, record = tmp_path / "redacted.zip", tmp_path / "again"
    write_bundle(run.folder, redacted, full=False)
    bad = tmp_path / "bad" / run.id
    shutil.copytree(run.folder, bad)
    (bad / "journal.jsonl").write_bytes((bad / "journal.jsonl").read_bytes().replace(b'"match"', b'"other"', 1))
    told = ["--person=Ada", "--reason=disk lost", f"--vault={tmp_path / 'vault'}"]

    for backup, below, code in (
        (redacted, record, "USE-RST-001"),
        (bad, record, "BEN-STO-012"),
        (run.folder, run.folder.parent, "BEN-STO-010"),
        (tmp_path, record, "USE-RST-003"),
    ):
        assert main(["restore", str(backup), f"--record={below}", *told]) in (10, 11)
        assert code in capsys.readouterr().err
    assert not record.exists() or not list(record.iterdir())
    assert not (run.folder / "sequel.jsonl").exists()
