"""Keys that sign a record (Ed25519): made, stored, loaded, and who is trusted for how long. Signs nothing itself."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.errors import StorageError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SCHEMA = "conformance-key/1"
PUBLIC = ".pub.json"
"""What the public half is called beside the private one, `NAME.pem`."""
PASSPHRASE = "CONFORMANCE_KEY_PASSPHRASE"
"""Environment variable that holds the passphrase of an encrypted private key."""
_CAP = 64 * 1024


@dataclass(frozen=True)
class PublicKey:
    """The public half of a signing key. Times are ISO 8601 dates in UTC; `benches` empty means every bench."""

    id: str
    name: str
    public: str
    not_before: str
    not_after: str
    benches: tuple[str, ...] = ()

    def fits(self, signature: bytes, content: bytes) -> bool:
        """Tell whether `signature` over `content` was made with this key's private half."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(base64.b64decode(self.public)).verify(signature, content)
        except (InvalidSignature, ValueError):
            return False
        return True

    def refusal(self, bench: str, when: datetime) -> str:
        """Return why this key may not sign a run on `bench` at `when`; "" when it may."""
        day = when.astimezone(UTC).date().isoformat()
        if not self.not_before <= day <= self.not_after:
            return f"key {self.name!r} is valid from {self.not_before} to {self.not_after}, and this is {day}"
        if self.benches and bench not in self.benches:
            return f"key {self.name!r} is for {', '.join(self.benches)}, and this is bench {bench!r}"
        return ""


@dataclass(frozen=True)
class SigningKey:
    """A private key with its public half."""

    private: Ed25519PrivateKey
    public: PublicKey

    def sign(self, content: bytes) -> bytes:
        """Return the Ed25519 signature (64 bytes) over `content`."""
        return self.private.sign(content)


def make_key(folder: Path, name: str, *, days: int = 365, benches: tuple[str, ...] = ()) -> Path:
    """Make a new key pair, `NAME.pem` (owner only) and `NAME.pub.json`, in `folder`; return the private one's path.

    With a passphrase in the environment the private key is encrypted. Raises UsageError USE-KEY-001 when there is
    such a key already.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.pem"
    private = Ed25519PrivateKey.generate()
    phrase = os.environ.get(PASSPHRASE)
    encryption: Any = serialization.BestAvailableEncryption(phrase.encode()) if phrase else serialization.NoEncryption()
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    except FileExistsError as error:
        raise UsageError("USE-KEY-001", f"there is a key {name!r} already", where=str(folder)) from error
    today = datetime.now(UTC).date()
    raw = private.public_key().public_bytes_raw()
    public = {
        "schema": SCHEMA,
        "id": _identifier(raw),
        "name": name,
        "public": base64.b64encode(raw).decode("ascii"),
        "not_before": today.isoformat(),
        "not_after": (today + timedelta(days=days)).isoformat(),
        "benches": list(benches),
    }
    (folder / f"{name}{PUBLIC}").write_text(json.dumps(public, indent=1) + "\n", encoding="ascii")
    return path


def load_signing_key(path: Path) -> SigningKey:
    """Return the key whose private half is at `path`, its public half beside it.

    Raises UsageError USE-KEY-002 when it is missing, no Ed25519 key or wrongly encrypted, USE-KEY-003 when others
    can read it.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise UsageError(
                "USE-KEY-003", "others can read the private key", where=str(path), todo=f"chmod 600 {path}"
            )
        phrase = os.environ.get(PASSPHRASE)
        private = serialization.load_pem_private_key(path.read_bytes(), phrase.encode() if phrase else None)
    except (OSError, ValueError, TypeError) as error:
        raise _unusable(path, str(error)) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise _unusable(path, "it is of another kind")
    public = load_public_key(path.with_name(path.stem + PUBLIC))
    if base64.b64decode(public.public) != private.public_key().public_bytes_raw():
        raise _unusable(path, f"it does not belong to {path.stem}{PUBLIC}")
    return SigningKey(private, public)


def load_public_key(path: Path) -> PublicKey:
    """Return the public key in the file at `path`. Raises UsageError USE-KEY-002 when it is none."""
    try:
        with path.open("rb") as file:
            return public_key(json.loads(file.read(_CAP)))
    except (OSError, ValueError, StorageError) as error:
        raise _unusable(path, str(error)) from error


def public_key(fields: Mapping[str, Any]) -> PublicKey:
    """Return the public key that `fields` describe. Raises StorageError BEN-STO-013 when they describe none."""
    try:
        raw = base64.b64decode(fields["public"], validate=True)
        if fields["schema"] != SCHEMA or fields["id"] != _identifier(raw) or len(raw) != 32:
            raise ValueError("its id is not that of its key")
        identity = str(fields["id"]), str(fields["name"]), str(fields["public"])
        valid = str(fields["not_before"]), str(fields["not_after"])
        return PublicKey(*identity, *valid, tuple(str(each) for each in fields.get("benches", ())))
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError("BEN-STO-013", f"no public key: {error}", where="key") from error


def load_trusted(path: Path) -> dict[str, PublicKey]:
    """Return the keys to be trusted, by id: a public key's file, or all `*.pub.json` of a folder.

    Raises UsageError USE-KEY-002 for a file that is no key, or when there is none at all.
    """
    files = sorted(path.glob(f"*{PUBLIC}")) if path.is_dir() else [path]
    if not files:
        raise _unusable(path, "there is no public key in this folder")
    return {key.id: key for key in map(load_public_key, files)}


def _identifier(raw: bytes) -> str:
    return f"ed25519:{hashlib.sha256(raw).hexdigest()[:32]}"


def _unusable(path: Path, why: str) -> UsageError:
    return UsageError(
        "USE-KEY-002",
        f"not a usable key: {why}",
        where=str(path),
        expected="an Ed25519 key that `conformance key NAME` made",
        todo=f"name the right file; for an encrypted key set {PASSPHRASE}",
    )
