from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.uplink import AccessPoint, AccessPointSettings
from pytest_conformance.errors import InstrumentError, LinkError, MethodError, UsageError
from pytest_conformance.simulation.network import add_network, addresses, namespaces
from pytest_conformance.simulation.world import Options, World

NO_NAMESPACES = pytest.mark.skipif(bool(namespaces.missing()), reason=f"no namespaces: {namespaces.missing()}")
HOST = "api.cloud.example"


@dataclass
class Bench:
    world: World
    uplink: AccessPoint


@pytest.fixture(params=["relay", pytest.param("namespace", marks=NO_NAMESPACES)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    world = World(Options("none", door=request.param, folder=tmp_path))
    add_network(world)
    try:
        entry: Any = world.start()["access-point"]
        world.net.add_host(HOST, addresses.CLOUD)
        context = DriverContext("uplink", RealClock(), tmp_path)
        yield Bench(world, AccessPoint.open(AccessPointSettings(**entry), context))
    finally:
        world.stop()


WRITE = "import sys; open(sys.argv[1], 'a').write(' '.join(sys.argv[2:]) + chr(10))"


def writer(path: Path, *words: str) -> tuple[str, ...]:
    """Return a command that appends `words` to the file at `path`."""
    return (sys.executable, "-c", WRITE, str(path), *words)


def test_cut_and_restore_reach_the_network(bench: Bench) -> None:
    bench.uplink.cut()
    assert bench.world.net.up.value is False
    assert not bench.uplink.is_up()
    bench.uplink.restore()
    assert bench.world.net.up.value is True
    assert bench.uplink.is_up()


def test_closing_restores_what_was_cut(bench: Bench) -> None:
    bench.uplink.cut()
    bench.uplink.close()
    bench.uplink.close()
    assert bench.world.net.up.value is True


def test_the_clock_that_the_segment_tells_is_moved_and_set_right_on_closing(bench: Bench) -> None:
    bench.uplink.move_clock(3600.0)
    assert bench.world.net.wall() - time.time() == pytest.approx(3600.0, abs=5)
    with contextlib.closing(bench.world.net.udp("device")) as asking:
        asking.settimeout(5)
        asking.sendto(b"\x23" + bytes(47), (addresses.ACCESS_POINT, addresses.NTP_PORT))
        (told,) = struct.unpack_from(">I", asking.recvfrom(512)[0], 40)
    assert told - 2_208_988_800 - time.time() == pytest.approx(3600.0, abs=5)
    assert bench.uplink.times_asked() == 1
    bench.uplink.close()
    assert bench.world.net.ahead == 0.0


def test_the_device_is_reached_where_the_access_point_says(bench: Bench) -> None:
    listener = bench.world.net.listen(18090)
    with socket.create_connection((bench.uplink.device_address(), 18090), timeout=5):
        listener.accept()[0].close()
    listener.close()


def test_the_door_is_named(bench: Bench) -> None:
    assert bench.uplink.door == bench.world.options.door


def test_an_interception_tells_who_verifies(bench: Bench) -> None:
    net = bench.world.net
    with bench.uplink.intercept(HOST) as interception:
        with net.connect(HOST, 443) as plain, pytest.raises(ssl.SSLCertVerificationError):
            net.tls_context().wrap_socket(plain, server_hostname=HOST)
        with net.connect(HOST, 443) as plain:
            secure = net.tls_context(verify=False).wrap_socket(plain, server_hostname=HOST)
            secure.sendall(b"the secret")
            secure.close()
        seen = interception.handshakes()
    assert sorted((one.completed, one.alert, one.application_bytes) for one in seen) == [
        (False, "unknown_ca", 0),
        (True, "", 10),
    ]
    assert net.resolve(HOST) == addresses.CLOUD


def test_a_port_is_blocked_for_as_long_as_it_is_asked_for(bench: Bench) -> None:
    net = bench.world.net
    served = {port: net.serve(addresses.CLOUD, port, "udp") for port in (443, 444)}

    def passes(port: int) -> bool:
        served[port].settimeout(0.3)
        with contextlib.closing(net.udp("device")) as line:
            try:
                line.sendto(b"hello", (addresses.CLOUD, port))
                return served[port].recvfrom(99)[0] == b"hello"
            except OSError:
                return False

    assert (passes(443), passes(444)) == (True, True)
    with bench.uplink.blocked("udp", 443):
        assert (passes(443), passes(444)) == (False, True)
        net.serve(addresses.CLOUD, 443)
        net.connect(HOST, 443).close()
    assert (passes(443), passes(444)) == (True, True)
    with pytest.raises(ZeroDivisionError), bench.uplink.blocked("udp", 443):
        raise ZeroDivisionError
    assert passes(443)


def test_an_interception_ends_when_its_block_fails(bench: Bench) -> None:
    with pytest.raises(ZeroDivisionError), bench.uplink.intercept(HOST):
        raise ZeroDivisionError
    assert bench.world.net.resolve(HOST) == addresses.CLOUD


def test_a_host_that_does_not_exist_cannot_be_intercepted(bench: Bench) -> None:
    with pytest.raises(LinkError, match=r"nobody\.example") as failure, bench.uplink.intercept("nobody.example"):
        pytest.fail("entered")
    assert failure.value.code == "BEN-APN-001"


def test_a_killed_access_point_is_a_broken_link(bench: Bench) -> None:
    bench.world.far_end("access-point").kill()
    for order in (bench.uplink.cut, bench.uplink.identity, bench.uplink.device_address):
        with pytest.raises(LinkError) as failure:
            order()
        assert failure.value.code == "BEN-APN-001"


def test_a_laboratorys_commands_are_run_with_their_places_filled(context: DriverContext, tmp_path: Path) -> None:
    log = tmp_path / "log"
    settings = AccessPointSettings(
        device="192.0.2.50",
        cut_command=writer(log, "cut"),
        restore_command=writer(log, "restore; rm -rf"),
        intercept_command=writer(log, "take", "{host}", "{address}"),
        release_command=writer(log, "give", "{host}"),
        clock_command=writer(log, "time", "{ahead}"),
        block_command=writer(log, "block", "{transport}", "{port}"),
        unblock_command=writer(log, "unblock", "{transport}", "{port}"),
    )
    uplink = AccessPoint.open(settings, context)
    uplink.cut()
    uplink.restore()
    with uplink.intercept(HOST):
        pass
    with uplink.blocked("udp", 443):
        pass
    uplink.move_clock(90.4)
    uplink.close()
    assert uplink.times_asked() is None
    assert log.read_text().splitlines() == [
        "cut",
        "restore; rm -rf",
        f"take {HOST} 127.0.0.1",
        f"give {HOST}",
        "block udp 443",
        "unblock udp 443",
        "time 90",
        "time 0",
    ]
    assert uplink.device_address() == "192.0.2.50"
    assert uplink.foreign_ports() == frozenset()
    assert uplink.door == "commands"


@pytest.mark.parametrize(
    "command", [(sys.executable, "-c", "raise SystemExit('no such table')"), ("/no/such/program",)]
)
def test_a_command_that_fails_is_the_benchs_fault(context: DriverContext, command: tuple[str, ...]) -> None:
    uplink = AccessPoint.open(AccessPointSettings(cut_command=command, restore_command=command), context)
    with pytest.raises(InstrumentError, match=r"no such table|No such file") as failure:
        uplink.cut()
    assert failure.value.code == "BEN-APN-003"


def test_what_the_settings_cannot_do_is_a_matter_of_method(context: DriverContext) -> None:
    uplink = AccessPoint.open(AccessPointSettings(cut_command=("true",), restore_command=("true",)), context)
    with pytest.raises(MethodError) as failure:
        uplink.device_address()
    assert failure.value.code == "MET-APN-001"
    with pytest.raises(MethodError) as failure, uplink.intercept(HOST):
        pytest.fail("entered")
    assert failure.value.code == "MET-APN-002"
    with pytest.raises(MethodError) as failure:
        uplink.move_clock(60.0)
    assert failure.value.code == "MET-APN-003"
    with pytest.raises(MethodError) as failure, uplink.blocked("udp", 443):
        pytest.fail("entered")
    assert failure.value.code == "MET-APN-004"


def test_an_access_point_without_address_or_commands_is_refused(context: DriverContext) -> None:
    with pytest.raises(UsageError) as failure:
        AccessPoint.open(AccessPointSettings(cut_command=("true",)), context)
    assert failure.value.code == "USE-APN-001"
