"""The capture driver against the simulated network, through both doors."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.clock import DrivenClock, RealClock
from pytest_conformance.drivers.capture import MARKER, CaptureDriver, CaptureSettings, endpoint
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.errors import InstrumentError, LinkError, UsageError
from pytest_conformance.simulation.network import add_network, addresses, namespaces
from pytest_conformance.simulation.world import Options, World

NO_NAMESPACES = pytest.mark.skipif(bool(namespaces.missing()), reason=f"no namespaces: {namespaces.missing()}")
NEEDS_TSHARK = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
HOST = "api.cloud.example"
UPLOAD = b"\xff\xd8\xff" + os.urandom(300_000)


@dataclass
class Bench:
    world: World
    settings: CaptureSettings
    capture: CaptureDriver
    folder: Path


@pytest.fixture(params=["relay", pytest.param("namespace", marks=NO_NAMESPACES)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    world = World(Options("none", door=request.param, folder=tmp_path))
    add_network(world)
    try:
        entry: Any = world.start()["capture"]
        world.net.add_host(HOST, addresses.CLOUD)
        settings = CaptureSettings(**entry)
        capture = CaptureDriver.open(settings, DriverContext("capture", RealClock(), tmp_path))
        try:
            yield Bench(world, settings, capture, tmp_path)
        finally:
            capture.close()
    finally:
        world.stop()


def swallow(listener: socket.socket, context: ssl.SSLContext | None = None) -> list[bytes]:
    """Take all bytes of each connection; answer "done" when the client has ended."""
    taken: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            secure = context.wrap_socket(connection, server_side=True) if context else connection
            data = b""
            while not data.endswith(b"THE END"):
                piece = secure.recv(65536)
                if not piece:
                    break
                data += piece
            taken.append(data)
            secure.sendall(b"done")
            secure.close()

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    return taken


def upload(connection: socket.socket, data: bytes) -> None:
    with connection:
        connection.settimeout(10)
        connection.sendall(data + b"THE END")
        assert connection.recv(10) == b"done"


def tshark(path: Path, *arguments: str) -> list[str]:
    done = subprocess.run(["tshark", "-r", str(path), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def stream_of(path: Path, source: str, port: int) -> bytes:
    """Put the TCP payload that `source` sent to `port` together by sequence numbers, overlaps and all."""
    pieces: dict[int, bytes] = {}
    for line in tshark(
        path,
        *("-Y", f"ip.src=={source} && tcp.dstport=={port} && tcp.len>0", "-T", "fields"),
        *("-e", "tcp.seq", "-e", "tcp.payload"),
    ):
        sequence, payload = line.split("\t")
        pieces[int(sequence)] = bytes.fromhex(payload)
    stream = bytearray()
    for sequence in sorted(pieces):
        assert sequence - 1 <= len(stream), "a hole in the stream"
        stream[sequence - 1 : sequence - 1 + len(pieces[sequence])] = pieces[sequence]
    return bytes(stream)


@NEEDS_TSHARK
def test_an_upload_is_in_the_capture_byte_for_byte(bench: Bench) -> None:
    taken = swallow(bench.world.net.serve(addresses.CLOUD, 80))
    bench.capture.start("upload")
    upload(bench.world.net.connect(HOST, 80), UPLOAD)
    file = bench.capture.stop()
    assert file.door == bench.world.options.door
    assert file.dropped == 0
    assert file.packets == len(tshark(file.path))
    assert taken == [UPLOAD + b"THE END"]
    assert stream_of(file.path, addresses.DEVICE, 80) == taken[0]


@NEEDS_TSHARK
def test_addresses_names_and_checksums_are_those_of_the_segment(bench: Bench) -> None:
    swallow(bench.world.net.serve(addresses.CLOUD, 80))
    bench.capture.start("plan")
    for sender in ("device", "phone"):
        upload(bench.world.net.connect(HOST, 80, sender=sender), b"x" * 5000)  # type: ignore[arg-type]
    file = bench.capture.stop()
    syns = tshark(
        file.path,
        *("-Y", "tcp.flags.syn==1 && tcp.flags.ack==0", "-T", "fields"),
        *("-e", "eth.src", "-e", "eth.dst", "-e", "ip.src", "-e", "ip.dst", "-e", "tcp.dstport"),
    )
    gateway, cloud = addresses.ACCESS_POINT_MAC, addresses.CLOUD
    assert syns == [
        f"{addresses.DEVICE_MAC}\t{gateway}\t{addresses.DEVICE}\t{cloud}\t80",
        f"{addresses.PHONE_MAC}\t{gateway}\t{addresses.PHONE}\t{cloud}\t80",
    ]
    asked = tshark(file.path, "-Y", "dns.flags.response==1", "-T", "fields", "-e", "dns.qry.name", "-e", "dns.a")
    assert asked == [f"{HOST}\t{addresses.CLOUD}"] * 2
    checked = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE")
    wrong = "tcp.checksum.status==0 || ip.checksum.status==0 || udp.checksum.status==0 || tcp.analysis.lost_segment"
    assert tshark(file.path, *checked, "-Y", wrong) == []
    assert file.device_macs == (addresses.DEVICE_MAC,)
    assert addresses.DEVICE in file.device_addresses
    assert addresses.PHONE in file.phone_addresses


@NEEDS_TSHARK
def test_the_key_log_of_the_device_opens_its_tls(bench: Bench) -> None:
    net, keys = bench.world.net, bench.folder / "keys.log"
    taken = swallow(net.serve(addresses.CLOUD, 443), net.authority.server_context(HOST))
    bench.capture.start("tls")
    request = b"POST /v1/faces HTTP/1.1\r\nHost: api.cloud.example\r\nContent-Length: 15\r\n\r\npicture-THE END"
    with net.connect(HOST, 443) as plain:
        secure = net.tls_context(keylog=keys).wrap_socket(plain, server_hostname=HOST)
        secure.sendall(request)
        assert secure.recv(10) == b"done"
        secure.close()
    file = bench.capture.stop()
    assert taken == [request]
    fields = ("-Y", "http.request", "-T", "fields", "-e", "http.request.uri", "-e", "http.file_data")
    assert tshark(file.path, *fields) == []
    opened = tshark(file.path, "-o", f"tls.keylog_file:{keys}", *fields)
    assert len(opened) == 1
    assert opened[0].startswith("/v1/faces\t")


@NEEDS_TSHARK
def test_refusals_and_a_cut_uplink_look_alike_through_every_door(bench: Bench) -> None:
    bench.capture.start("failures")
    with pytest.raises(ConnectionRefusedError):
        bench.world.net.connect(addresses.CLOUD, 444, timeout=5)
    bench.world.net.up.set(False)
    with pytest.raises(OSError, match="No route to host"):
        bench.world.net.connect(addresses.CLOUD, 445, timeout=5)
    file = bench.capture.stop()
    refused = tshark(file.path, "-Y", "tcp.port==444", "-T", "fields", "-e", "ip.src", "-e", "tcp.flags.reset")
    assert refused == [f"{addresses.DEVICE}\t0", f"{addresses.CLOUD}\t1"]
    told = tshark(file.path, "-Y", "icmp.type==3", "-T", "fields", "-e", "ip.src", "-e", "icmp.code")
    assert told == [f"{addresses.ACCESS_POINT},{addresses.DEVICE}\t1"]


def test_bytes_wait_while_the_uplink_is_cut_and_pass_when_it_is_back(bench: Bench) -> None:
    taken = swallow(bench.world.net.serve(addresses.CLOUD, 80))
    with bench.world.net.connect(addresses.CLOUD, 80) as connection:
        connection.sendall(b"before ")
        bench.world.net.up.set(False)
        time.sleep(0.05)
        connection.sendall(b"during THE END")
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(10)
        assert taken == []
        bench.world.net.up.set(True)
        connection.settimeout(10)
        assert connection.recv(10) == b"done"
    assert taken == [b"before during THE END"]


def test_marks_are_in_the_file_and_tie_bench_time_to_wall_time(bench: Bench) -> None:
    offset = 5_000_000_000_000
    driven = DrivenClock(lambda seconds: None)
    driven.sleep(offset / 1e9)
    bench.capture.close()
    capture = CaptureDriver.open(bench.settings, DriverContext("capture", driven, bench.folder))
    capture.start("marks")
    capture.mark("enrolment \x1b[31m<b>")
    file = capture.stop()
    capture.close()
    assert [label for label, _, _ in file.marks] == ["capture starts", "enrolment \x1b[31m<b>", "capture ends"]
    for _, bench_ns, wall_s in file.marks:
        assert abs((bench_ns - time.monotonic_ns() - offset) / 1e9 - (wall_s - time.time())) < 0.05
    data = file.path.read_bytes()
    assert data.count(MARKER) >= 4
    assert b"\x1b[31m" not in data


def test_a_capture_that_was_killed_shows_at_the_next_use_and_at_the_end(bench: Bench) -> None:
    bench.capture.start("killed")
    bench.world.far_end("capture").kill()
    with pytest.raises(LinkError) as failure:
        _until_it_fails(lambda: bench.capture.mark("event"))
    assert failure.value.code == "BEN-CAP-003"
    with pytest.raises(LinkError) as failure:
        bench.capture.stop()
    assert failure.value.code == "BEN-CAP-003"
    with pytest.raises((LinkError, InstrumentError)):
        bench.capture.start("again")


def test_the_network_outlives_a_killed_capture(bench: Bench) -> None:
    taken = swallow(bench.world.net.serve(addresses.CLOUD, 80))
    bench.capture.start("killed")
    bench.world.far_end("capture").kill()
    with pytest.raises(LinkError):
        _until_it_fails(lambda: bench.capture.mark("event"))
    upload(bench.world.net.connect(HOST, 80), b"still here ")
    assert taken == [b"still here THE END"]


def test_a_dead_process_behind_the_tap_is_found_out(bench: Bench) -> None:
    bench.capture.start("shot")
    process = bench.capture._tap._process  # type: ignore[attr-defined]
    process.send_signal(signal.SIGKILL)
    process.wait(5)
    with pytest.raises(LinkError) as failure:
        bench.capture.stop()
    assert failure.value.code == "BEN-CAP-003"


def test_a_capture_that_missed_its_own_beginning_is_refused_at_its_end(bench: Bench) -> None:
    bench.capture.start("first")
    bench.capture.stop()
    send, sent = bench.capture._tap.send, []

    def lose_the_first(payload: bytes) -> None:
        sent.append(payload)
        if len(sent) > 1:
            send(payload)

    bench.capture._tap.send = lose_the_first  # type: ignore[method-assign]
    bench.capture.start("second")
    with pytest.raises(InstrumentError, match="beginning") as refused:
        bench.capture.stop()
    assert refused.value.code == "BEN-CAP-012"


def test_every_packet_after_start_is_in_the_capture(bench: Bench) -> None:
    for number in range(4):
        bench.capture.start(f"at-once-{number}")
        probe = b"AT ONCE" + os.urandom(12)
        bench.capture._tap.send(probe)
        assert probe in bench.capture.stop().path.read_bytes()


def test_orders_out_of_turn_are_refused(bench: Bench) -> None:
    for order in (bench.capture.stop, lambda: bench.capture.mark("x")):
        with pytest.raises(InstrumentError) as failure:
            order()
        assert failure.value.code == "BEN-CAP-011"
    bench.capture.start("once")
    with pytest.raises(InstrumentError) as failure:
        bench.capture.start("twice")
    assert failure.value.code == "BEN-CAP-010"
    bench.capture.stop()


def test_names_become_harmless_and_do_not_overwrite(bench: Bench) -> None:
    paths = []
    for name in ("../../etc/x", "../../etc/x"):
        bench.capture.start(name)
        paths.append(bench.capture.stop().path)
    assert [path.parent for path in paths] == [bench.folder, bench.folder]
    assert len(set(paths)) == 2


def test_settings_without_a_tap_are_refused(context: DriverContext) -> None:
    for settings in (CaptureSettings(), CaptureSettings(address="carrier-pigeon:1", interface="eth0")):
        with pytest.raises(UsageError) as failure:
            CaptureDriver.open(settings, context)
        assert failure.value.code == "USE-TAP-001"


@pytest.mark.parametrize("text", ["", "10.77.0.255", ":9", "10.77.0.255:0", "10.77.0.255:x"])
def test_a_marker_needs_an_address_and_a_port(text: str) -> None:
    with pytest.raises(UsageError) as failure:
        endpoint(text, "capture")
    assert failure.value.code == "USE-TAP-002"


@NO_NAMESPACES
def test_an_interface_that_does_not_exist_is_the_benchs_fault(context: DriverContext) -> None:
    capture = CaptureDriver.open(CaptureSettings(interface="nothing0", marker="127.0.0.1:9"), context)
    with pytest.raises(LinkError) as failure:
        capture.start("x")
    assert failure.value.code == "BEN-CAP-003"
    capture.close()


def _until_it_fails(action: Any) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        action()
        time.sleep(0.01)
