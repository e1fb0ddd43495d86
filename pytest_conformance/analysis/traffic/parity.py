"""Run A passive, run B intercepted: the state of each endpoint, and whether the device behaves the same in both.

Pure (design, section 10); who starts interceptors lives in `drivers.interceptor`.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ALPHA = 0.01
MEDIANS = 0.2
"""Share by which the medians of both runs may differ."""
TRIES = 3
"""Refusals that make an endpoint `refused`."""


@dataclass(frozen=True)
class Outcome:
    """One connection to an interceptor: for whom, how TLS with the device ended, and what came of it.

    `accepted` is whether the device finished its handshake with the interceptor; `reason` the interceptor's words
    when not, or when it could not speak with the true host; `received` the application bytes that followed.
    """

    host: str
    accepted: bool
    reason: str = ""
    received: int = 0
    server_failed: bool = False


@dataclass(frozen=True)
class EndpointState:
    """What interception says of one endpoint (design, section 10): `state`, and the evidence in words."""

    host: str
    state: str
    why: str


@dataclass(frozen=True)
class Parity:
    """Bytes per event to one host in both runs: p of Mann-Whitney (two-sided), medians, and whether they agree."""

    host: str
    passive: tuple[float, ...]
    intercepted: tuple[float, ...]
    p: float
    agrees: bool
    why: str = ""


def state_of(
    host: str, outcomes: Sequence[Outcome], *, authority_installed: bool, passed_through: bool
) -> EndpointState:
    """Return the state of `host` from what its interceptor saw and whether the true host was reached in run A.

    Connections that are refused make it `refused` also where others to the same host can be read.
    """
    own = [each for each in outcomes if each.host == host]
    accepted = [each for each in own if each.accepted]
    read = sum(each.received for each in accepted)
    if read and not authority_installed:
        return EndpointState(host, "accepted-unknown-ca", "a certificate of an unknown authority was accepted")
    refused = [each for each in own if not each.accepted]
    if len(refused) >= TRIES and passed_through:
        others = f"; {read} bytes of other connections were read" if read else ""
        return EndpointState(host, "refused", f"{len(refused)} of {len(own)} tries: {refused[-1].reason}{others}")
    if read:
        return EndpointState(host, "decrypted", f"{read} bytes were read")
    asked = [each for each in own if each.server_failed and "certificate" in each.reason.lower()]
    if asked:
        return EndpointState(host, "mutual-tls", asked[0].reason)
    if not own:
        return EndpointState(host, "not-interceptable", "the device never came to the interceptor")
    if accepted:
        failed = next((each.reason for each in accepted if each.server_failed), "")
        return EndpointState(host, "not-interceptable", failed or "the device finished the handshake and said nothing")
    why = "it was not reached without an interceptor either" if not passed_through else "too few tries"
    return EndpointState(host, "not-interceptable", f"{len(refused)} refusals, but {why}")


def parity(passive: Mapping[str, Sequence[float]], intercepted: Mapping[str, Sequence[float]]) -> tuple[Parity, ...]:
    """Compare the bytes per event of one type in both runs, host by host; for hosts in one run only see `alone`."""
    hosts = sorted({*passive, *intercepted})
    return tuple(_compared(each, passive.get(each, ()), intercepted.get(each, ())) for each in hosts)


def alone(passive: Mapping[str, Sequence[float]], intercepted: Mapping[str, Sequence[float]]) -> tuple[str, ...]:
    """Return in words which hosts got content in only one of the runs, over all events."""
    before, after = ({host for host, row in run.items() if any(row)} for run in (passive, intercepted))
    return (
        *(f"{host}: content goes to it in run A only" for host in sorted(before - after)),
        *(f"{host}: content goes to it in run B only" for host in sorted(after - before)),
    )


def _compared(host: str, passive: Sequence[float], intercepted: Sequence[float]) -> Parity:
    one, other = tuple(passive), tuple(intercepted)
    if not any(one) and not any(other):
        return Parity(host, one, other, 1.0, True)
    if not one or not other:
        return Parity(host, one, other, 1.0, True)
    from scipy.stats import mannwhitneyu

    p = float(mannwhitneyu(one, other, alternative="two-sided").pvalue)
    before, after = statistics.median(one), statistics.median(other)
    if p <= ALPHA:
        return Parity(host, one, other, p, False, f"bytes per event differ (p {p:.2g})")
    if abs(after - before) > MEDIANS * max(before, 1.0):
        return Parity(host, one, other, p, False, f"medians differ: {before:.0f} and {after:.0f} bytes")
    return Parity(host, one, other, p, True)
