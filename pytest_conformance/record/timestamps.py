"""Time stamps of an authority (RFC 3161) over signatures of a record: asked for, queued while offline, checked.

An attestation `NAME.dsse.json` gets its answer as `NAME.tsr` beside it; until then `NAME.tsq.json` says whom to ask.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.errors import StorageError, UsageError
from pytest_conformance.record.attestation import FOLDER, JOURNAL, SEQUEL, SUFFIX, Attestation, read_attestations
from pytest_conformance.record.files import write_atomically
from pytest_conformance.record.findings import Finding

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

ANSWER, QUEUED = ".tsr", ".tsq.json"
SCHEMA = "conformance-time-stamp-request/1"
CAP = 64 * 1024
"""Bytes of an answer that are read."""
PATIENCE = 10.0
"""Seconds for one request."""
_HASHES = {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"}


@dataclass(frozen=True)
class Authority:
    """Whom to ask: an http(s) address, and the PEM certificates of the roots that its answers must lead to."""

    url: str
    roots: str


@dataclass(frozen=True)
class Stamp:
    """What became of the time stamp of one attestation: `time` when it is there, else `pending` says why not yet."""

    attestation: str
    time: datetime | None = None
    pending: str = ""


def authority(url: str, roots: Path) -> Authority:
    """Return the authority at `url` whose roots are in the PEM file `roots`.

    Raises UsageError USE-TSA-001 for another kind of address, USE-TSA-002 when there is no certificate in the file,
    USE-TSA-003 when the library for time stamps is not installed.
    """
    if not url.startswith(("http://", "https://")):
        raise UsageError(
            "USE-TSA-001", f"no address of an authority: {url[:80]!r}", expected="http://... or https://..."
        )
    return Authority(url, load_roots(roots))


def load_roots(path: Path) -> str:
    """Return the PEM certificates in the file at `path`; raises UsageError USE-TSA-002 or USE-TSA-003."""
    try:
        import rfc3161_client  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "USE-TSA-003",
            "time stamps need a library that is not installed",
            expected="rfc3161-client",
            todo="pip install 'pytest-conformance[timestamps]'",
        ) from error
    try:
        text = path.read_text("ascii")
        _certificates(text)
    except (OSError, ValueError) as error:
        raise UsageError(
            "USE-TSA-002",
            f"no certificate can be read: {error}",
            where=str(path),
            expected="the authority's root certificates, PEM",
            todo="get them from the authority",
        ) from error
    return text


def queue(folder: Path, asked: Authority) -> list[str]:
    """Queue a request for the newest attestation of the journal and of the sequel of `folder`; return their names.

    One that is stamped or queued already stays as it is.
    """
    queued = []
    for of in (JOURNAL, SEQUEL):
        for each in read_attestations(folder, of=of)[-1:]:
            answer, request = _beside(folder, each.file, ANSWER), _beside(folder, each.file, QUEUED)
            if not each.fault and not answer.exists() and not request.exists():
                _write_request(request, asked, "not asked yet")
                queued.append(each.file)
    return queued


def send(folder: Path) -> list[Stamp]:
    """Ask for each time stamp that is queued in `folder`, and keep the ones that verify; the others stay queued.

    An authority that cannot be reached, refuses, or whose answer does not verify is said in `pending`: never raises
    for these.
    """
    stamps = []
    for each in (*read_attestations(folder), *read_attestations(folder, of=SEQUEL)):
        request = _beside(folder, each.file, QUEUED)
        if not request.is_file():
            continue
        try:
            asked = _read_request(request)
        except StorageError as error:
            stamps.append(Stamp(each.file, pending=str(error)))
            continue
        try:
            content, moment = _ask(asked, each.signature)
        except (OSError, ValueError) as error:
            why = str(error) or type(error).__name__
            _write_request(request, asked, why)
            stamps.append(Stamp(each.file, pending=why))
            continue
        write_atomically(_beside(folder, each.file, ANSWER), content)
        request.unlink()
        stamps.append(Stamp(each.file, moment))
    return stamps


def read_stamps(folder: Path) -> list[Stamp]:
    """Return what there is for the newest attestation of journal and sequel; nothing where none was asked for.

    The answers are read, not checked: `check_stamps` does that.
    """
    stamps = []
    for of in (JOURNAL, SEQUEL):
        for each in read_attestations(folder, of=of)[-1:]:
            answer, request = _beside(folder, each.file, ANSWER), _beside(folder, each.file, QUEUED)
            if answer.is_file():
                try:
                    stamps.append(Stamp(each.file, _moment(answer.read_bytes()[:CAP])))
                except (ImportError, ValueError) as error:
                    stamps.append(Stamp(each.file, pending=f"it is there, and cannot be read: {error}"))
            elif request.is_file():
                try:
                    stamps.append(Stamp(each.file, pending=_why(request)))
                except StorageError as error:
                    stamps.append(Stamp(each.file, pending=str(error)))
    return stamps


def check_stamps(folder: Path, held: Sequence[Attestation], roots: str = "") -> tuple[list[Stamp], list[Finding]]:
    """Check each time stamp against the signature that it is of, among the attestations that hold.

    With `roots` (PEM) each must come from an authority under one of them, and the last line of each signed journal
    must have one. Without the library nothing is checked, and the stamps say so.
    """
    stamps, findings = [], []
    for each in held:
        answer = _beside(folder, each.file, ANSWER)
        if not answer.is_file():
            continue
        try:
            stamps.append(Stamp(each.file, _require(answer.read_bytes()[:CAP], each.signature, roots)))
        except ImportError:
            stamps.append(Stamp(each.file, pending="not checked: pip install 'pytest-conformance[timestamps]'"))
        except ValueError as error:
            findings.append(Finding("time-stamp", f"{answer.name} is no time stamp of {each.file}: {error}"))
    stamped = {each.attestation for each in stamps if each.time is not None}
    for of in {each.of for each in held} if roots and not findings else ():
        last = [each.file for each in held if each.of == of][-1]
        if last not in stamped:
            findings.append(Finding("time-stamp", f"{last} has no time stamp"))
    return stamps, findings


def _ask(asked: Authority, signature: bytes) -> tuple[bytes, datetime]:
    """Return the authority's answer and its time; OSError when it cannot be had, ValueError when it is no good."""
    import urllib.request
    from http.client import HTTPException

    from rfc3161_client import TimestampRequestBuilder

    built = TimestampRequestBuilder().data(signature).nonce(nonce=True).cert_request(cert_request=True).build()
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    request = urllib.request.Request(asked.url, built.as_bytes(), headers)
    ends = time.monotonic() + PATIENCE
    content = b""
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            while part := answer.read1(CAP):
                content += part
                if len(content) > CAP or time.monotonic() > ends:
                    raise ValueError(f"the answer is longer than {CAP} bytes, or took longer than {PATIENCE:g} s")
    except HTTPException as error:
        raise ValueError(f"no answer that HTTP knows: {error!r}") from error
    return content, _require(content, signature, asked.roots, built.nonce)


