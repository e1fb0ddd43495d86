"""Group J, personal data: consent, keys, openings, erasure; what is left of a face, and what is not."""

from __future__ import annotations

import datetime
import json
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pytest_conformance.cli import main
from pytest_conformance.errors import MethodError, StorageError, UsageError
from pytest_conformance.record import EvidenceStore, PlannedClause, Run, read_journal, verify_run
from pytest_conformance.record.sequel import erase, finish, open_face, read_sequel
from pytest_conformance.record.vault import Vault
from pytest_conformance.reports import build_views
from pytest_conformance.stimulus.presenter import entries_of
from pytest_conformance.stimulus.register import Artefacts, Subject, Subjects
from pytest_conformance.verdicts import Cause, Contribution, Verdict

FACE = cv2.imencode(".png", np.random.default_rng(5).integers(0, 255, (64, 48, 3), np.uint8))[1].tobytes()
TODAY = datetime.date(2026, 6, 1)
CLAUSE = PlannedClause("A-1", "A", True, title="keep it local", text_status="seen", tests=("t",))


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "keys")


@pytest.fixture
def folder(tmp_path: Path, vault: Vault) -> Path:
    """A run about a failed clause, with the face of S1, sealed, as its evidence."""
    run = Run.start(tmp_path / "runs", {"bench": "b", "mode": "mock", "device": {"model": "M", "sample": "S"}})
    run.vault = vault
    run.plan([CLAUSE], documents={"A": {"title": "A", "title_zh": "", "edition": ""}})
    run.test = "t"
    run.event("trial", {"campaign": "c", "number": 1, "outcome": "match"})
    ref = run.evidence(
        FACE, name="Name of a person.png", media_type="image/png", caption="enrolment", face=True, subjects=["S1"]
    )
    run.verdict(["A-1"], Contribution(Verdict.FAIL, "t", Cause.DUT, "it left", evidence=(ref,)))
    run.stop(1)
    return run.folder


def reference(folder: Path) -> str:
    (found,) = (
        e.data["ref"] for e in read_journal(folder / "journal.jsonl") if e.type == "evidence" and e.data.get("sealed")
    )
    return str(found)


def test_J01_a_subject_without_a_consent_that_holds_is_not_shown() -> None:
    def subject(name: str, **more: Any) -> Subject:
        fields = {"id": name, "group": "adult", "consent_until": "2026-12-31", "holder": 1, **more}
        return Subject.model_validate(fields)

    people = [
        subject("good"),
        subject("expired", consent_until="2026-05-31", holder=2),
        subject("child", group="child", holder=3),
    ]
    subjects = Subjects.model_construct(subjects=tuple(people))
    entries = entries_of(subjects, Artefacts.model_construct(artefacts=()), Path(), TODAY)

    assert {name: bool(each.refusal) for name, each in entries.items()} == {
        "good": False,
        "expired": True,
        "child": True,
    }


def test_J01_a_trial_with_somebody_whose_consent_ended_is_refused_before_anything_moves() -> None:
    from pytest_conformance.stimulus.carriers import Turntable
    from pytest_conformance.stimulus.presenter import Presenter, Showable

    class Untouched:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"the bench was touched: {name}")

    nobody: Any = Untouched()
    presenter = Presenter(
        Turntable(nobody), nobody, nobody, {"S1": Showable("S1", 1, refusal="the consent does not hold")}
    )

    with pytest.raises(MethodError) as caught, presenter.showing("S1"):
        pass
    assert (caught.value.code, caught.value.cause) == ("MET-STI-002", "method")
    assert presenter.shown == set()


def test_J02_a_destroyed_key_erases_the_face_and_leaves_record_statistics_and_reports(
    folder: Path, vault: Vault
) -> None:
    before = build_views(folder)
    counted = (before.record.trials, [each.verdict for each in before.record.clauses])

    erase("S1", vault, [folder], person="p1", reason="consent withdrawn")

    assert verify_run(folder) == []
    after = build_views(folder)
    assert after.failed == {}
    assert (after.record.trials, [each.verdict for each in after.record.clauses]) == counted
    (tombstone,) = (each for each in read_sequel(folder) if each.type == "erased")
    assert (tombstone.data["subject"], tombstone.data["person"]) == ("S1", "p1")
    with pytest.raises(StorageError) as caught:
        open_face(folder, reference(folder), vault, person="p1", reason="look")
    assert caught.value.code == "BEN-VLT-001"
    everything = b"".join(file.read_bytes() for file in folder.parent.parent.rglob("*") if file.is_file())
    assert FACE[100:160] not in everything


def test_J03_a_copied_evidence_folder_shows_no_face_without_the_key(folder: Path, tmp_path: Path) -> None:
    sealed = EvidenceStore(folder).read(reference(folder))

    assert cv2.imdecode(np.frombuffer(sealed, np.uint8), cv2.IMREAD_COLOR) is None
    with pytest.raises(StorageError) as caught:
        Vault(tmp_path / "another user's").unseal(sealed, ["S1", f"run:{folder.name}"])
    assert caught.value.code == "BEN-VLT-001"


