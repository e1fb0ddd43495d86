"""Packing a run into one file to hand out, unpacking it with suspicion, and proofs for single events."""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from pytest_conformance.errors import StorageError, UsageError
from pytest_conformance.record.attestation import FOLDER, Attestation, parse, read_attestations
from pytest_conformance.record.events import Event
from pytest_conformance.record.findings import Finding
from pytest_conformance.record.journal import decode
from pytest_conformance.record.keys import PublicKey
from pytest_conformance.record.merkle import proof, root_from_proof
from pytest_conformance.record.store_check import BUNDLE_FILE, may_be_withheld
from pytest_conformance.record.verify import ROOT_FILE

SCHEMA = "conformance-bundle/1"
PROOF = "conformance-proof/1"
SUFFIX = ".conformance.zip"
VIEWS = ("results.json", "report.html", "junit.xml")
"""Views that go along: they are made again from the record, and nothing rests on them."""
ENTRIES, UNPACKED, RATIO = 200_000, 64 * 1024**3, 200
"""Entries, bytes and ratio beyond which a bundle is refused before anything is unpacked (fault case H08)."""
_SMALL = 16 * 1024 * 1024
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_bundle(folder: Path, target: Path, *, full: bool, released_by: str = "", reason: str = "") -> list[str]:
    """Pack the run in `folder` into `target` and return the references that were left out.

    Unless it is `full`, what shows or may hold a face stays behind (`verify.may_be_withheld`), its hash stays in
    the journal, and `bundle.json` lists it. The same run gives the same bytes. Raises StorageError BEN-STO-002.
    """
    named = {str(each["file"]): each for each in _evidence(folder)}
    left_out = {} if full else {name: each for name, each in named.items() if may_be_withheld(each)}
    withheld = sorted(str(each["ref"]) for each in left_out.values())
    about = {
        "schema": SCHEMA,
        "run": folder.name,
        "redacted": not full,
        "withheld": withheld,
        "released_by": released_by,
        "reason": reason,
    }
    beside = target.with_name(f".{target.name}.part")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
            _add(archive, BUNDLE_FILE, json.dumps(about, indent=1).encode("ascii") + b"\n")
            for name in _files(folder, named, left_out):
                _add_file(archive, name, folder / name)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StorageError("BEN-STO-002", f"cannot be written: {error.strerror}", where=str(target)) from error
    return withheld


@contextmanager
def unpacked(bundle: Path) -> Iterator[Path]:
    """Give a temporary folder with the content of `bundle`, named after its run.

    Raises StorageError BEN-STO-014 for what is no bundle: entries with absolute or parent paths, links, names that
    stand twice, or sizes beyond any run's (fault cases H08, H09). Nothing is unpacked then.
    """
    with TemporaryDirectory(prefix="conformance-") as room:
        try:
            with zipfile.ZipFile(bundle) as archive:
                entries = _sound(archive.infolist())
                about = json.loads(archive.read(BUNDLE_FILE)) if BUNDLE_FILE in entries else None
                if not isinstance(about, dict) or about.get("schema") != SCHEMA:
                    raise ValueError(f"there is no {BUNDLE_FILE} of {SCHEMA} in it")
                target = Path(room) / _name(about.get("run"))
                target.mkdir()
                for entry in entries.values():
                    archive.extract(entry, target)
        except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
            raise StorageError("BEN-STO-014", f"not a bundle: {error}", where=str(bundle)) from error
        yield target


