"""The evidence store: content decides the name, the source decides nothing."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pytest_conformance.errors import StorageError
from pytest_conformance.record import EvidenceStore

NAMES = ["../../x", "/etc/x", "C:\\x", "CON", "a/b", "dot.", "x" * 300, "x.p/ng", "\ud800\x00\n", ""]


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    (tmp_path / "evidence").mkdir()
    return EvidenceStore(tmp_path, cap=1000)


@pytest.mark.parametrize("name", NAMES)
def test_H05_a_hostile_name_is_only_data(store: EvidenceStore, name: str) -> None:
    kept = store.put(b"content", name=name, media_type="text/plain")

    digest = hashlib.sha256(b"content").hexdigest()
    assert kept.file == f"evidence/{digest[:2]}/{digest}.txt"
    assert kept.name == name[:255]
    files = [path for path in store.folder.rglob("*") if path.is_file()]
    assert files == [store.folder / kept.file]


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "../../x", "application/javascript", ""])
def test_a_media_type_outside_the_list_is_only_bytes(store: EvidenceStore, kind: str) -> None:
    kept = store.put(b"<script>", name="x.html", media_type=kind)

    assert kept.media_type == "application/octet-stream"
    assert kept.file.endswith(".bin")


def test_same_content_is_stored_once(store: EvidenceStore) -> None:
    first = store.put(b"a", name="one", media_type="text/plain")
    second = store.put(b"a", name="two", media_type="text/plain")

    assert first.ref == second.ref
    assert store.read(first.ref) == b"a"
    assert sum(path.is_file() for path in store.folder.rglob("*")) == 1


def test_a_file_is_taken_like_bytes(store: EvidenceStore, tmp_path: Path) -> None:
    source = tmp_path / "capture.pcapng"
    source.write_bytes(b"packets")

    kept = store.put(source, name="capture", media_type="application/x-pcapng")

    assert store.read(kept.ref) == b"packets"
    assert store.find(kept.ref).suffix == ".pcapng"


def test_too_long_content_is_cut_and_marked(store: EvidenceStore) -> None:
    whole = store.put(b"x" * 1000, name="x", media_type="text/plain")
    cut = store.put(b"y" * 1001, name="y", media_type="text/plain")

    assert (whole.size, whole.truncated) == (1000, False)
    assert (cut.size, cut.truncated) == (1000, True)


def test_H06_links_fifos_and_devices_are_refused(store: EvidenceStore, tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / "fifo")

    for path in (tmp_path / "link", tmp_path / "fifo", Path("/dev/zero"), tmp_path, tmp_path / "absent"):
        with pytest.raises(StorageError) as caught:
            store.put(path, name="x", media_type="text/plain")
        assert caught.value.code == "BEN-STO-007"


def test_faces_are_readable_by_their_owner_only(store: EvidenceStore) -> None:
    kept = store.put(b"face", name="x", media_type="image/png", face=True)

    assert store.find(kept.ref).stat().st_mode & 0o077 == 0


def test_changed_evidence_is_not_read(store: EvidenceStore) -> None:
    kept = store.put(b"a", name="x", media_type="text/plain")
    store.find(kept.ref).write_bytes(b"b")

    with pytest.raises(StorageError) as caught:
        store.read(kept.ref)
    assert caught.value.code == "BEN-STO-009"


@pytest.mark.parametrize("ref", ["sha256:" + "0" * 64, "sha256:../../etc/passwd", "", "sha256:*"])
def test_an_unknown_reference_is_refused(store: EvidenceStore, ref: str) -> None:
    with pytest.raises(StorageError) as caught:
        store.find(ref)
    assert caught.value.code == "BEN-STO-009"
