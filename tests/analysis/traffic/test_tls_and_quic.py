"""TLS and QUIC: real handshakes are read without keys, and opened with the key log."""

from __future__ import annotations

import dataclasses
import datetime
import ssl
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cloud.example")])
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(day)
        .not_valid_after(day + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("cloud.example")]), False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "c.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / "k.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "c.pem", folder / "k.pem"


def _session(
    certificate: tuple[Path, Path], tmp_path: Path, version: ssl.TLSVersion, ciphers: str, messages: list[bytes]
) -> tuple[list[tuple[bool, bytes]], str]:
    """Run a TLS session in memory; return its turns on the wire and its key log."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate)
    server.set_ciphers("ALL:@SECLEVEL=0")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.minimum_version = client.maximum_version = version
    if ciphers:
        client.set_ciphers(ciphers)
    client.keylog_filename = str(tmp_path / "keys")
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(down, up, server_hostname="cloud.example")
    two = server.wrap_bio(up, down, server_side=True)
    turns: list[tuple[bool, bytes]] = []
    taps = {True: up, False: down}

    def carry() -> None:
        for side in (True, False):
            data = taps[side].read()
            if data:
                turns.append((side, data))
                taps[side].write(data)

    done = [False, False]
    for _ in range(10):
        for n, end in enumerate((one, two)):
            if not done[n]:
                try:
                    end.do_handshake()
                    done[n] = True
                except ssl.SSLWantReadError:
                    pass
                carry()
    for message in messages:
        one.write(message)
        carry()
        two.read(1 << 20)
    two.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    carry()
    return turns, (tmp_path / "keys").read_text()


def _post(body: bytes) -> bytes:
    return b"POST /f HTTP/1.1\r\nHost: cloud.example\r\nContent-Length: %d\r\n\r\n" % len(body) + body


SUITES = [
    (ssl.TLSVersion.TLSv1_3, "", "TLS 1.3"),
    (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256", "TLS 1.2"),
    (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-GCM-SHA384", "TLS 1.2"),
    (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-CHACHA20-POLY1305", "TLS 1.2"),
    (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA256", "TLS 1.2"),
    (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-SHA", "TLS 1.2"),
]


@pytest.mark.parametrize(("version", "ciphers", "text"), SUITES)
def test_face_inside_tls_is_read_with_the_key_log(
    wire: Any, look: Any, face_jpeg: bytes, certificate: Any, tmp_path: Path, version: Any, ciphers: str, text: str
) -> None:
    turns, keys = _session(certificate, tmp_path, version, ciphers, [_post(face_jpeg)])
    wire.tcp(turns, port=443)
    inspection = look(wire, keylog=keys)
    found = inspection.faces("internet")
    assert [o.data for o in found] == [face_jpeg]
    assert found[0].layers[1].startswith("tls")
    assert not found[0].plaintext
    (flow,) = inspection.tls_flows()
    assert flow.tls.version == text
    assert flow.tls.sni == "cloud.example"
    assert flow.tls.decrypted
    assert flow.endpoint.name_source == "sni"
    assert not flow.endpoint.plaintext
    assert flow.up.understood + flow.up.hit + flow.up.opaque + flow.up.gap == flow.up.total
    assert flow.up.opaque == 0
    assert inspection.checks["no-plaintext-personal-information"].verdict.value != "FAIL"


def test_without_keys_the_bytes_are_opaque_and_never_pass(
    wire: Any, look: Any, face_jpeg: bytes, certificate: Any, tmp_path: Path
) -> None:
    turns, _ = _session(certificate, tmp_path, ssl.TLSVersion.TLSv1_3, "", [_post(face_jpeg)])
    wire.tcp(turns, port=443)
    inspection = look(wire)
    assert inspection.tls_flows()[0].tls.sni == "cloud.example"
    assert inspection.flows[0].up.opaque >= len(face_jpeg)
    check = inspection.checks["face-information-not-sent-to-internet"]
    assert (check.verdict.value, check.reason) == ("INCONCLUSIVE", "opaque-bytes")


def test_key_log_of_another_session_leaves_bytes_opaque(
    wire: Any, look: Any, face_jpeg: bytes, certificate: Any, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    turns, _ = _session(certificate, tmp_path / "a", ssl.TLSVersion.TLSv1_3, "", [_post(face_jpeg)])
    _, other = _session(certificate, tmp_path / "b", ssl.TLSVersion.TLSv1_3, "", [b"x"])
    wire.tcp(turns, port=443)
    inspection = look(wire, keylog=other)
    assert "no-key-for-session" in inspection.flows[0].flags
    assert inspection.checks["face-information-not-sent-to-internet"].verdict.value == "INCONCLUSIVE"


def test_clean_telemetry_inside_tls_passes_with_keys(wire: Any, look: Any, certificate: Any, tmp_path: Path) -> None:
    turns, keys = _session(certificate, tmp_path, ssl.TLSVersion.TLSv1_3, "", [_post(b'{"battery": 80}')])
    wire.tcp(turns, port=443)
    inspection = look(wire, keylog=keys)
    assert inspection.checks["face-information-not-sent-to-internet"].verdict.value == "PASS"
    assert inspection.checks["no-plaintext-personal-information"].verdict.value == "PASS"


def test_a_lost_segment_inside_tls_is_resynchronised(
    wire: Any, look: Any, face_jpeg: bytes, certificate: Any, tmp_path: Path
) -> None:
    messages = [_post(b"a" * 3000), _post(b"b" * 3000), _post(face_jpeg)]
    turns, keys = _session(certificate, tmp_path, ssl.TLSVersion.TLSv1_3, "", messages)
    lost = iter(range(1000))
    handshake = sum((len(data) + 1399) // 1400 for _, data in turns[:3])
    wire.tcp(turns, port=443, lose=lambda n: n == handshake + 1 and next(lost) == 0)
    inspection = look(wire, keylog=keys)
    assert inspection.flows[0].up.gap + inspection.flows[0].down.gap >= 300
    if inspection.flows[0].up.gap:
        assert [o.data for o in inspection.faces()] == [face_jpeg]
        assert inspection.checks["capture-complete"].reason == "stream-gap"


def _quic(certificate: tuple[Path, Path], body: bytes, http: bool) -> tuple[list[tuple[bool, bytes]], str]:
    import io

    connection = pytest.importorskip("aioquic.quic.connection")
    from aioquic.h3.connection import H3Connection
    from aioquic.quic.configuration import QuicConfiguration

    log = io.StringIO()
    alpn = ["h3"] if http else ["x"]
    client_side = QuicConfiguration(
        is_client=True,
        alpn_protocols=alpn,
        server_name="cloud.example",
        verify_mode=ssl.CERT_NONE,
        secrets_log_file=log,
    )
    server_side = QuicConfiguration(is_client=False, alpn_protocols=alpn)
    server_side.load_cert_chain(*certificate)
    client = connection.QuicConnection(configuration=client_side)
    client.connect(("203.0.113.10", 443), now=0.0)
    server = connection.QuicConnection(
        configuration=server_side, original_destination_connection_id=client.original_destination_connection_id
    )
    turns: list[tuple[bool, bytes]] = []
    now = 0.0

    def carry(rounds: int) -> None:
        nonlocal now
        for _ in range(rounds):
            now += 0.01
            for up, source, target in ((True, client, server), (False, server, client)):
                for data, _ in source.datagrams_to_send(now=now):
                    turns.append((up, data))
                    target.receive_datagram(data, ("203.0.113.10", 443), now=now)

    carry(6)
    if http:
        layer = H3Connection(client)
        stream = client.get_next_available_stream_id()
        head = [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"cloud.example"), (b":path", b"/f")]
        layer.send_headers(stream, head)
        layer.send_data(stream, body, end_stream=True)
    else:
        client.send_stream_data(0, body, end_stream=True)
    carry(30)
    return turns, log.getvalue()


@pytest.mark.parametrize("http", [True, False])
def test_face_inside_quic_is_read_with_the_key_log(
    wire: Any, look: Any, face_jpeg: bytes, certificate: Any, http: bool
) -> None:
    turns, keys = _quic(certificate, face_jpeg, http)
    for up, data in turns:
        wire.udp(data, 443, up=up)
    inspection = look(wire, keylog=keys)
    assert [o.data for o in inspection.faces("internet")] == [face_jpeg], inspection.flows[0]
    flow = inspection.flows[0]
    assert flow.endpoint.host == "cloud.example"
    assert flow.up.understood + flow.up.hit + flow.up.opaque + flow.up.gap == flow.up.total
    if http:
        assert "http/3" in inspection.faces()[0].layers


def test_quic_without_keys_shows_the_name_only(wire: Any, look: Any, face_jpeg: bytes, certificate: Any) -> None:
    turns, _ = _quic(certificate, face_jpeg, True)
    for up, data in turns:
        wire.udp(data, 443, up=up)
    inspection = look(wire)
    assert inspection.flows[0].endpoint.name_source == "quic-sni"
    assert inspection.flows[0].up.opaque >= len(face_jpeg)
    assert inspection.checks["face-information-not-sent-to-internet"].verdict.value == "INCONCLUSIVE"


def test_http2_by_alpn_inside_tls(wire: Any, look: Any, face_jpeg: bytes, certificate: Any, tmp_path: Path) -> None:
    h2 = pytest.importorskip("h2.connection")
    connection = h2.H2Connection()
    connection.initiate_connection()
    head = [(":method", "POST"), (":authority", "cloud.example"), (":scheme", "https"), (":path", "/f")]
    connection.send_headers(1, head)
    for at in range(0, len(face_jpeg), 4000):
        connection.send_data(1, face_jpeg[at : at + 4000])
    turns, keys = _session(certificate, tmp_path, ssl.TLSVersion.TLSv1_2, "", [connection.data_to_send()])
    wire.tcp(turns, port=443)
    assert [o.data for o in look(wire, keylog=keys).faces()] == [face_jpeg]


def test_a_finding_inside_tls_takes_its_own_keys_along(
    certificate: tuple[Path, Path], tmp_path: Path, wire: Any, context: Any, face_jpeg: bytes
) -> None:
    from pytest_conformance.analysis.traffic import evidence, evidencepack, inspect

    turns, keylog = _session(certificate, tmp_path, ssl.TLSVersion.TLSv1_3, "", [_post(face_jpeg)])
    wire.tcp(turns, port=443)
    wire.tcp([(True, b"GET / HTTP/1.1\r\nHost: c\r\n\r\n")], sport=41001)
    others = "CLIENT_RANDOM " + "ab" * 32 + " " + "cd" * 48 + "\n"
    found = inspect([wire.pcap()], dataclasses.replace(context, keylog=others + keylog))
    folder = tmp_path / "evidence"
    folder.mkdir()
    for name, content in evidencepack.files(found, [wire.pcap()]):
        (folder / name).write_bytes(content)
    (finding,) = folder.glob("face_image-*.json")
    kept = finding.with_suffix(".keylog").read_text()
    assert "ab" * 32 not in kept
    assert len(finding.with_suffix(".pcap").read_bytes()) < len(wire.pcap())
    done = evidence.replay_file(finding, context)
    assert done.found is not None
    assert done.found.data == face_jpeg
