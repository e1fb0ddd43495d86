"""The file form of a context: strict JSON, checked once with pydantic. Imported only when a file is read."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pytest_conformance.analysis.traffic.context import (
    Canary,
    Context,
    DeclaredEndpoint,
    Event,
    FaceTemplate,
    Policy,
    Position,
)
from pytest_conformance.errors import UsageError

_DTYPES = {
    "float32-le": "<f4",
    "float32-be": ">f4",
    "float16-le": "<f2",
    "float16-be": ">f2",
    "float64-le": "<f8",
    "float64-be": ">f8",
    "int8": "i1",
    "uint8": "u1",
}


def _listed(value: Any) -> Any:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _named(value: Any) -> Any:
    if value is None:
        return {}
    if isinstance(value, str):
        return {value: value}
    if isinstance(value, list):
        return (
            {entry.get("name", f"{i}"): entry.get("value", "") for i, entry in enumerate(value)}
            if (value and isinstance(value[0], dict))
            else {f"{i}": entry for i, entry in enumerate(value)}
        )
    return value


Listed = Annotated[list[str], BeforeValidator(_listed)]
Named = Annotated[dict[str, str], BeforeValidator(_named)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Device(_Strict):
    mac: Listed = []
    ipv4: Listed = []
    ipv6: Listed = []
    companions: Listed = []


class _Event(_Strict):
    t: float
    type: str
    scope: str = ""


class _Position(_Strict):
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    name: str = "position"


class _Canary(_Strict):
    face: Listed = []
    template: Listed = []
    template_dtype: str = "float32-le"
    template_dim: int | None = None
    strings: Named = {}
    identifiers: Named = {}
    positions: Annotated[list[_Position], BeforeValidator(_listed)] = []
    fiducials: Annotated[list[int], BeforeValidator(_listed)] = []
    voice: str | None = None
    decoy_face: Listed = []
    decoy_template: Listed = []
    decoy_strings: Named = {}
    keys: Named = {}


class _Endpoint(_Strict):
    host: str
    port: int | None = Field(default=None, ge=0, le=65535)
    protocol: str = ""
    purpose: str = ""
    after: str = ""


class _Declaration(_Strict):
    endpoints: list[_Endpoint] | None = []
    kinds: Listed = []


class _File(_Strict):
    device: _Device = _Device()
    local_networks: Listed = []
    events: list[_Event] = []
    canary: _Canary = _Canary()
    declaration: _Declaration = _Declaration()
    keylog: str | None = None
    policy: dict[str, Any] = {}
    bearers: dict[str, str] = {}
    stimuli_confirmed: bool | None = None
    interception: dict[str, Any] = {}
    bench_ca_sha256: Listed = []
    traps: Listed = []
    capture_drops: int = 0


def _content(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise UsageError(
            "USE-CTX-002",
            f"the context names a file that cannot be read: {error.strerror}",
            where=str(folder / name),
            expected="a file beside the context",
        ) from error


def _template(folder: Path, name: str, canary: _Canary) -> FaceTemplate:
    import numpy

    if canary.template_dtype not in _DTYPES:
        raise UsageError(
            "USE-CTX-003",
            f"unknown template_dtype {canary.template_dtype!r}",
            where=name,
            expected=", ".join(_DTYPES),
        )
    raw = _content(folder, name)
    dtype = numpy.dtype(_DTYPES[canary.template_dtype])
    if len(raw) % dtype.itemsize or (canary.template_dim and len(raw) != canary.template_dim * dtype.itemsize):
        raise UsageError(
            "USE-CTX-003",
            f"the template has {len(raw)} bytes",
            where=name,
            expected=f"{canary.template_dim or 'n'} numbers of {canary.template_dtype}",
        )
    return FaceTemplate(name, tuple(float(value) for value in numpy.frombuffer(raw, dtype)))


def _keylog(folder: Path, text: str | None) -> str:
    """Key log text itself, or the name of a file that holds it."""
    if not text:
        return ""
    if "\n" in text or " " in text.strip():
        return text
    return _content(folder, text).decode("utf-8", "replace")


def _canary(folder: Path, given: _Canary) -> Canary:
    return Canary(
        faces={name: _content(folder, name) for name in given.face},
        templates=tuple(_template(folder, name, given) for name in given.template),
        strings=given.strings,
        identifiers=given.identifiers,
        positions=tuple(Position(p.latitude, p.longitude, p.name) for p in given.positions),
        fiducials=tuple(given.fiducials),
        voice=_content(folder, given.voice) if given.voice else None,
        decoy_faces={name: _content(folder, name) for name in given.decoy_face},
        decoy_templates=tuple(_template(folder, name, given) for name in given.decoy_template),
        decoy_strings=given.decoy_strings,
        keys={name: _key(value) for name, value in given.keys.items()},
    )


def _key(text: str) -> bytes:
    if text.startswith("hex:"):
        return bytes.fromhex(text[4:])
    if text.startswith("base64:"):
        return base64.b64decode(text[7:])
    return text.encode()


def _policy(given: dict[str, Any], where: str) -> Policy:
    try:
        options: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
        return Policy(**options)
    except TypeError as error:
        raise UsageError(
            "USE-CTX-001",
            f"unknown policy option: {error}",
            where=where,
            expected=", ".join(Policy.__dataclass_fields__),
        ) from error


def read_context(path: Path) -> Context:
    """Read and check a context file. Raises UsageError (USE-CTX-001..003)."""
    raw = _content(path.parent, path.name)
    try:
        given = _File.model_validate(json.loads(raw))
    except (ValueError, ValidationError, RecursionError) as error:
        raise UsageError(
            "USE-CTX-001",
            f"the context does not fit: {error}",
            where=str(path),
            expected="the schema of captures/examples",
            todo="see docs/traffic.md, section Context",
        ) from error
    folder = path.parent
    endpoints = given.declaration.endpoints
    try:
        context = Context(
            macs=tuple(given.device.mac),
            addresses=(*given.device.ipv4, *given.device.ipv6),
            companions=tuple(given.device.companions),
            local_networks=tuple(given.local_networks),
            events=tuple(Event(event.t, event.type, event.scope) for event in given.events),
            canary=_canary(folder, given.canary),
            endpoints=tuple(DeclaredEndpoint(**entry.model_dump()) for entry in endpoints or []),
            endpoints_declared=endpoints is not None,
            declared_kinds=tuple(given.declaration.kinds),
            keylog=_keylog(folder, given.keylog),
            policy=_policy(given.policy, str(path)),
            bearers=given.bearers,
            stimuli_confirmed=given.stimuli_confirmed,
            interception=given.interception,
            bench_ca_sha256=tuple(given.bench_ca_sha256),
            traps=tuple(given.traps),
            capture_drops=given.capture_drops,
        )
        _ = (context.locals, context.device_networks, context.device_macs)
    except ValueError as error:
        raise UsageError(
            "USE-CTX-001", f"an address or key does not parse: {error}", where=str(path), expected="addresses, hex"
        ) from error
    return context
