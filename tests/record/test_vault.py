"""Faces at rest: sealed for their subjects, opened for a reason, erased by destroying a key."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pytest_conformance.errors import StorageError, UsageError
from pytest_conformance.record import EvidenceStore, Run, read_journal, verify_run
from pytest_conformance.record.sequel import add, erase, finish, open_face, read_sequel
from pytest_conformance.record.vault import Vault

FACE = cv2.imencode(".png", np.random.default_rng(3).integers(0, 255, (64, 48, 3), np.uint8))[1].tobytes()


def code_of(caught: pytest.ExceptionInfo[StorageError] | pytest.ExceptionInfo[UsageError]) -> str:
    return caught.value.code


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault")


@pytest.fixture
def sealed(tmp_path: Path, vault: Vault) -> tuple[Path, str]:
    """A stopped run with one face of S1 and S2 in it, and the reference of that face."""
    run = Run.start(tmp_path / "runs", {"mode": "mock"})
    run.vault = vault
    run.shown = lambda: ("S1", "S2")
    ref = run.evidence(FACE, name="enrolment.png", media_type="image/png", caption="enrolment", face=True)
    run.stop(0)
    return run.folder, ref


def test_what_was_sealed_for_several_is_read_with_all_of_their_keys_only(vault: Vault) -> None:
    sealed = vault.seal(b"a face", ["S2", "S1"])

    assert b"a face" not in sealed
    assert vault.unseal(sealed, ["S1", "S2"]) == b"a face"
    vault.seal(b"another", ["S3"])
    for wrong in (["S1"], ["S1", "S3"]):
        with pytest.raises(StorageError) as caught:
            vault.unseal(sealed, wrong)
        assert code_of(caught) == "BEN-VLT-002"


@pytest.mark.parametrize("at", [0, 9, 25, -1])
def test_changed_sealed_content_is_refused(vault: Vault, at: int) -> None:
    sealed = bytearray(vault.seal(b"a face", ["S1"]))
    sealed[at] ^= 1

    with pytest.raises(StorageError) as caught:
        vault.unseal(bytes(sealed), ["S1"])
    assert code_of(caught) == "BEN-VLT-002"


def test_keys_are_for_their_owner_only_and_the_same_the_second_time(vault: Vault) -> None:
    first = vault.seal(b"x", ["S1"])
    again = Vault(vault.folder)

    assert again.unseal(first, ["S1"]) == b"x"
    assert vault.folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in vault.folder.glob("*.key")} == {0o600}
    assert vault.subjects() == ["S1"]


def test_a_face_in_a_record_is_sealed_and_its_blurred_version_stands_beside_it(
    sealed: tuple[Path, str], vault: Vault
) -> None:
    folder, ref = sealed
    stored = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())

    assert FACE[40:80] not in stored
    assert verify_run(folder) == []
    blurred, face = (each.data for each in read_journal(folder / "journal.jsonl") if each.type == "evidence")
    assert face["ref"] == ref
    assert set(face["sealed"]) == {f"run:{folder.name}", "S1", "S2"}
    assert face["view"] == blurred["ref"]
    assert vault.unseal(EvidenceStore(folder).read(ref), face["sealed"]) == FACE


def test_a_face_is_opened_by_a_person_for_a_reason_and_the_record_says_so_first(
    sealed: tuple[Path, str], vault: Vault
) -> None:
    folder, ref = sealed
    with pytest.raises(UsageError) as caught:
        open_face(folder, ref, vault, person="p1", reason=" ")
    assert code_of(caught) == "USE-VLT-001"
    assert list(read_sequel(folder)) == []

    assert open_face(folder, ref, vault, person="p1", reason="complaint 7") == FACE

    first, opened = read_sequel(folder)
    assert (first.type, opened.type) == ("sequel", "opened")
    assert (opened.data["person"], opened.data["reason"], opened.data["ref"]) == ("p1", "complaint 7", ref)
    assert verify_run(folder) == []


def test_an_erased_subject_cannot_be_read_and_the_record_verifies(sealed: tuple[Path, str], vault: Vault) -> None:
    folder, ref = sealed

    assert erase("S2", vault, [folder], person="p1", reason="consent withdrawn") == [folder]

    assert verify_run(folder) == []
    with pytest.raises(StorageError) as caught:
        open_face(folder, ref, vault, person="p1", reason="look")
    assert code_of(caught) == "BEN-VLT-001"
    assert "was destroyed" in str(caught.value)
    tombstone = next(each for each in read_sequel(folder) if each.type == "erased")
    assert (tombstone.data["subject"], tombstone.data["refs"]) == ("S2", [ref])
    with pytest.raises(StorageError) as again:
        vault.seal(b"new", ["S2"])
    assert code_of(again) == "BEN-VLT-003"


@pytest.mark.parametrize("change", ["line", "first", "journal"])
def test_a_changed_sequel_is_found(sealed: tuple[Path, str], vault: Vault, change: str) -> None:
    folder, _ = sealed
    erase("S1", vault, [folder], person="p1", reason="asked for")
    add(folder, "note", {"text": "later"})
    path = folder / "sequel.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    if change == "line":
        path.write_bytes(lines[0] + lines[1].replace(b'"p1"', b'"p2"') + b"".join(lines[2:]))
    elif change == "first":
        path.write_bytes(lines[1])
    else:
        path.unlink()
        other = folder.with_name("other")
        run = Run.start(folder.parent, {}, run_id=other.name)
        run.stop(0)
        add(other, "note", {"text": "of another run"})
        path.write_bytes((other / "sequel.jsonl").read_bytes())

    assert {each.code for each in verify_run(folder)} == {"sequel"}


def test_an_erasure_that_broke_off_is_finished_at_the_next_start(sealed: tuple[Path, str], vault: Vault) -> None:
    folder, _ = sealed
    begun = vault.begin_erasure("S1", "p1", "asked for")  # and here the power fails
    assert Vault(vault.folder).destroyed("S1")

    assert finish(Vault(vault.folder), [folder]) == [begun]

    assert [each.type for each in read_sequel(folder)] == ["sequel", "erased"]
    assert finish(Vault(vault.folder), [folder]) == []
    assert verify_run(folder) == []


def test_an_erasure_that_broke_off_after_its_tombstone_writes_no_second_one(
    sealed: tuple[Path, str], vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = sealed

    def fail(erasure: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(vault, "finish_erasure", fail)
    with pytest.raises(KeyboardInterrupt):
        erase("S1", vault, [folder], person="p1", reason="asked for")

    finish(Vault(vault.folder), [folder])

    assert [each.type for each in read_sequel(folder)] == ["sequel", "erased"]


def test_a_crash_between_the_intent_and_the_key_leaves_no_key(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.seal(b"x", ["S1"])

    def fail(subject: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(vault, "destroy", fail)
    with pytest.raises(KeyboardInterrupt):
        vault.begin_erasure("S1", "p1", "asked for")

    (key,) = vault.folder.glob("*.key")
    key.write_bytes(b"\xff overwritten, not yet removed")
    later = Vault(vault.folder)
    assert later.subjects() == []
    assert [each.subject for each in finish(later, [])] == ["S1"]
    assert later.subjects() == []