def _require(content: bytes, signature: bytes, roots: str, nonce: int | None = None) -> datetime:
    """Return the time of a time stamp over `signature`; ValueError says what is wrong with it."""
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    response = decode_timestamp_response(content)
    if response.status not in (0, 1):
        said = "; ".join(str(each) for each in response.status_string)
        raise ValueError(f"the authority refused (status {response.status}){': ' + said[:200] if said else ''}")
    imprint = response.tst_info.message_imprint
    name = _HASHES.get(imprint.hash_algorithm.dotted_string, "")
    if not name or hashlib.new(name, signature).digest() != imprint.message:
        raise ValueError("it stamps something else")
    if roots:
        builder = VerifierBuilder(roots=_certificates(roots))
        try:
            (builder if nonce is None else builder.nonce(nonce)).build().verify_message(response, signature)
        except VerificationError as error:
            raise ValueError(f"it does not verify: {error}") from error
    return response.tst_info.gen_time.astimezone(UTC)


def _moment(content: bytes) -> datetime:
    from rfc3161_client import decode_timestamp_response

    return decode_timestamp_response(content).tst_info.gen_time.astimezone(UTC)


def _certificates(text: str) -> list[Certificate]:
    from cryptography.x509 import load_pem_x509_certificates

    return load_pem_x509_certificates(text.encode("ascii"))


def _beside(folder: Path, attestation: str, suffix: str) -> Path:
    return folder / FOLDER / (attestation.removesuffix(SUFFIX) + suffix)


def _write_request(file: Path, asked: Authority, why: str) -> None:
    fields = {"schema": SCHEMA, "url": asked.url, "roots": asked.roots, "why": why[:500]}
    write_atomically(file, json.dumps(fields, indent=1).encode("ascii") + b"\n")


def _read_request(file: Path) -> Authority:
    fields = _fields(file)
    return Authority(str(fields["url"]), str(fields["roots"]))


def _why(file: Path) -> str:
    return str(_fields(file)["why"])


def _fields(file: Path) -> Mapping[str, Any]:
    try:
        fields: dict[str, Any] = json.loads(file.read_bytes()[: 4 * CAP])
        if fields["schema"] != SCHEMA or not str(fields["url"]).startswith(("http://", "https://")):
            raise ValueError("another kind of file")
        return {"why": "", **{name: fields[name] for name in ("url", "roots", "why")}}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            "BEN-STO-013", f"no queued request of a time stamp: {error}", where=file.name, todo="conformance stamp"
        ) from error
