"""Keys for faces at rest: one for each subject, in a folder of their own. A destroyed key erases what it sealed.

Content is sealed with AES-256-GCM under a key derived from the keys of all subjects that it shows, so that
destroying any of them makes it unreadable. The record holds only what was sealed, and its hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pytest_conformance.errors import StorageError
from pytest_conformance.record.files import sync_folder, write_atomically

SCHEMA = "conformance-vault-key/1"
MAGIC = b"CFVAULT1"
_NONCE = 12
FOLDER_VARIABLE = "CONFORMANCE_VAULT"
"""Environment variable that names the folder of the keys."""


@dataclass(frozen=True)
class Erasure:
    """An erasure that was begun: whose key is destroyed, by whom and why."""

    subject: str
    person: str
    reason: str
    begun: str


def default_folder() -> Path:
    """Return where keys lie unless somebody says otherwise: of this user, outside of every record."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "pytest-conformance" / "vault"


class Vault:
    """The keys in `folder`; it is made, for its owner only, when the first key is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def seal(self, content: bytes, subjects: Sequence[str]) -> bytes:
        """Return `content` sealed for `subjects` (at least one); keys that are not there yet are made.

        Raises StorageError BEN-VLT-003 for a subject whose key was destroyed: nothing new may be kept of them.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        named = _named(subjects)
        nonce = secrets.token_bytes(_NONCE)
        key = _derived([self._key(each) for each in named], named)
        return MAGIC + nonce + AESGCM(key).encrypt(nonce, content, _bound(named))

    def unseal(self, sealed: bytes, subjects: Sequence[str]) -> bytes:
        """Return what was sealed for `subjects`.

        Raises StorageError: BEN-VLT-001 when a key was destroyed or is lost, BEN-VLT-002 when content or subjects
        are not those that were sealed.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        named = _named(subjects)
        keys = [self._known(each) for each in named]
        if not sealed.startswith(MAGIC):
            raise _damaged("it is not sealed by a vault")
        nonce, body = sealed[len(MAGIC) :][:_NONCE], sealed[len(MAGIC) + _NONCE :]
        try:
            return AESGCM(_derived(keys, named)).decrypt(nonce, body, _bound(named))
        except (InvalidTag, ValueError) as error:
            raise _damaged("it is not what was sealed, or another key") from error

    def subjects(self) -> list[str]:
        """Return whose keys are there."""
        files = sorted(self.folder.glob("*.key")) if self.folder.is_dir() else []
        found = []
        for file in files:
            with suppress(OSError, ValueError, KeyError, TypeError):  # overwritten by an erasure that broke off
                found.append(str(json.loads(file.read_bytes())["subject"]))
        return sorted(found)

    def destroyed(self, subject: str) -> bool:
        """Tell whether the key of `subject` was destroyed, or its destruction has begun."""
        return self._file(subject, "gone").exists() or self._file(subject, "going").exists()

    def erasure(self, subject: str) -> Erasure | None:
        """Return the erasure of `subject`, begun or finished; None where there was none."""
        for kind in ("gone", "going"):
            file = self._file(subject, kind)
            if file.exists():
                return Erasure(**json.loads(file.read_bytes()))
        return None

    def begin_erasure(self, subject: str, person: str, reason: str) -> Erasure:
        """Write down that the key of `subject` is to be destroyed, then destroy it; `finish_erasure` is still due.

        From the first written byte on the key counts as destroyed: what a crash leaves is finished at the next
        start (`unfinished`).
        """
        erasure = Erasure(subject, person, reason, datetime.now(UTC).isoformat(timespec="seconds"))
        self._prepare()
        write_atomically(self._file(subject, "going"), _json(vars(erasure)))
        self.destroy(subject)
        return erasure

    def destroy(self, subject: str) -> None:
        """Overwrite and remove the key of `subject`; nothing happens when it is gone already."""
        file = self._file(subject, "key")
        if file.exists():
            with file.open("r+b") as stream:
                size = len(stream.read())
                stream.seek(0)
                stream.write(secrets.token_bytes(size))
                stream.flush()
                os.fsync(stream.fileno())
            file.unlink()
            sync_folder(self.folder)

    def finish_erasure(self, erasure: Erasure) -> None:
        """Write down that the tombstones are in the records."""
        os.replace(self._file(erasure.subject, "going"), self._file(erasure.subject, "gone"))
        sync_folder(self.folder)

    def unfinished(self) -> Iterator[Erasure]:
        """Yield erasures that were begun and not finished; the key of each is destroyed first."""
        for file in sorted(self.folder.glob("*.going")) if self.folder.is_dir() else ():
            erasure = Erasure(**json.loads(file.read_bytes()))
            self.destroy(erasure.subject)
            yield erasure

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _key(self, subject: str) -> bytes:
        """Return the key of `subject`, made now if there is none."""
        if self.destroyed(subject):
            raise StorageError(
                "BEN-VLT-003",
                f"the key of {subject!r} was destroyed: nothing more may be kept of this subject",
                where=str(self.folder),
                todo="leave this subject out, or register a new consent under a new pseudonym",
            )
        file = self._file(subject, "key")
        if not file.exists():
            self._prepare()
            secret = base64.b64encode(secrets.token_bytes(32)).decode("ascii")
            made = datetime.now(UTC).isoformat(timespec="seconds")
            beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(_json({"schema": SCHEMA, "subject": subject, "key": secret, "made": made}))
                stream.flush()
                os.fsync(stream.fileno())
            try:
                os.link(beside, file)  # whoever comes second takes the key of the first
            except FileExistsError:
                pass
            finally:
                beside.unlink()
            sync_folder(self.folder)
        return self._known(subject)

    def _known(self, subject: str) -> bytes:
        try:
            fields = json.loads(self._file(subject, "key").read_bytes())
            key = base64.b64decode(fields["key"], validate=True)
            if len(key) != 32 or fields["subject"] != subject:
                raise ValueError("not a key of this subject")
        except (OSError, ValueError, KeyError, TypeError) as error:
            gone = self.destroyed(subject)
            todo = "nothing: it was erased" if gone else "restore the vault; the record is whole without it"
            raise StorageError(
                "BEN-VLT-001",
                f"the key of {subject!r} {'was destroyed' if gone else 'is lost'}: the face cannot be read",
                where=str(self.folder),
                expected="its key in the vault",
                todo=todo,
            ) from error
        return key

    def _file(self, subject: str, kind: str) -> Path:
        return self.folder / f"{hashlib.sha256(subject.encode()).hexdigest()[:32]}.{kind}"


def _named(subjects: Sequence[str]) -> list[str]:
    named = sorted(dict.fromkeys(subjects))
    if not named:
        raise ValueError("a face is sealed for at least one subject")
    return named


def _derived(keys: Sequence[bytes], named: Sequence[str]) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, salt=MAGIC, info=_bound(named)).derive(b"".join(keys))


def _bound(named: Sequence[str]) -> bytes:
    return json.dumps(list(named), ensure_ascii=True).encode("ascii")


def _json(fields: object) -> bytes:
    return json.dumps(fields, indent=1).encode("ascii") + b"\n"


def _damaged(why: str) -> StorageError:
    return StorageError("BEN-VLT-002", f"sealed evidence cannot be opened: {why}", where="vault")
