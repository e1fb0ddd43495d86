"""A signed record: what its signature vouches for, what it does not, bundles and proofs of it."""

from __future__ import annotations

import base64
import json
import os
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pytest_conformance.errors import ConformanceError
from pytest_conformance.record import Run, verify_run
from pytest_conformance.record import checkpoints as checkpointing
from pytest_conformance.record.attestation import read_attestations
from pytest_conformance.record.bundle import check_proof, prove, unpacked, write_bundle
from pytest_conformance.record.keys import PublicKey, SigningKey, load_signing_key, load_trusted, make_key
from pytest_conformance.record.verify import verify

HEADER = {"bench": "b1", "device": {"model": "M", "firmware": "1.2", "sample": "S1", "firmware_sha256": "ab" * 32}}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return load_signing_key(make_key(tmp_path_factory.mktemp("keys"), "lab"))


@pytest.fixture
def trusted(key: SigningKey) -> dict[str, PublicKey]:
    return {key.public.id: key.public}


def signed_run(folder: Path, key: SigningKey | None, *, events: int = 4) -> Run:
    run = Run.start(folder, HEADER, key=key)
    for number in range(events):
        run.event("trial", {"campaign": "c", "number": number, "outcome": "match"})
    run.evidence(b"\x89PNG face", name="face", media_type="image/png", face=True)
    run.evidence(b"a,b", name="table", media_type="text/csv")
    run.stop(0)
    return run


def codes(folder: Path, trusted: dict[str, PublicKey] | None) -> list[str]:
    return [each.code for each in verify(folder, trusted=trusted).findings]


def test_a_signed_record_is_vouched_for_by_a_trusted_key(
    tmp_path: Path, key: SigningKey, trusted: dict[str, PublicKey]
) -> None:
    run = signed_run(tmp_path, key)

    seen = verify(run.folder, trusted=trusted)

    assert seen.findings == []
    assert [(each.events, each.ends) for each in seen.signed] == [(seen.events, True)]
    assert seen.signed[0].root == seen.merkle_root


def test_the_statement_names_firmware_and_sample_as_in_toto_has_them(tmp_path: Path, key: SigningKey) -> None:
    (signed,) = read_attestations(signed_run(tmp_path, key).folder)

    assert signed.statement["_type"] == "https://in-toto.io/Statement/v1"
    named = {each["name"]: each for each in signed.statement["subject"]}
    assert named["firmware:M:1.2"]["digest"] == {"sha256": "ab" * 32}
    assert set(named["sample:M:S1"]["digest"]) == {"sha256"}