def test_J04_whoever_opens_a_face_is_recorded_with_time_and_reason(
    folder: Path, vault: Vault, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "face.png"
    given = ["vault", "open", "--vault", str(vault.folder), "--run", str(folder), "--ref", reference(folder)]

    assert main([*given, "--to", str(target), "--person", "p1"]) == 11
    assert "USE-VLT-001" in capsys.readouterr().err
    assert not target.exists()

    assert main([*given, "--to", str(target), "--person", "p1", "--reason", "complaint 7"]) == 0
    assert target.read_bytes() == FACE
    assert target.stat().st_mode & 0o077 == 0
    (opened,) = (each for each in read_sequel(folder) if each.type == "opened")
    assert (opened.data["person"], opened.data["reason"]) == ("p1", "complaint 7")
    assert opened.utc > "2026"


def test_J05_what_leaves_the_laboratory_holds_no_face_unless_it_was_released(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_views(folder)
    sealed = EvidenceStore(folder).read(reference(folder))
    redacted = tmp_path / "out.zip"

    assert main(["bundle", str(folder), "--to", str(redacted)]) == 0
    with zipfile.ZipFile(redacted) as archive:
        packed = b"".join(archive.read(name) for name in archive.namelist())
    assert FACE[100:160] not in packed
    assert sealed not in packed
    assert main(["bundle", str(folder), "--to", str(tmp_path / "full.zip"), "--full"]) == 11
    assert "USE-BUN-001" in capsys.readouterr().err
    assert not (tmp_path / "full.zip").exists()

    assert (
        main(
            [
                "bundle",
                str(folder),
                "--to",
                str(tmp_path / "full.zip"),
                "--full",
                "--released-by",
                "p2",
                "--reason",
                "court",
            ]
        )
        == 0
    )
    (released,) = (each for each in read_sequel(folder) if each.type == "released")
    assert (released.data["person"], released.data["reason"]) == ("p2", "court")
    assert verify_run(folder) == []


def test_J05_reports_show_a_blurred_version_and_never_the_face(folder: Path) -> None:
    built = build_views(folder)
    for file in [*folder.glob("*.html"), *folder.glob("*.xml"), *folder.glob("allure-results/*")]:
        assert FACE[100:160] not in file.read_bytes()
    shown = list((folder / "allure-results").glob("*.png"))

    assert built.failed == {}
    assert len(shown) == 1, "the blurred version is shown once"
    picture = cv2.imdecode(np.frombuffer(shown[0].read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert cv2.Laplacian(picture, cv2.CV_64F).var() < 100, "it is as sharp as a face"


def test_J06_who_is_past_the_consent_is_listed_and_then_erased_with_a_report(
    folder: Path, vault: Vault, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register = tmp_path / "people.yaml"
    register.write_text(
        "schema: conformance-subjects/1\nname: people\nsubjects:\n"
        '  - {id: "S1", group: adult, consent_until: 2020-01-31}\n'
        '  - {id: "S2", group: adult, consent_until: 2099-01-31}\n'
    )
    vault.seal(b"x", ["S2"])
    common = ["--vault", str(vault.folder), "--record", str(folder.parent), "--subjects", str(register), "--json"]

    assert main(["vault", "list", *common]) == 0
    rows = {each["subject"]: each for each in json.loads(capsys.readouterr().out)["subjects"]}
    assert (rows["S1"]["due"], rows["S2"]["due"], rows["S1"]["pieces"]) == (True, False, 1)

    assert main(["vault", "erase", "--expired", "--person", "p1", "--reason", "retention", *common]) == 0
    assert json.loads(capsys.readouterr().out)["erased"] == [{"subject": "S1", "runs": [folder.name]}]
    assert main(["vault", "list", *common]) == 0
    rows = {each["subject"]: each for each in json.loads(capsys.readouterr().out)["subjects"]}
    assert (rows["S1"]["key"], rows["S2"]["key"]) == ("destroyed", "there")


def test_J07_a_lost_key_store_loses_the_faces_and_nothing_else(folder: Path, vault: Vault) -> None:
    for key in vault.folder.glob("*.key"):
        key.unlink()

    with pytest.raises(StorageError) as caught:
        open_face(folder, reference(folder), vault, person="p1", reason="look")

    assert caught.value.code == "BEN-VLT-001"
    assert "is lost" in str(caught.value)
    assert verify_run(folder) == []
    built = build_views(folder)
    assert (built.failed, [each.verdict for each in built.record.clauses]) == ({}, ["FAIL"])


def test_J09_a_crash_during_an_erasure_is_finished_at_the_next_start(folder: Path, vault: Vault) -> None:
    vault.begin_erasure("S1", "p1", "consent withdrawn")  # the key is gone, the tombstone is not written

    with pytest.raises(StorageError):
        open_face(folder, reference(folder), Vault(vault.folder), person="p1", reason="look")
    finish(Vault(vault.folder), [folder])

    assert [each.type for each in read_sequel(folder)].count("erased") == 1
    assert list(Vault(vault.folder).unfinished()) == []
    assert verify_run(folder) == []


def test_J02_nothing_more_is_kept_of_an_erased_subject(folder: Path, vault: Vault, tmp_path: Path) -> None:
    erase("S1", vault, [folder], person="p1", reason="consent withdrawn")
    run = Run.start(tmp_path / "later", {})
    run.vault = vault

    with pytest.raises(StorageError) as caught:
        run.evidence(FACE, name="f", media_type="image/png", face=True, subjects=["S1"])
    assert caught.value.code == "BEN-VLT-003"
    with pytest.raises(UsageError):
        erase("S2", vault, [folder], person="", reason="")
