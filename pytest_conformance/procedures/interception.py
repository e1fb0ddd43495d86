"""Run A passive, run B with mitmproxy in between: what can be opened, and does the device behave the same?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from pytest_conformance.analysis.traffic.parity import EndpointState, Outcome, Parity, alone, parity, state_of
from pytest_conformance.analysis.traffic.slots import TOTAL
from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.traffic import Recording, Spoken, Tap, Traffic

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.roles import Device, Done
    from pytest_conformance.drivers.interceptor import Interceptor, Route
    from pytest_conformance.drivers.roles import Cloud, Uplink
    from pytest_conformance.record import Run

QUIC: Final[tuple[Literal["udp"], int]] = ("udp", 443)
"""Blocked in run B, so that a device which prefers QUIC falls back to TCP, where it can be read."""
REPEATS = 5
"""Uses of each function in each run: with five in both, Mann-Whitney can reach 1 %."""


@dataclass(frozen=True)
class Interception:
    """The same uses twice: passive, and with mitmproxy in between whose authority the test build was told to trust.

    `states` has one row for each host of the declaration, `parity` compares the bytes of each use, by function and
    host. `trusted` is how installing the authority went. UDP 443 was blocked in run B; where it could not be,
    `not_blocked` says why.
    """

    trusted: Done
    passive: Traffic
    intercepted: Traffic
    states: tuple[EndpointState, ...]
    parity: Mapping[str, tuple[Parity, ...]]
    outcomes: tuple[Outcome, ...]
    version: str
    not_blocked: str
    evidence: tuple[str, ...]

    def differs(self) -> tuple[str, ...]:
        """Return in words where the device behaves differently when somebody stands in between."""
        rows = ((name, each) for name, compared in self.parity.items() for each in compared)
        differing = tuple(f"{name}, {each.host}: {each.why}" for name, each in rows if not each.agrees)
        return (*differing, *alone(self.passive.volumes, self.intercepted.volumes))

    def closed(self) -> tuple[EndpointState, ...]:
        """Return the hosts whose content could not be opened."""
        return tuple(each for each in self.states if each.state not in ("decrypted", "accepted-unknown-ca"))

    def quic(self) -> tuple[str, ...]:
        """Return the hosts on the internet to which bytes went over UDP 443 in either run."""
        spoken = (*self.passive.endpoints, *self.intercepted.endpoints)
        return tuple(dict.fromkeys(each.host for each in spoken if _is_quic(each) and each.bytes_up))

    def require_speaks_for_the_device(self) -> None:
        """Refuse to conclude from what was read in between when it says nothing of the device left alone.

        Raises MethodError MET-INT-002 (it behaves differently), MET-INT-003 (a host stays closed: pinned, ...) or
        MET-INT-004 (it may have spoken past the interceptor over QUIC, which could not be blocked).
        """
        if self.not_blocked and (quic := self.quic()):
            raise MethodError(
                "MET-INT-004",
                f"quic-not-blocked: {quic[0]} is spoken to over UDP 443, past the interceptor ({self.not_blocked})",
                expected="UDP 443 blocked in run B, so that the device falls back to TCP",
                todo="give the access point block_command and unblock_command (docs/network.md)",
            )
        for each in self.closed():
            name = "pinned" if each.state == "refused" else each.state
            raise MethodError(
                "MET-INT-003",
                f"{name}: {each.host} cannot be opened ({each.why})",
                expected="content that can be read in between",
                todo="install the bench's authority by the test build, or lend the session keys",
            )
        if different := self.differs():
            raise MethodError(
                "MET-INT-002",
                f"behaves-differently-under-interception: {'; '.join(different[:3])}",
                expected="the same bytes for the same use in both runs, to the same hosts",
                todo="ask for the endpoint's log, or for the session keys of the passive run",
            )


@procedure
def interception(
    device: Device,
    bench: Bench,
    uplink: Uplink,
    cloud: Cloud,
    run: Run,
    tap: Tap,
    declaration: Declaration,
    profile: Profile,
) -> Interception:
    """Use every function with nobody in between, then with mitmproxy in between; compare, and read what it opened."""
    from pytest_conformance.drivers.interceptor import Interceptor, find_mitmdump

    find_mitmdump()
    places = _upstreams(declaration, cloud)
    with run.step("Setup", "Factory reset, set up, cloud consents declined"):
        scopes = {each.scope for each in declaration.cloud_consents}
        device.factory_reset()
        device.first_use({each.scope: each.scope not in scopes for each in declaration.consents})
        functions = device.functions()
    with tap.watch("run-a-passive") as before, run.step("Stimulate", "Run A: nobody in between"):
        _use(device, bench, before, functions)
    between = Interceptor(places, bench.clock, upstream_authority=cloud.authority)
    try:
        trusted = device.trust(between.authority)
        with (
            tap.watch("run-b-intercepted", more_keys=between.keys) as after,
            run.step("Stimulate", "Run B: mitmproxy in between, UDP 443 blocked"),
            _diverted(uplink, between, places),
        ):
            not_blocked = _without_quic(uplink, run, lambda: _use(device, bench, after, functions))
        outcomes, version = between.outcomes(), between.version
    finally:
        between.close()
    hosts = [each.host for each in places]
    return _observed(before.result(), after.result(), hosts, functions, outcomes, trusted, version, not_blocked)


def _upstreams(declaration: Declaration, cloud: Cloud) -> list[Route]:
    from pytest_conformance.drivers.interceptor import Route

    wanted = {each.host: each.port for each in declaration.endpoints if each.encrypted and each.sender == "device"}
    return [Route(host, cloud.reach(host, port) or (host, port)) for host, port in wanted.items()]


def _diverted(uplink: Uplink, between: Interceptor, places: Sequence[Route]) -> ExitStack:
    stack = ExitStack()
    for route in places:
        stack.enter_context(uplink.diverted(route.host, "127.0.0.1", between.port(route.host)))
    return stack


def _without_quic(uplink: Uplink, run: Run, use: Callable[[], None]) -> str:
    """Do `use` with UDP 443 blocked, or without where nothing here can block it; return why not, "" when it was."""
    transport, port = QUIC
    with ExitStack() as stack:
        reason = ""
        try:
            stack.enter_context(uplink.blocked(transport, port))
        except MethodError as error:
            reason = str(error)
        run.event("x-quic", {"blocked": not reason, "transport": transport, "port": port, "reason": reason})
        use()
    return reason


def _is_quic(spoken: Spoken) -> bool:
    return spoken.scope == "internet" and (spoken.transport, spoken.port) == QUIC


def _use(device: Device, bench: Bench, recording: Recording, functions: Sequence[str]) -> None:
    for function in functions:
        for number in range(REPEATS):
            with recording.slot(f"{function} {number + 1}"):
                device.use(function)
                bench.clock.sleep(5.0)
            bench.clock.sleep(5.0)


def _observed(
    one: Traffic,
    other: Traffic,
    hosts: Sequence[str],
    functions: Sequence[str],
    outcomes: tuple[Outcome, ...],
    trusted: Done,
    version: str,
    not_blocked: str,
) -> Interception:
    reached = {each.host for each in one.endpoints if each.bytes_up}
    states = [
        state_of(each, outcomes, authority_installed=trusted.ok, passed_through=each in reached) for each in hosts
    ]
    compared = {name: parity(_uses(one, number), _uses(other, number)) for number, name in enumerate(functions)}
    return Interception(
        trusted, one, other, tuple(states), compared, outcomes, version, not_blocked, (*one.evidence, *other.evidence)
    )


def _uses(traffic: Traffic, function: int) -> dict[str, tuple[float, ...]]:
    """Return the bytes of each use of one function, by host."""
    span = slice(function * REPEATS, (function + 1) * REPEATS)
    return {host: row[span] for host, row in traffic.volumes.items() if host != TOTAL}
