"""The 68 public captures: no crash, no face, tunnels flagged and nothing else, and the facts of SOURCES.md."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.analysis.traffic import Context, Inspection, inspect

LOCAL = ("10.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12", "::1/128")
TUNNELS = {"dns_tunnel_iodine.pcap", "dns_exfil_gzip_base64.pcap"}
"""Captures in which a domain is used as a tunnel."""

DIFFERENCES = {
    "link_sll2.pcap": {"116.63.66.108:443/tcp"},
}
"""Destinations that are explained in docs/traffic.md, section Differences."""

OBJECT_DIFFERENCES = {"h2c_doh_post.pcap"}


def _rows(shared: Path) -> dict[str, list[str]]:
    text = (shared / "SOURCES.md").read_text(encoding="utf-8").split("## Origin")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    return {row[0].strip("`"): row for row in rows}


def _look(shared: Path, name: str, about: str) -> Inspection:
    keylog = shared / (name.split(".")[0] + ".keylog")
    mac = re.search(r"device MAC ([0-9a-f:]{17})", about)
    base = Context.from_json(shared / "examples" / "upload.context.json")
    context = Context(
        macs=(mac[1],) if mac else (),
        local_networks=LOCAL,
        canary=dataclasses.replace(base.canary),
        keylog=keylog.read_text() if keylog.exists() else "",
    )
    return inspect([shared / name], context)


@pytest.fixture(scope="module")
def looked(shared: Path) -> dict[str, tuple[Inspection, list[str]]]:
    return {name: (_look(shared, name, row[1]), row) for name, row in _rows(shared).items()}


def test_there_are_68(looked: Any) -> None:
    assert len(looked) == 68


def test_packets_are_counted_as_tshark_counts_them(looked: Any) -> None:
    counts = {name: i.captures[0].tally.packets for name, (i, _) in looked.items()}
    assert counts == {name: int(row[2].split("/")[0]) for name, (_, row) in looked.items()}


def test_no_face_is_found_and_nothing_fails_on_content(looked: Any) -> None:
    for name, (inspection, _) in looked.items():
        assert not [o for o in inspection.objects if o.match is not None], name
        for check in ("face-information-not-sent-to-internet", "no-child-location-leaves", "no-undeclared-collection"):
            assert inspection.checks[check].verdict.value != "FAIL", (name, check)


def test_tunnels_are_flagged_and_nothing_else(looked: Any) -> None:
    flagged = {name for name, (i, _) in looked.items() if i.checks["no-dns-tunnel"].verdict.value == "FAIL"}
    assert flagged == TUNNELS


def test_destinations_are_those_of_the_sources(looked: Any) -> None:
    for name, (inspection, row) in looked.items():
        ends = {f"{e.ip}:{e.port}/{e.transport}" for e in inspection.endpoints}
        ends |= {f"{flow.client}/{flow.endpoint.transport}" for flow in inspection.flows}
        missing = {end for end in row[5].split() if end != "-"} - ends
        assert missing == DIFFERENCES.get(name, set()), name


PROTOCOLS = {
    *("mqtt", "http", "http2", "http3", "websocket", "tls", "quic", "dns", "mdns", "ssdp", "igmp", "icmp", "icmpv6"),
    *("dhcp", "ntp", "stun", "rtsp", "coap", "arp", "eapol"),
}
"""What tshark's list names of protocols; the rest of it are contents and parts of them (json, png, x509ce, ...)."""
SPOKEN = {"http/1.1": "http", "http/2": "http2", "http/3": "http3", "https": "http"}


def _protocols(inspection: Inspection) -> set[str]:
    layers = [layer for flow in inspection.flows for layer in (flow.endpoint.proto, *flow.layers)]
    layers += [layer for transfer in inspection.transfers for layer in transfer.layers]
    out = {SPOKEN.get(layer, layer.split(":")[0]) for layer in layers}
    out |= {"tls" for flow in inspection.flows if flow.tls is not None}
    out |= {"icmpv6" for flow in inspection.flows if flow.endpoint.transport == "ip58"}
    kinds = {kind for facts in inspection.captures for kind in facts.tally.non_ip}
    return out | ({"arp"} if 0x0806 in kinds else set()) | ({"eapol"} if 0x888E in kinds else set())


def test_protocols_are_those_of_the_sources(looked: Any) -> None:
    for name, (inspection, row) in looked.items():
        assert set(row[3].split()) & PROTOCOLS <= _protocols(inspection), name


def test_http_objects_are_those_of_the_sources(looked: Any) -> None:
    for name, (inspection, row) in looked.items():
        if name in OBJECT_DIFFERENCES:
            continue
        wanted = set(re.findall(r"\d+ B ([0-9a-f]{16})", row[6]))
        assert wanted <= {transfer.sha256[:16] for transfer in inspection.transfers}, name


def test_names_are_those_of_the_sources(looked: Any) -> None:
    for name, (inspection, row) in looked.items():
        known = {e.host for e in inspection.endpoints}
        for facts in inspection.captures:
            known |= {each.lower() for each in facts.dns.announced}
            known |= {b".".join(q.labels).decode("latin-1").lower() for qs in facts.dns.questions.values() for q in qs}
        for text in row[4].split():
            text = text.lower()
            host = re.sub(r":\d+$", "", text).rstrip(".")
            if text == "-" or name.startswith(("setup_D-Link", "setup_Edimax")) or "\ufffd" in text:
                continue
            assert host in known or text in known, (name, text)


def test_pictures_in_public_captures_are_recovered(looked: Any) -> None:
    found = {(name, o.format, len(o.data)) for name, (i, _) in looked.items() for o in i.objects if o.kind == "image"}
    assert {
        ("mqtt5_publish_jpeg.pcap", "jpeg", 35758),
        ("mqtt_midstream_split.pcap", "jpeg", 35758),
        ("http1_image_get.pcapng", "png", 5816),
        ("tls_h2_data_reassembly.pcap", "png", 76091),
        ("grpc_protobuf_with_image.pcapng.gz", "png", 119),
    } <= found


def test_every_byte_is_accounted_for_and_every_result_is_json(looked: Any) -> None:
    for name, (inspection, _) in looked.items():
        for flow in inspection.flows:
            assert flow.up.understood + flow.up.hit + flow.up.opaque + flow.up.gap == flow.up.total, name
        json.dumps(inspection.to_json())


def test_opaque_bytes_never_pass(looked: Any) -> None:
    for name, (inspection, _) in looked.items():
        check = inspection.checks["face-information-not-sent-to-internet"]
        if check.verdict.value == "PASS":
            assert inspection.accounting("internet").opaque < 128, name