def _sound(entries: Sequence[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    if len(entries) > ENTRIES or sum(each.file_size for each in entries) > UNPACKED:
        raise ValueError("it claims more than any run holds")
    found: dict[str, zipfile.ZipInfo] = {}
    for each in entries:
        parts = PurePosixPath(each.filename).parts
        plain = each.filename.isascii() and "\\" not in each.filename and ":" not in each.filename
        if not plain or not parts or each.filename.startswith("/") or ".." in parts or each.is_dir():
            raise ValueError(f"entry {each.filename[:80]!a} is no file of a run")
        if each.external_attr >> 16 & 0o170000 not in (0, 0o100000):
            raise ValueError(f"entry {each.filename[:80]!a} is no regular file")
        if each.filename in found:
            raise ValueError(f"entry {each.filename[:80]!a} stands twice")
        if each.file_size > _SMALL and each.file_size > RATIO * max(1, each.compress_size):
            raise ValueError(f"entry {each.filename[:80]!a} is packed beyond belief")
        found[each.filename] = each
    return found


def _name(run: object) -> str:
    name = str(run)
    if (
        not name
        or len(name) > 100
        or set(name) - set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_")
    ):
        raise ValueError("it does not name its run")
    return name


def _files(folder: Path, named: Mapping[str, Any], left_out: Mapping[str, Any]) -> Iterator[str]:
    yield "journal.jsonl"
    for name in (ROOT_FILE, "sequel.jsonl", *VIEWS):
        if (folder / name).is_file():
            yield name
    for file in sorted((folder / FOLDER).glob("*")):
        yield file.relative_to(folder).as_posix()
    for name in sorted(named):
        if name not in left_out and (folder / name).is_file():
            yield name


def _evidence(folder: Path) -> Iterator[Mapping[str, Any]]:
    from pytest_conformance.record.journal import iterate_journal

    yield from (event.data for event in iterate_journal(folder / "journal.jsonl") if event.type == "evidence")


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(_entry(name), content, zipfile.ZIP_DEFLATED)


def _add_file(archive: zipfile.ZipFile, name: str, file: Path) -> None:
    with file.open("rb") as source, archive.open(_entry(name), "w", force_zip64=True) as target:
        while block := source.read(1024 * 1024):
            target.write(block)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o100644 << 16
    return entry


@dataclass(frozen=True)
class Proven:
    """One event that a signature vouches for, and the attestation that does."""

    event: Event
    attestation: Attestation


def prove(folder: Path, seq: int) -> bytes:
    """Return a proof (JSON) that event `seq` is in the signed journal of the run in `folder`, without the rest.

    Raises UsageError USE-RUN-004 when no attestation covers the event.
    """
    signed = [each for each in read_attestations(folder) if not each.fault and each.events > seq >= 0]
    if not signed:
        raise UsageError(
            "USE-RUN-004",
            f"no signature covers event {seq}",
            where=str(folder),
            todo="a proof needs a run that was signed: --signing-key",
        )
    chosen = signed[0]
    with (folder / "journal.jsonl").open("rb") as file:
        lines = [line for line, _ in zip(file, range(chosen.events), strict=False)]
    return json.dumps(
        {
            "schema": PROOF,
            "seq": seq,
            "line": lines[seq].decode("ascii"),
            "path": proof(lines, seq),
            "attestation": base64.b64encode((folder / FOLDER / chosen.file).read_bytes()).decode("ascii"),
        },
        indent=1,
    ).encode("ascii")


def check_proof(
    content: bytes, *, trusted: Mapping[str, PublicKey] | None = None
) -> tuple[Proven | None, list[Finding]]:
    """Return what the proof `content` proves, and what is wrong with it.

    Raises StorageError BEN-STO-014 when it is no proof at all.
    """
    try:
        fields = json.loads(content)
        if fields["schema"] != PROOF:
            raise ValueError(f"schema {fields['schema']!r}")
        line, seq = fields["line"].encode("ascii"), int(fields["seq"])
        event = decode(line, "proof")
        signed = parse(base64.b64decode(fields["attestation"], validate=True), "proof")
        path = [str(each) for each in fields["path"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StorageError("BEN-STO-014", f"not a proof: {error}", where="proof") from error
    if signed.fault or signed.key is None:
        return None, [Finding("signature", signed.fault)]
    try:
        fits = event.seq == seq and root_from_proof(line, seq, signed.events, path) == signed.root
    except ValueError:
        fits = False
    if not fits:
        return None, [Finding("changed", f"event {seq} is not in the journal that was signed", seq)]
    if trusted is not None and trusted.get(signed.key.id) != signed.key:
        return None, [Finding("untrusted", f"signed by key {signed.key.name[:80]!r} ({signed.key.id}), not trusted")]
    return Proven(event, signed), []
