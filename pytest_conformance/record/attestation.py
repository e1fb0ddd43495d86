"""Signed statements about a record: in-toto statements in DSSE envelopes, beside the journal. Judges no journal."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_conformance.errors import StorageError
from pytest_conformance.record.keys import PublicKey, SigningKey, public_key

FOLDER = "attestations"
STATEMENT = "https://in-toto.io/Statement/v1"
RESULT = "https://in-toto.io/attestation/test-result/v0.1"
"""Predicate of the end of a run (in-toto attestation framework, test-result)."""
CHECKPOINT = "https://pytest-conformance.readthedocs.io/checkpoint/v1"
"""Predicate of a signature while the run goes on."""
ADDITION = "https://pytest-conformance.readthedocs.io/sequel/v1"
"""Predicate of a signature over what was added after the run."""
JOURNAL, SEQUEL = "journal", "sequel"
"""Whose lines an attestation vouches for."""
PAYLOAD = "application/vnd.in-toto+json"
SUFFIX = ".dsse.json"
_CAP = 4 * 1024 * 1024


@dataclass(frozen=True)
class Attestation:
    """One signed statement, read back: it vouches for the first `events` lines of the journal, or of the sequel (`of`).

    `fault` says what is wrong with it by itself ("" when nothing is); `signature` is the raw signature, which a
    time stamp covers.
    """

    file: str
    events: int
    head: str
    root: str
    run: str
    ends: bool
    key: PublicKey | None
    signature: bytes
    statement: Mapping[str, Any]
    fault: str = ""
    of: str = JOURNAL


def attest(
    key: SigningKey,
    *,
    run: str,
    bench: str,
    events: int,
    head: str,
    root: str,
    subjects: list[dict[str, Any]],
    result: Mapping[str, Any] | None = None,
    of: str = JOURNAL,
) -> bytes:
    """Return a DSSE envelope over the first `events` lines: hash of the last (`head`) and Merkle root.

    `subjects` are in-toto subjects beside the journal (firmware, sample); `result` is the test-result predicate
    when the run has ended; `of` tells whether the lines are the journal's or the sequel's.
    """
    covered = {"run": run, "bench": bench, "events": events, "head": head, "merkle_root": root}
    signer = {"schema": "conformance-key/1", **vars(key.public), "benches": list(key.public.benches)}
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": f"{of}:{run}", "digest": {"sha256": head}}, *subjects],
        "predicateType": ADDITION if of == SEQUEL else CHECKPOINT if result is None else RESULT,
        "predicate": {**(result or {}), "record": covered, "signer": signer},
    }
    payload = json.dumps(statement, ensure_ascii=True, allow_nan=False, sort_keys=True).encode("ascii")
    return _envelope(payload, key.public.id, key.sign(encoding(payload)))


def _envelope(payload: bytes, keyid: str, signature: bytes) -> bytes:
    envelope = {
        "payloadType": PAYLOAD,
        "payload": base64.b64encode(payload).decode("ascii"),
        "signatures": [{"keyid": keyid, "sig": base64.b64encode(signature).decode("ascii")}],
    }
    return json.dumps(envelope, indent=1).encode("ascii") + b"\n"


def encoding(payload: bytes) -> bytes:
    """Return what DSSE signs: the pre-authentication encoding of `payload` (DSSE v1.0, "PAE")."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD), PAYLOAD.encode("ascii"), len(payload), payload)


def attestation_name(events: int, of: str = JOURNAL) -> str:
    """Return the file name of an attestation over the first `events` lines."""
    return f"{'' if of == JOURNAL else of + '-'}{events:010d}{SUFFIX}"


def read_attestations(folder: Path, *, of: str = JOURNAL) -> list[Attestation]:
    """Return the attestations over the run in `folder`, or over its sequel, those over the fewest events first.

    Broken ones carry a fault.
    """
    files = sorted((folder / FOLDER).glob(f"*{SUFFIX}")) if (folder / FOLDER).is_dir() else []
    own = [_read(file, of) for file in files if file.name.startswith(f"{SEQUEL}-") == (of == SEQUEL)]
    return sorted(own, key=lambda each: (each.events, each.file))


def parse(content: bytes, name: str) -> Attestation:
    """Return the attestation that the envelope `content` holds, its signature checked against the key it names.

    Raises StorageError BEN-STO-013 when it is no envelope of ours.
    """
    try:
        envelope = json.loads(content)
        payload = base64.b64decode(envelope["payload"], validate=True)
        (signed,) = envelope["signatures"]
        signature = base64.b64decode(signed["sig"], validate=True)
        statement = json.loads(payload)
        covered = statement["predicate"]["record"]
        key = public_key(statement["predicate"]["signer"])
        events, head, root = int(covered["events"]), str(covered["head"]), str(covered["merkle_root"])
        if envelope["payloadType"] != PAYLOAD or statement["_type"] != STATEMENT or events < 1:
            raise ValueError("another kind of statement")
        if content != _envelope(payload, str(signed["keyid"]), signature):
            raise ValueError("not written as it was signed")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StorageError("BEN-STO-013", f"not an attestation: {error}", where=name) from error
    fault = ""
    if signed["keyid"] != key.id or not key.fits(signature, encoding(payload)):
        fault = f"{name}: the signature does not fit the key {key.name!r} that it names"
    kind = statement.get("predicateType")
    of = SEQUEL if kind == ADDITION else JOURNAL
    run = str(covered.get("run"))
    return Attestation(name, events, head, root, run, kind == RESULT, key, signature, statement, fault, of)


def _read(file: Path, of: str) -> Attestation:
    try:
        if file.is_symlink() or file.stat().st_size > _CAP:
            raise StorageError("BEN-STO-013", "not an attestation: a link, or too long", where=file.name)
        found = parse(file.read_bytes(), file.name)
        if found.of != of:
            raise StorageError("BEN-STO-013", f"it vouches for a {found.of}", where=file.name)
        return found
    except (OSError, StorageError) as error:
        said = error.what if isinstance(error, StorageError) else str(error)
        return Attestation(file.name, 0, "", "", "", False, None, b"", {}, f"{file.name}: {said}", of)
