"""What contradicts itself within one declaration: double names, references into nothing, features against facts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pytest_conformance.declaration.ixit import TABLES, referring_fields
from pytest_conformance.declaration.model import Declaration
from pytest_conformance.declaration.sections import NOT_PERSONAL
from pytest_conformance.yamlfile.compose import Path
from pytest_conformance.yamlfile.problems import nearest


@dataclass(frozen=True)
class Found:
    """A contradiction at `path`."""

    code: str
    path: Path
    message: str
    meant: str = ""
    severity: Literal["error", "warning"] = "error"
    on_key: bool = False


def contradictions(declaration: Declaration) -> list[Found]:
    """Return what contradicts itself in `declaration`, in no particular order."""
    return [*_doubles(declaration), *_references(declaration), *_table_references(declaration), *_facts(declaration)]


_UNIQUE: Sequence[tuple[str, Callable[[Any], Sequence[tuple[str, object]]]]] = (
    ("samples", lambda each: [("id", each.id), ("serial", each.serial), ("mac", each.mac)]),
    ("consents", lambda each: [("scope", each.scope)]),
    ("personal_data", lambda each: [("kind", each.kind)]),
    ("endpoints", lambda each: [("id", each.id)]),
    ("sensors", lambda each: [("name", each.name)]),
    ("interfaces", lambda each: [("id", each.id), ("port", each.port and (each.transport, each.port))]),
    ("credentials", lambda each: [("id", each.id), ("name", each.name)]),
    ("functions", lambda each: [("name", each.name)]),
    ("accounts", lambda each: [("role", each.role)]),
)


def _doubles(declaration: Declaration) -> Iterator[Found]:
    for section, values_of in _UNIQUE:
        seen: dict[tuple[str, object], Path] = {}
        for index, each in enumerate(getattr(declaration, section)):
            for key, value in values_of(each):
                yield from _double(declaration, seen, (section, index, key), (key, value))
    rows: dict[tuple[str, object], Path] = {}
    for table in TABLES:
        for index, row in enumerate(declaration.ixit_rows(table)):
            yield from _double(declaration, rows, ("ixit", table, index, "id"), (table, row.id))


def _double(
    declaration: Declaration, seen: dict[tuple[str, object], Path], path: Path, value: tuple[str, object]
) -> Iterator[Found]:
    if value[1] is None:
        return
    if value in seen:
        shown = " ".join(map(str, value[1])) if isinstance(value[1], tuple) else value[1]
        yield Found("USE-DEC-003", path, f"{path[-1]} {shown!r} is there already, at {declaration.place(seen[value])}")
    seen.setdefault(value, path)


def _references(declaration: Declaration) -> Iterator[Found]:
    scopes = {each.scope for each in declaration.consents}
    kinds = {each.kind for each in declaration.personal_data}
    credentials = {each.id for each in declaration.credentials}
    interfaces = {each.id for each in declaration.interfaces}
    for index, consent in enumerate(declaration.consents):
        yield from _known(consent.data, kinds, ("consents", index, "data"), "personal data")
    for index, data in enumerate(declaration.personal_data):
        yield from _known(data.consents, scopes, ("personal_data", index, "consents"), "consent")
        yield from _covered(declaration, index)
    for index, endpoint in enumerate(declaration.endpoints):
        yield from _known(endpoint.kinds, kinds | NOT_PERSONAL, ("endpoints", index, "kinds"), "personal data")
        yield from _one(endpoint.after, scopes, ("endpoints", index, "after"), "consent")
        mechanisms = {row.id for row in declaration.ixit_rows("11-SecComMech")}
        yield from _one(endpoint.mechanism, mechanisms, ("endpoints", index, "mechanism"), "row of IXIT 11-SecComMech")
    for index, interface in enumerate(declaration.interfaces):
        path: Path = ("interfaces", index, "authentication")
        yield from _one(interface.authentication, credentials | {"none"}, path, "credential")
        yield from _described(declaration, "28-LogIntf", interface.id, ("interfaces", index, "id"))
    for index, credential in enumerate(declaration.credentials):
        yield from _one(credential.interface, interfaces, ("credentials", index, "interface"), "interface")
        yield from _described(declaration, "1-AuthMech", credential.id, ("credentials", index, "id"))
    for index, function in enumerate(declaration.functions):
        yield from _known(function.needs, scopes, ("functions", index, "needs"), "consent")
    if declaration.minors is not None:
        yield from _one(declaration.minors.guardian_consent, scopes, ("minors", "guardian_consent"), "consent")


def _known(named: Sequence[str], known: Collection[str], path: Path, what: str) -> Iterator[Found]:
    for index, name in enumerate(named):
        yield from _one(name, known, (*path, index), what)


def _one(name: str | None, known: Collection[str], path: Path, what: str) -> Iterator[Found]:
    if name is not None and name not in known:
        yield Found("USE-DEC-004", path, f"no {what} {name!r} is declared", meant=nearest(name, known))


def _described(declaration: Declaration, table: str, row: str, path: Path) -> Iterator[Found]:
    if row not in {each.id for each in declaration.ixit_rows(table)}:
        yield Found("USE-DEC-005", path, f"IXIT table {table} has no row {row!r}")


def _covered(declaration: Declaration, index: int) -> Iterator[Found]:
    """Consents and data name each other: a consent that the data names must cover it, and the other way round."""
    data = declaration.personal_data[index]
    path: Path = ("personal_data", index, "consents")
    if data.basis == "consent" and not data.consents:
        message = f"{data.kind} rests on consent, but names none"
        yield Found("USE-DEC-006", ("personal_data", index, "basis"), message)
    for consent in declaration.consents:
        if (consent.scope in data.consents) != (data.kind in consent.data):
            one, other = ("the data", "the consent") if consent.scope in data.consents else ("the consent", "the data")
            message = f"{data.kind} and consent {consent.scope!r} disagree: {one} names {other}, but not the reverse"
            yield Found("USE-DEC-006", path, message)


def _table_references(declaration: Declaration) -> Iterator[Found]:
    for table, fields in referring_fields().items():
        for index, row in enumerate(declaration.ixit_rows(table)):
            for field, targets in fields.items():
                known = {each.id for target in targets for each in declaration.ixit_rows(target)}
                path: Path = ("ixit", table, index, field)
                yield from _known(row.references(field), known, path, f"row of IXIT {' or '.join(targets)}")


_REQUIRES: Mapping[str, tuple[str, ...]] = {
    "collects_face": ("camera", "collects_pi", "collects_sensitive_pi"),
    "collects_voiceprint": ("microphone", "collects_pi", "collects_sensitive_pi"),
    "collects_fingerprint": ("collects_pi", "collects_sensitive_pi"),
    "collects_location": ("collects_pi", "collects_sensitive_pi"),
    "collects_health": ("collects_pi", "collects_sensitive_pi"),
    "collects_sensitive_pi": ("collects_pi",),
    "cloud": ("networked",),
    "cloud_face_consent": ("collects_face", "cloud"),
    "third_party_sharing": ("collects_pi",),
    "cross_border": ("collects_pi", "networked"),
    "preset_passwords": ("password_authentication",),
    "automatic_updates": ("updatable_software",),
    "network_updates": ("networked", "updatable_software"),
    "service_sensitive_data": ("service_personal_data", "collects_sensitive_pi"),
    "service_personal_data": ("collects_pi", "networked"),
    "consent_based_processing": ("collects_pi",),
    "physical_debug_port": ("debug_interfaces",),
}
"""A feature that is true makes these true as well."""


def _facts(declaration: Declaration) -> Iterator[Found]:
    features = declaration.features
    for name, needed in _REQUIRES.items():
        for other in needed:
            if features.get(name) is True and features.get(other) is False:
                message = f"{name} is true, but {other} is false"
                yield Found("USE-DEC-010", ("features", name), message)
    if features.get("product", declaration.kind) != declaration.kind:
        message = f"product is {features['product']!r}, but the kind of device is {declaration.kind!r}"
        yield Found("USE-DEC-010", ("features", "product"), message)
    yield from _bases(declaration)
    for name, shown, path in _shown(declaration):
        if features.get(name) is False:
            yield Found("USE-DEC-011", path, f"{shown}, but the feature {name} is false")
    yield from _missing(declaration)


def _bases(declaration: Declaration) -> Iterator[Found]:
    for basis, processed in (("legal_basis", "collects_pi"), ("face_legal_basis", "collects_face")):
        value, collects = declaration.features.get(basis), declaration.features.get(processed)
        if value is not None and isinstance(collects, bool) and (value == "none") == collects:
            message = f"{basis} is {value!r}, but {processed} is {str(collects).lower()}"
            yield Found("USE-DEC-010", ("features", basis), message)


_FEATURE_OF_SENSOR: Mapping[str, str] = {
    "face": "camera",
    "video": "camera",
    "audio": "microphone",
    "location": "collects_location",
    "heart_rate": "collects_health",
    "fingerprint": "collects_fingerprint",
}


def _shown(declaration: Declaration) -> Iterator[tuple[str, str, Path]]:
    """Yield feature, fact and place for each fact that makes a feature true."""
    for index, endpoint in enumerate(declaration.endpoints):
        if endpoint.sender == "device":
            yield "networked", f"the device speaks to {endpoint.host}", ("endpoints", index, "host")
        else:
            yield "companion_app", f"the companion app speaks to {endpoint.host}", ("endpoints", index, "host")
    for index, data in enumerate(declaration.personal_data):
        yield "collects_pi", f"personal data {data.kind} is declared", ("personal_data", index, "kind")
        if data.sensitive:
            yield "collects_sensitive_pi", f"{data.kind} is sensitive", ("personal_data", index, "sensitive")
        if "cloud" in data.kept:
            yield "cloud", f"{data.kind} is kept in the cloud", ("personal_data", index, "kept")
    for index, sensor in enumerate(declaration.sensors):
        if (feature := _FEATURE_OF_SENSOR.get(sensor.senses)) is not None:
            yield feature, f"sensor {sensor.name} senses {sensor.senses}", ("sensors", index, "senses")
    for index, credential in enumerate(declaration.credentials):
        if credential.kind == "preset_per_device":
            yield "preset_passwords", f"{credential.name} is preset", ("credentials", index, "kind")
        if credential.over in ("network", "ble"):
            yield (
                "network_authentication",
                f"{credential.name} is asked for over {credential.over}",
                (
                    "credentials",
                    index,
                    "over",
                ),
            )
    for index, consent in enumerate(declaration.consents):
        if consent.asked == "companion":
            yield "companion_app", f"consent {consent.scope} is asked for in the app", ("consents", index, "asked")


def _missing(declaration: Declaration) -> Iterator[Found]:
    """Features that are true although nothing in the declaration bears them out."""
    senses = {_FEATURE_OF_SENSOR.get(sensor.senses) for sensor in declaration.sensors}
    for name in sorted(set(_FEATURE_OF_SENSOR.values())):
        if declaration.features.get(name) is True and name not in senses:
            yield Found("USE-DEC-012", ("features", name), f"{name} is true, but no sensor of that sort is declared")
    borne = (
        ("collects_pi", declaration.personal_data, "personal_data"),
        ("minors", declaration.minors, "minors"),
        (
            "preset_passwords",
            [each for each in declaration.credentials if each.kind == "preset_per_device"],
            "credentials",
        ),
        ("cloud", declaration.endpoints, "endpoints"),
    )
    for name, facts, section in borne:
        if declaration.features.get(name) is True and not facts:
            yield Found("USE-DEC-012", ("features", name), f"{name} is true, but nothing in `{section}` says more")
