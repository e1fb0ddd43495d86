"""Certificates that a device must refuse: of an authority that it does not know, and in another host's name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.drivers.interception import Authority
from pytest_conformance.errors import MethodError

if TYPE_CHECKING:
    import ssl

    from pytest_conformance.devices.roles import Done
    from pytest_conformance.drivers.roles import Handshake, Uplink
    from pytest_conformance.record import Run

ELSEWHERE = "elsewhere.invalid"
"""The name in a certificate that a device trusts and must not take for its host."""
STRANGER = "unknown_ca"
"""The alert of a device that does not know the authority: it never came to look at the name."""


@dataclass(frozen=True)
class CertificateTrials:
    """What the device did, for each host, with certificates that it must refuse.

    `unknown` are its handshakes with a certificate that nothing vouches for, `misnamed` those with one in another
    name, of an authority that the test build was told to trust. `trusted` is how the telling went; without it
    `misnamed` is empty.
    """

    unknown: Mapping[str, tuple[Handshake, ...]]
    trusted: Done
    misnamed: Mapping[str, tuple[Handshake, ...]]

    def accepted(self) -> tuple[str, ...]:
        """Return in words which certificates were accepted, or got data without any; empty when all were refused."""
        rows = (("a false certificate", self.unknown), ("another host's certificate", self.misnamed))
        return tuple(
            f"{host}: {what} was accepted"
            for what, trials in rows
            for host, handshakes in trials.items()
            if any(each.completed or each.application_bytes for each in handshakes)
        )

    def require_tried(self) -> None:
        """Refuse to conclude from refusals where one of the two certificates was never refused for a host.

        Raises MethodError MET-TRN-002 (the device did not come) or MET-TRN-003 (it cannot be told to trust the bench's
        authority, or does not trust it all the same, so that the name was never looked at).
        """
        _require_came("a certificate of an unknown authority", self.unknown)
        if not self.trusted.ok:
            raise _untold(f"the test build cannot be told to trust the bench's authority ({self.trusted.said})")
        _require_came("a trusted certificate in another host's name", self.misnamed)
        for host, handshakes in self.misnamed.items():
            if all(each.alert == STRANGER for each in handshakes):
                raise _untold(f"{host}: the device refused the authority ({STRANGER}) although it was told to trust it")


def _require_came(what: str, trials: Mapping[str, tuple[Handshake, ...]]) -> None:
    if missing := [host for host, handshakes in trials.items() if not handshakes]:
        raise MethodError(
            "MET-TRN-002",
            f"{what} was not tried: the device did not come to {', '.join(missing)}",
            expected="a connection to each declared TLS host, and its refusal",
            todo="use what makes the device speak to it, or wait longer",
        )


def _untold(why: str) -> MethodError:
    return MethodError(
        "MET-TRN-003",
        f"a trusted certificate in another host's name was not tried: {why}",
        expected="a refusal because of the name",
        todo="have the test build trust the bench's authority (`trust` of the test port), and repeat",
    )


def try_certificates(
    trust: Callable[[str], Done], uplink: Uplink, run: Run, hosts: Iterable[str], use: Callable[[], None]
) -> CertificateTrials:
    """Stand in for each host with each certificate while `use` makes the device speak to it; `trust` tells it to.

    The test build trusts the bench's authority from here on, until the next factory reset.
    """
    names = tuple(dict.fromkeys(hosts))

    def shown(host: str, told: str, context: ssl.SSLContext | None = None) -> tuple[Handshake, ...]:
        with run.step("Stimulate", f"Stand in for {host} with {told}"), uplink.intercept(host, context) as interception:
            use()
            return tuple(interception.handshakes())

    unknown = {host: shown(host, "an untrusted certificate") for host in names}
    authority = Authority("Bench authority")
    trusted = trust(authority.pem)
    elsewhere = authority.context(ELSEWHERE)
    told = f"a trusted certificate for {ELSEWHERE}"
    misnamed = {host: shown(host, told, elsewhere) for host in names} if trusted.ok else {}
    return CertificateTrials(unknown, trusted, misnamed)
