"""The declaration as a whole: schema `conformance-declaration/1`, and what tests ask of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from pytest_conformance.declaration.ixit import TABLES, IxitTables, Row, Tables
from pytest_conformance.declaration.sections import (
    Account,
    Consent,
    Credential,
    Endpoint,
    Function,
    Ics,
    Interface,
    Minors,
    PersonalData,
    Precision,
    Sample,
    Sensor,
    Timing,
    Traffic,
    Url,
)
from pytest_conformance.errors import MethodError
from pytest_conformance.quantities import Rate
from pytest_conformance.yamlfile.model import FileModel, Name, Text
from pytest_conformance.yamlfile.problems import nearest
from pytest_conformance.yamlfile.scalars import Bare

if TYPE_CHECKING:
    from pytest_conformance.catalogue.applicability import Support

SCHEMA = "conformance-declaration/1"
Kind = Literal["lock", "camera", "wearable", "speaker", "learning_tablet", "terminal"]
FeatureValue = bool | int | float | str


def _feature(value: object) -> object:
    if isinstance(value, Bare):
        message = f'write true or false; if the word itself is meant, write it in quotes: "{value}"'
        raise PydanticCustomError("feature", "{message}", {"message": message, "code": "USE-FIL-014"})
    if not isinstance(value, bool | int | float | str):
        raise PydanticCustomError("feature", "a feature is true, false, a number or a word")
    return value


class Sent(Protocol):
    """Something that left: its kind of data, and the scopes of the consents that were in force when it was sent."""

    @property
    def kind(self) -> str: ...
    @property
    def consents(self) -> Collection[str]: ...


class Declaration(FileModel):
    """What a supplier claims of a device. Frozen; `digest` is the SHA-256 of the file that was read."""

    format: Literal["conformance-declaration/1"] = Field(alias="schema")
    kind: Kind
    model: Text
    identifies_as: Text | None = None
    """What the device calls itself, where that is not `model`."""
    manufacturer: Text
    firmware: Text
    firmware_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the firmware's image, where the supplier gives one: what a signed record is about."""
    hardware: Text
    market: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...], Field(min_length=1)]
    driver: Name
    rules_url: Url
    samples: Annotated[tuple[Sample, ...], Field(min_length=1)]
    features: Mapping[str, Annotated[FeatureValue, BeforeValidator(_feature)]]
    consents: tuple[Consent, ...] = ()
    personal_data: tuple[PersonalData, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    traffic: Traffic = Traffic()
    sensors: tuple[Sensor, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    credentials: tuple[Credential, ...] = ()
    functions: tuple[Function, ...] = ()
    accounts: tuple[Account, ...] = ()
    timing: Timing
    keylog: Literal["lent", "not-lent"] = "not-lent"
    flash: Literal["lent", "not-lent"] = "not-lent"
    minors: Minors | None = None
    statement: Mapping[str, Ics] = Field(default_factory=dict, alias="ics")
    tables: IxitTables = Field(default_factory=IxitTables, alias="ixit")  # type: ignore[valid-type]

    @property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes, hexadecimal."""
        return self.digest

    @cached_property
    def ics(self) -> Mapping[str, Support]:
        """The supplier's answers by clause id, as the catalogue's applicability takes them."""
        from pytest_conformance.catalogue.applicability import Support

        answers = {"yes": Support.YES, "no": Support.NO, "not_applicable": Support.NOT_APPLICABLE}
        return {clause: answers[answer.support] for clause, answer in self.statement.items()}

    def feature(self, name: str) -> FeatureValue:
        """Return the declared value of feature `name`; MethodError MET-DEC-010 when the supplier did not say."""
        if name in self.features:
            return self.features[name]
        raise self._silent("MET-DEC-010", f"feature {name!r}", "features", nearest(name, self.features))

    def consent(self, scope: str) -> Consent:
        """Return the consent `scope`; MethodError MET-DEC-001 when it is not declared."""
        found = {consent.scope: consent for consent in self.consents}
        if scope in found:
            return found[scope]
        raise self._silent("MET-DEC-001", f"consent {scope!r}", "consents", nearest(scope, found))

    def consented(self, sent: Sent | str, scope: str) -> bool:
        """Tell whether the consent `scope` covers `sent`: its kind of data, and in force when it was sent.

        A kind alone (text) asks only whether the consent, once given, would cover it.
        """
        covered = self.consent(scope).data
        if isinstance(sent, str):
            return sent in covered
        return sent.kind in covered and scope in sent.consents

    @property
    def tls_hosts(self) -> tuple[str, ...]:
        """The hosts to which the device itself is declared to speak through TLS, each once."""
        return tuple(dict.fromkeys(each.host for each in self.endpoints if each.encrypted and each.sender == "device"))

    @property
    def cloud_consents(self) -> tuple[Consent, ...]:
        """The separate, optional consents under which personal data goes to the cloud."""
        kept = {data.kind: data.kept for data in self.personal_data}
        return tuple(
            each
            for each in self.consents
            if each.separate
            and each.optional
            and each.data
            and all("cloud" in kept.get(kind, ()) for kind in each.data)
        )

    def kinds_under(self, scope: str) -> tuple[str, ...]:
        """Return the kinds of data that the consent `scope` covers."""
        return self.consent(scope).data

    @property
    def personal_kinds(self) -> frozenset[str]:
        """The declared kinds of personal data."""
        return frozenset(data.kind for data in self.personal_data)

    @property
    def longest_deletion(self) -> float:
        """Seconds after which everything that was deleted or withdrawn should be gone."""
        times = [data.deleted_within for data in self.personal_data]
        return max([*times, *(consent.withdrawal.within for consent in self.consents)], default=0.0)

    def allows(self, kind: str, host: str, port: int) -> bool:
        """Tell whether an endpoint at `host` and `port` is declared to get data of `kind`, from device or phone."""
        return any(kind in endpoint.kinds for endpoint in self.endpoints if endpoint.matches(host, port))

    def endpoint_for(self, host: str, port: int, sender: str | None = None) -> Endpoint | None:
        """Return the declared endpoint at `host` and `port`, of `sender` ("device", "phone") when given, else None."""
        for endpoint in self.endpoints:
            if endpoint.matches(host, port) and sender in (None, endpoint.sender):
                return endpoint
        return None

    def ixit(self, table: str, row: str) -> Row:
        """Return the row `row` of `table`; MethodError MET-DEC-011 when it is not declared."""
        found = {each.id: each for each in self.ixit_rows(table)}
        if row in found:
            return found[row]
        raise self._silent("MET-DEC-011", f"row {row!r} of IXIT table {table}", f"ixit: {table}", nearest(row, found))

    def ixit_rows(self, table: str) -> tuple[Row, ...]:
        """Return the rows of `table` ("1-AuthMech"); MethodError MET-DEC-011 when there is no such table."""
        if table not in TABLES:
            raise self._silent("MET-DEC-011", f"IXIT table {table!r}", "ixit", nearest(table, TABLES))
        tables: Tables = self.tables
        return tables.rows(table)

    def personal(self, kind: str) -> PersonalData:
        """Return what is declared of personal data `kind`; MethodError MET-DEC-012 when nothing is."""
        found = {data.kind: data for data in self.personal_data}
        if kind in found:
            return found[kind]
        raise self._silent("MET-DEC-012", f"personal data {kind!r}", "personal_data", nearest(kind, found))

    def retention(self, kind: str) -> float | None:
        """Return for how many seconds `kind` is kept; None until it is deleted."""
        return self.personal(kind).retention

    def rate(self, kind: str) -> Rate | None:
        """Return how often `kind` is taken or sent at most; None when no rate is declared."""
        return self.personal(kind).rate

    def precision(self, kind: str) -> Precision | None:
        """Return how precise `kind` is at most; None when no precision is declared."""
        return self.personal(kind).precision

    def credential(self, name: str) -> Credential:
        """Return the credential with that name or id; MethodError MET-DEC-013 when it is not declared."""
        for credential in self.credentials:
            if name in (credential.name, credential.id):
                return credential
        known = [credential.name for credential in self.credentials]
        raise self._silent("MET-DEC-013", f"credential {name!r}", "credentials", nearest(name, known))

    def sensor(self, name: str) -> Sensor:
        """Return the sensor `name`; MethodError MET-DEC-002 when it is not declared."""
        found = {sensor.name: sensor for sensor in self.sensors}
        if name in found:
            return found[name]
        raise self._silent("MET-DEC-002", f"sensor {name!r}", "sensors", nearest(name, found))

    def account(self, role: str) -> Account:
        """Return the account that the bench plays in `role`; MethodError MET-DEC-014 when there is none."""
        found = {account.role: account for account in self.accounts}
        if role in found:
            return found[role]
        raise self._silent("MET-DEC-014", f"account for {role!r}", "accounts", nearest(role, found))

    def _silent(self, code: str, what: str, section: str, near: str) -> MethodError:
        meant = f"; did you mean {near!r}?" if near else ""
        return MethodError(
            code,
            f"the declaration of {self.model!r} has no {what}{meant}",
            where=self.place((section,)),
            todo=f"add it to `{section}`",
        )

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: Any) -> bool:
        return self is other
