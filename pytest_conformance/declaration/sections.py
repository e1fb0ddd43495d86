"""The sections of a declaration: what a supplier says of consents, data, endpoints, sensors, ports and credentials."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictBool, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from pytest_conformance.quantities import Bytes, Fraction, Hertz, Metres, QuantityError, Rates, Seconds, quantity
from pytest_conformance.yamlfile.model import Count, Name, Part, Positive, Text
from pytest_conformance.yamlfile.scalars import as_written

Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Host = Annotated[
    str,
    Field(
        pattern=r"^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$", max_length=253
    ),
]
"""A host name in lower case; `*.` in front stands for every name below."""
Mac = Annotated[str, Field(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=500)]
Where = Literal["device", "phone", "cloud"]
Side = Literal["device", "companion"]

ENCRYPTED = frozenset({"https", "mqtts", "wss", "tls", "dtls", "quic", "h3", "coaps", "rtsps", "srtp", "doh", "dot"})
"""Protocols that protect what they carry."""

NOT_PERSONAL = frozenset({"device_status", "firmware", "time"})
"""Kinds that an endpoint may name although `personal_data` does not: they are about no person."""


def _refused(message: str, **context: Any) -> PydanticCustomError:
    return PydanticCustomError("declaration", "{message}", {"message": message, **context})


def _retention(value: object) -> float | None:
    if value == "until deleted":
        return None
    if isinstance(value, str):
        try:
            return quantity(value, "s")
        except QuantityError as error:
            raise _refused(f"{error.what}, or 'until deleted'", code="USE-FIL-015", meant=error.meant) from error
    raise _refused("a time with unit or 'until deleted' is due", code="USE-FIL-015")


Retention = Annotated[
    Annotated[float, Field(ge=0)] | None,
    BeforeValidator(_retention),
    WithJsonSchema({"type": "string", "examples": ["7 d", "until deleted"]}),
]
"""Seconds for which data is kept; None until it is deleted."""


def _pixels(value: object) -> object:
    found = re.fullmatch(r"([1-9][0-9]{0,4}) x ([1-9][0-9]{0,4})", value) if isinstance(value, str) else None
    if found is None:
        raise _refused("width and height are due, for example '1280 x 720'")
    return int(found[1]), int(found[2])


class Sample(Part):
    """One unit that was handed in."""

    id: Name
    serial: Text
    mac: Mac | None = None
    firmware: Text | None = None


class Way(Part):
    """How a user reaches something: the labels that are touched one after the other, the control itself last."""

    where: Side
    path: Annotated[tuple[Text, ...], Field(min_length=1)]
    steps: Positive | None = None


class Withdrawal(Way):
    """How a consent is withdrawn, and what follows within which time (seconds)."""

    steps: Positive
    within: Seconds
    effect: Text


class Consent(Part):
    """A consent that is asked for: its scope, the kinds of data that it covers, and how it is withdrawn."""

    scope: Name
    separate: StrictBool
    optional: StrictBool = False
    by: Literal["user", "guardian"] = "user"
    purpose: Text
    data: tuple[Name, ...]
    asked: Side
    steps: Positive
    withdrawal: Withdrawal


class Precision(Part):
    """How precise data is at most; one of these."""

    decimal_places: Count | None = None
    distance: Metres | None = None
    pixels: (
        Annotated[
            tuple[int, int], BeforeValidator(_pixels), WithJsonSchema({"type": "string", "examples": ["1280 x 720"]})
        ]
        | None
    ) = None
    sample_rate: Hertz | None = None

    @model_validator(mode="after")
    def _one(self) -> Precision:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise _refused(f"one of {', '.join(type(self).model_fields)} is due, not {len(given)} of them")
        return self


class PersonalData(Part):
    """One kind of personal data: why, on what basis, where and how long it is kept, how often and precisely taken."""

    kind: Name
    purpose: Text
    sensitive: StrictBool
    basis: Literal["consent", "contract", "legal_duty", "emergency", "other"]
    consents: tuple[Name, ...] = ()
    kept: tuple[Where, ...]
    retention: Retention
    deleted_within: Seconds
    rate: Rates | None = None
    precision: Precision | None = None


class Endpoint(Part):
    """A host that the device or the companion app speaks to; nothing is sent before the consent `after`."""

    id: Name
    host: Host
    port: Port
    protocol: Name
    transport: Literal["tcp", "udp"] = "tcp"
    sender: Literal["device", "phone"] = "device"
    purpose: Text
    after: Name | None = None
    kinds: tuple[Name, ...]
    mechanism: Name | None = None

    @property
    def encrypted(self) -> bool:
        """True when the declared protocol protects what it carries."""
        return self.protocol in ENCRYPTED

    def matches(self, host: str, port: int) -> bool:
        """Tell whether `host` (any case, with or without the final dot) and `port` are this endpoint."""
        name = host.casefold().rstrip(".")
        if self.host.startswith("*."):
            return port == self.port and name.endswith(self.host[1:])
        return port == self.port and name == self.host


class Traffic(Part):
    """What is sent about no person: size of a message about an event, rhythm of signs of life."""

    event_message: Bytes = 1024.0
    heartbeat: Rates | None = None


class Indicator(Part):
    """How the device shows that a sensor works: a lamp of a colour, or something on its screen."""

    lamp: Literal["white", "green", "red", "blue"] | None = None
    screen: Text | None = None
    within: Seconds


class Sensor(Part):
    """A sensor that observes persons, and where a user switches it off."""

    name: Name
    senses: Literal["face", "fingerprint", "video", "audio", "location", "heart_rate", "motion", "other"]
    purpose: Text
    control: Way | None = None
    indicator: Indicator | None = None


class Interface(Part):
    """A logical interface: open with a purpose, or declared closed."""

    id: Name
    transport: Literal["tcp", "udp", "ble"]
    port: Port | None = None
    service: Text | None = None
    protocol: Name
    status: Literal["enabled", "disabled"]
    purpose: Text
    authentication: Name | None = None
    """Id of a credential; "none" when nobody is asked who they are."""

    @model_validator(mode="after")
    def _reachable(self) -> Interface:
        if self.transport == "ble" and self.service is None:
            raise _refused("an interface over ble names its service")
        if self.transport != "ble" and self.port is None:
            raise _refused(f"an interface over {self.transport} names its port")
        return self


class Length(Part):
    """Shortest and longest value of a credential, characters."""

    minimum: Positive
    maximum: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Length:
        if self.minimum > self.maximum:
            raise _refused(f"minimum {self.minimum} is above maximum {self.maximum}", at=("minimum",))
        return self


class Lockout(Part):
    """After `tries` wrong values within `window` seconds nothing is accepted for `duration` seconds."""

    tries: Positive
    window: Seconds
    duration: Seconds
    alarm: StrictBool
    survives_power_cycle: StrictBool


class Credential(Part):
    """A way to authenticate; `id` is its row in table 1-AuthMech."""

    id: Name
    name: Name
    kind: Literal["user_defined", "preset_per_device", "one_time", "biometric", "key"]
    over: Literal["keypad", "screen", "sensor", "network", "ble"]
    interface: Name | None = None
    length: Length | None = None
    alphabet: Text | None = None
    false_acceptance: Fraction | None = None
    """Share of others whom a biometric mechanism takes for the user, as the supplier declares it."""
    false_rejection: Fraction | None = None
    """Share of the user's own attempts that a biometric mechanism rejects, as the supplier declares it."""
    lockout: Lockout | None = None
    change: Way | None = None

    @property
    def characters(self) -> str | None:
        """The alphabet character by character; None when it is not declared."""
        named = {
            "digits": "0123456789",
            "printable": "".join(chr(code) for code in range(32, 127)),
            "hexadecimal": "0123456789abcdef",
        }
        return named.get(self.alphabet, self.alphabet) if self.alphabet else None

    @property
    def entropy(self) -> float:
        """Bits of the shortest value when every one is equally likely; 0 when length or alphabet are not declared."""
        if self.length is None or not self.characters:
            return 0.0
        return self.length.minimum * math.log2(len(set(self.characters)))


