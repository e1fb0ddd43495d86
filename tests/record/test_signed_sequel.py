"""What is added after a run, signed: cut, changed, removed and unsigned additions are found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_conformance.cli import main
from pytest_conformance.record import Run, verify_run
from pytest_conformance.record.keys import PublicKey, SigningKey, load_signing_key, make_key
from pytest_conformance.record.sequel import add
from pytest_conformance.record.verify import verify

HEADER = {"bench": "b1", "device": {"model": "M", "firmware": "1.2", "sample": "S1"}}


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("keys"), "lab")


@pytest.fixture(scope="module")
def key(key_file: Path) -> SigningKey:
    return load_signing_key(key_file)


@pytest.fixture
def trusted(key: SigningKey) -> dict[str, PublicKey]:
    return {key.public.id: key.public}


@pytest.fixture
def folder(tmp_path: Path, key: SigningKey) -> Path:
    """A signed run that came to its end."""
    run = Run.start(tmp_path / "runs", HEADER, key=key)
    run.event("note", {"text": "n"})
    run.stop(0)
    return run.folder


def codes(folder: Path, trusted: dict[str, PublicKey] | None) -> list[tuple[str, bool]]:
    """Return code, and whether the sequel is meant."""
    return [(each.code, "sequel" in each.message) for each in verify(folder, trusted=trusted).findings]


def test_a_signed_addition_is_vouched_for(folder: Path, key: SigningKey, trusted: dict[str, PublicKey]) -> None:
    add(folder, "note", {"text": "one"}, key)
    add(folder, "note", {"text": "two"}, key)

    seen = verify(folder, trusted=trusted)
    assert (seen.findings, seen.added, seen.signed_later[-1].events) == ([], 3, 3)
    assert [each.events for each in seen.signed] == [seen.events], "the journal's own signature stands alone"


def test_an_addition_without_a_key_does_not_pass_where_a_key_is_trusted_until_one_signs_after_it(
    folder: Path, key: SigningKey, trusted: dict[str, PublicKey]
) -> None:
    add(folder, "note", {"text": "one"})
    assert codes(folder, trusted) == [("unsigned", True)]
    assert codes(folder, None) == []

    add(folder, "note", {"text": "two"}, key)
    assert codes(folder, trusted) == []

    add(folder, "note", {"text": "three"})
    assert codes(folder, trusted) == [("unsigned", True)]


def test_a_cut_off_sequel_is_found(folder: Path, key: SigningKey) -> None:
    add(folder, "note", {"text": "one"}, key)
    add(folder, "note", {"text": "two"}, key)
    path = folder / "sequel.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))

    assert codes(folder, None) == [("missing", True)]
    path.unlink()
    assert codes(folder, None) == [("missing", True)]


def test_a_sequel_written_anew_does_not_fit_its_signature(folder: Path, key: SigningKey) -> None:
    add(folder, "note", {"text": "one"}, key)
    (folder / "sequel.jsonl").unlink()
    add(folder, "note", {"text": "won"})

    assert codes(folder, None) == [("signature", True)]


def test_a_signature_over_the_journal_is_none_over_the_sequel(folder: Path, key: SigningKey) -> None:
    add(folder, "note", {"text": "one"})
    (own,) = (folder / "attestations").iterdir()
    own.rename(own.with_name(f"sequel-{own.name}"))

    assert codes(folder, None) == [("signature", True)]


def test_a_stranger_s_addition_is_not_trusted(folder: Path, trusted: dict[str, PublicKey], tmp_path: Path) -> None:
    add(folder, "note", {"text": "one"}, load_signing_key(make_key(tmp_path / "other", "lab")))

    assert codes(folder, trusted) == [("untrusted", True)]
    assert codes(folder, None) == []


def test_the_commands_sign_what_they_add(
    folder: Path, key_file: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told = ["--full", "--released-by=p2", "--reason=dispute", f"--to={tmp_path / 'out.zip'}"]
    assert main(["bundle", str(folder), *told, f"--signing-key={key_file}"]) == 0
    capsys.readouterr()

    public = key_file.with_name("lab.pub.json")
    assert main(["verify", str(tmp_path / "out.zip"), f"--trust={public}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["added"] == {"events": 2, "signed": 2}


def test_a_key_that_may_not_sign_adds_nothing(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    late = make_key(tmp_path / "late", "lab", days=-2)
    told = ["--full", "--released-by=p2", "--reason=dispute", f"--to={tmp_path / 'out.zip'}"]

    assert main(["bundle", str(folder), *told, f"--signing-key={late}"]) == 11
    assert "USE-KEY-005" in capsys.readouterr().err
    assert not (folder / "sequel.jsonl").exists()
    assert verify_run(folder) == []