def test_the_envelope_is_read_by_another_implementation_of_dsse(tmp_path: Path, key: SigningKey) -> None:
    """The signature covers the pre-authentication encoding of the DSSE specification, byte by byte."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    (file,) = (signed_run(tmp_path, key).folder / "attestations").iterdir()
    envelope = json.loads(file.read_bytes())
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()

    pae = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])

    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.public.public))
    public.verify(base64.b64decode(envelope["signatures"][0]["sig"]), pae)


def test_checkpoints_are_signed_while_the_run_goes_on(
    tmp_path: Path, key: SigningKey, trusted: dict[str, PublicKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpointing, "EVERY", 10)
    run = signed_run(tmp_path, key, events=35)

    seen = verify(run.folder, trusted=trusted)

    assert seen.findings == []
    assert [each.ends for each in seen.signed] == [False, False, False, False, True]


def test_what_follows_the_last_checkpoint_of_a_killed_run_is_said_to_be_unsigned(
    tmp_path: Path, key: SigningKey, trusted: dict[str, PublicKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpointing, "EVERY", 10)
    run = Run.start(tmp_path, HEADER, key=key)
    for number in range(15):
        run.event("note", {"text": str(number)})
    run.close()

    assert codes(run.folder, None) == []
    (finding,) = verify(run.folder, trusted=trusted).findings
    assert finding.code == "unsigned"
    assert finding.seq == 10


def test_a_run_cut_before_its_last_checkpoint_is_found_though_its_root_is_gone(
    tmp_path: Path, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpointing, "EVERY", 10)
    run = signed_run(tmp_path, key, events=15)
    journal = run.folder / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:6]))
    (run.folder / "journal.root").unlink()

    assert {each.seq for each in verify_run(run.folder) if each.code == "missing"} == {6}


def test_an_unsigned_record_does_not_pass_where_a_key_is_trusted(tmp_path: Path, trusted: dict[str, PublicKey]) -> None:
    assert codes(signed_run(tmp_path, None).folder, trusted) == ["unsigned"]


def test_a_stranger_s_key_is_not_trusted(tmp_path: Path, trusted: dict[str, PublicKey]) -> None:
    stranger = load_signing_key(make_key(tmp_path / "other", "lab"))

    assert codes(signed_run(tmp_path, stranger).folder, trusted) == ["untrusted"]


def test_a_key_is_valid_for_its_time_and_its_benches_only(key: SigningKey) -> None:
    now = datetime.now(UTC)
    for_one = PublicKey(**{**vars(key.public), "benches": ("b1",)})

    assert key.public.refusal("b1", now) == ""
    assert "valid from" in key.public.refusal("b1", now + timedelta(days=400))
    assert for_one.refusal("b1", now) == ""
    assert "is for b1" in for_one.refusal("b2", now)


def test_a_private_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = make_key(tmp_path, "lab")
    path.chmod(0o644)

    with pytest.raises(ConformanceError) as caught:
        load_signing_key(path)
    assert caught.value.code == "USE-KEY-003"


def test_an_encrypted_key_needs_its_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFORMANCE_KEY_PASSPHRASE", "a long one")
    path = make_key(tmp_path, "lab")
    assert load_signing_key(path).public.name == "lab"

    monkeypatch.delenv("CONFORMANCE_KEY_PASSPHRASE")

    with pytest.raises(ConformanceError) as caught:
        load_signing_key(path)
    assert caught.value.code == "USE-KEY-002"


def test_a_folder_without_keys_vouches_for_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConformanceError) as caught:
        load_trusted(tmp_path)
    assert caught.value.code == "USE-KEY-002"


def test_a_redacted_bundle_verifies_elsewhere_and_holds_no_face(
    tmp_path: Path, key: SigningKey, trusted: dict[str, PublicKey]
) -> None:
    run = signed_run(tmp_path, key)
    target = tmp_path / "out.zip"

    withheld = write_bundle(run.folder, target, full=False)

    assert len(withheld) == 1
    assert b"PNG face" not in b"".join(_contents(target))
    with unpacked(target) as folder:
        seen = verify(folder, trusted=trusted)
    assert (seen.findings, seen.evidence, seen.withheld) == ([], 2, 1)


def test_a_full_bundle_holds_everything_and_is_the_same_each_time(tmp_path: Path, key: SigningKey) -> None:
    run = signed_run(tmp_path, key)
    first, second = tmp_path / "1.zip", tmp_path / "2.zip"

    assert write_bundle(run.folder, first, full=True, released_by="p2", reason="dispute") == []
    write_bundle(run.folder, second, full=True, released_by="p2", reason="dispute")

    assert first.read_bytes() == second.read_bytes()
    with unpacked(first) as folder:
        assert verify(folder).withheld == 0
        assert verify_run(folder) == []


def test_a_bundle_cannot_hide_a_table_by_listing_it_as_withheld(tmp_path: Path, key: SigningKey) -> None:
    run = signed_run(tmp_path, key)
    (table,) = (each for each in (run.folder / "evidence").rglob("*.csv"))
    (run.folder / "bundle.json").write_text(json.dumps({"withheld": [f"sha256:{table.stem}"]}))
    table.unlink()

    assert codes(run.folder, None) == ["evidence-missing"]


def _contents(file: Path) -> list[bytes]:
    with zipfile.ZipFile(file) as archive:
        return [archive.read(name) for name in archive.namelist()]


def _link(archive: zipfile.ZipFile) -> None:
    entry = zipfile.ZipInfo("evidence/link")
    entry.external_attr = 0o120777 << 16
    archive.writestr(entry, "/etc/passwd")


HOSTILE: dict[str, Callable[[zipfile.ZipFile], None]] = {
    "parent": lambda archive: archive.writestr("../outside", b"x"),
    "absolute": lambda archive: archive.writestr("/outside", b"x"),
    "drive": lambda archive: archive.writestr("C:outside", b"x"),
    "link": _link,
    "bomb": lambda archive: archive.writestr("evidence/zeros", bytes(40_000_000), zipfile.ZIP_DEFLATED),
}


@pytest.mark.parametrize("how", list(HOSTILE))
def test_H08_H09_a_hostile_bundle_is_refused_before_anything_is_unpacked(tmp_path: Path, how: str) -> None:
    target = tmp_path / "x.zip"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("bundle.json", json.dumps({"schema": "conformance-bundle/1", "run": "r"}))
        HOSTILE[how](archive)

    with pytest.raises(ConformanceError) as caught, unpacked(target):
        pass
    assert caught.value.code == "BEN-STO-014"
    assert not (tmp_path / "outside").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_H09_a_name_that_stands_twice_in_a_bundle_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("bundle.json", json.dumps({"schema": "conformance-bundle/1", "run": "r"}))
        archive.writestr("journal.jsonl", b"one")
        archive.writestr("journal.jsonl", b"two")

    with pytest.raises(ConformanceError) as caught, unpacked(tmp_path / "x.zip"):
        pass
    assert "stands twice" in str(caught.value)


def test_a_single_event_is_proven_without_the_rest(
    tmp_path: Path, key: SigningKey, trusted: dict[str, PublicKey]
) -> None:
    run = signed_run(tmp_path, key)

    text = prove(run.folder, 3)
    proven, findings = check_proof(text, trusted=trusted)

    assert findings == []
    assert proven is not None
    assert (proven.event.seq, proven.event.data["number"]) == (3, 2)
    assert b'\\"number\\":1' not in text


@pytest.mark.parametrize("field", ["line", "seq", "path", "attestation"])
def test_a_changed_proof_proves_nothing(tmp_path: Path, key: SigningKey, field: str) -> None:
    fields = json.loads(prove(signed_run(tmp_path, key).folder, 3))
    other = json.loads(prove(signed_run(tmp_path, key).folder, 2))
    fields[field] = other[field]

    proven, findings = check_proof(json.dumps(fields).encode())

    assert proven is None
    assert [each.code for each in findings] == ["changed"]


def test_without_a_signature_there_is_no_proof(tmp_path: Path) -> None:
    with pytest.raises(ConformanceError) as caught:
        prove(signed_run(tmp_path, None).folder, 1)
    assert caught.value.code == "USE-RUN-004"


def test_a_private_key_is_for_its_owner_only(tmp_path: Path) -> None:
    assert os.stat(make_key(tmp_path, "lab")).st_mode & 0o777 == 0o600