class Function(Part):
    """Something that the device does for its user, and the consents without which it cannot."""

    name: Name
    basic: StrictBool
    offline: StrictBool
    needs: tuple[Name, ...]


class Account(Part):
    """A person whom the bench plays. A secret is never in the file: `env:NAME` says where it is."""

    role: Name
    user: Text
    age: Annotated[int, Field(strict=True, ge=0, le=120)] | None = None
    secret: Annotated[str, Field(pattern=r"^env:[A-Z_][A-Z0-9_]*$")] | None = None


class Timing(Part):
    """Times that the supplier claims, seconds: ready after power, decision of a match, recovery, bolt back again."""

    boot: Seconds
    recovery: Seconds
    decision: Seconds | None = None
    relock: Seconds | None = None


class Minors(Part):
    """What is there for children and their guardians."""

    guardian_consent: Name
    controls: tuple[Name, ...]
    content_filter: StrictBool = False
    time_limit_stops_within: Seconds | None = None


class IcsAnswer(Part):
    """The supplier's answer to one provision; written `yes` alone, or with a reason."""

    support: Annotated[Literal["yes", "no", "not_applicable"], BeforeValidator(as_written)]
    reason: Text | None = None


def _answer(value: object) -> object:
    value = as_written(value)
    return {"support": value} if isinstance(value, str) else value


Ics = Annotated[
    IcsAnswer,
    BeforeValidator(_answer),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["yes", "no", "not_applicable"]},
                {
                    "type": "object",
                    "properties": {
                        "support": {"enum": ["yes", "no", "not_applicable"]},
                        "reason": {"type": "string", "minLength": 1},
                    },
                    "required": ["support"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
