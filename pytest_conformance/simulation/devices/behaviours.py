"""Behaviours that every simulated device has: who it is, what it keeps and how, and what a service engineer can ask."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509 import load_pem_x509_certificate

from pytest_conformance.simulation.devices.base import Behaviour, Boot, VerbError, verb
from pytest_conformance.simulation.devices.flash import FlashFullError
from pytest_conformance.simulation.devices.ui import Panel
from pytest_conformance.simulation.farend import Json

LONGEST_DUMP = 32768
"""Bytes that one answer of the verb `flash` can hold."""
_NONCE = 12
EMPTY, FULL = 4.5, 5.0
"""Volts of batteries that are empty, and that are full."""


class Identity(Behaviour):
    """Says who the device is."""

    slot = "identity"

    @verb("identify")
    def identify(self) -> Json:
        return self.device.identity()


class Battery(Behaviour):
    """Tells the charge of the batteries that the bench's supply stands in for: empty at 4.5 V, full from 5 V on."""

    slot = "battery"

    def status(self) -> Mapping[str, Json]:
        return {"battery": round(min(1.0, max(0.0, (self.device.world.rail.value - EMPTY) / (FULL - EMPTY))), 2)}


class Storage(Behaviour):
    """Keeps named records in the flash, encrypted with the device's key; deleting one overwrites its bytes."""

    slot = "storage"

    def put(self, name: str, data: bytes) -> None:
        """Keep `data` under `name`; logged as `stored` with the name's first part ("face/2" is a "face")."""
        try:
            self.device.flash.write(self.label(name), self.seal(name, data))
        except FlashFullError as error:
            raise VerbError("FULL", str(error)) from error
        self.device.log("stored", kind=name.partition("/")[0])

    def get(self, name: str) -> bytes | None:
        """Return what was kept under `name`, or None."""
        sealed = self.device.flash.read(self.label(name))
        return None if sealed is None else self.unseal(name, sealed)

    def names(self, prefix: str = "") -> list[str]:
        """Return the names that begin with `prefix`, oldest first."""
        names = (self.name_of(label) for label in self.device.flash.names())
        return [name for name in names if name.startswith(prefix)]

    def drop(self, name: str) -> bool:
        """Delete `name` for good; False when it was not there."""
        there = self.device.flash.delete(self.label(name), overwrite=True)
        if there:
            self.device.log("erased", what=name.partition("/")[0])
        return there

    def wipe(self) -> None:
        """Erase the whole chip."""
        self.device.flash.erase()
        self.device.log("erased", what="all")

    def label(self, name: str) -> str:
        """Return the name under which `name` lies on the chip."""
        return name

    def name_of(self, label: str) -> str:
        """Return the name behind a label of the chip."""
        return label

    def seal(self, name: str, data: bytes) -> bytes:
        """Encrypt (AES-256-GCM, fresh nonce, bound to its name)."""
        nonce = self.device.random.randbytes(_NONCE)
        return nonce + AESGCM(self.device.key).encrypt(nonce, data, name.encode())

    def unseal(self, name: str, sealed: bytes) -> bytes | None:
        """Decrypt; None when the bytes are not what was sealed."""
        try:
            return AESGCM(self.device.key).decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
        except InvalidTag:
            return None


class Service(Behaviour):
    """What the test build adds for a service engineer: status, chip dump, TLS keys, the factory reset button."""

    slot = "service"

    @verb("status")
    def report(self) -> Json:
        return self.device.describe()

    @verb("flash")
    def dump(self, offset: int = 0, length: int | None = None) -> Json:
        size = len(self.device.flash.memory)
        if length is None:
            return {"size": size}
        if not isinstance(offset, int) or not isinstance(length, int) or not 0 <= length <= LONGEST_DUMP:
            raise VerbError("RANGE", f"offset and length are whole numbers, length at most {LONGEST_DUMP}")
        try:
            data = self.device.flash.dump(offset, length)
        except ValueError as error:
            raise VerbError("RANGE", str(error)) from None
        return {"size": size, "data": base64.b64encode(data).decode()}

    @verb("keylog")
    def keys(self, offset: int = 0) -> Json:
        """Return the key log from character `offset` on, as much as one answer holds, and its whole size."""
        if not isinstance(offset, int) or offset < 0:
            raise VerbError("RANGE", "offset is a whole number of characters")
        path = self.device.keylog
        text = path.read_text("ascii", "replace") if path.exists() else ""
        return {"text": text[offset : offset + LONGEST_DUMP], "size": len(text)}

    @verb("trust")
    def trust(self, authority: str) -> Json:
        """Trust one more authority (PEM), so that the bench can read along; until the next factory reset."""
        try:
            load_pem_x509_certificate(authority.encode())
        except (ValueError, AttributeError) as error:
            raise VerbError("PEM", f"not a certificate: {error}") from error
        self.device.trusted.append(authority)
        return {}

    @verb("reset")
    def factory_reset(self) -> Json:
        self.device.forget()
        self.device.get(Storage).wipe()
        self.device.restart_when_answered()
        return {}


COMMON: Mapping[str, type[Behaviour]] = {
    "boot": Boot,
    "identity": Identity,
    "storage": Storage,
    "ui": Panel,
    "service": Service,
}
"""The slots of every kind, with their good behaviours; a kind adds its own and may replace these."""
