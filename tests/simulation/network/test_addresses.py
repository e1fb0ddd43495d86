from __future__ import annotations

import ipaddress

import pytest

from pytest_conformance.simulation.network import addresses


@pytest.mark.parametrize(
    ("address", "internet", "local"),
    [("203.0.113.10", True, False), ("10.77.0.1", False, True), ("192.0.2.1", False, False)],
)
def test_the_internet_begins_behind_the_segment(address: str, internet: bool, local: bool) -> None:
    assert addresses.is_internet(address) is internet
    assert addresses.is_local(address) is local


def test_a_name_is_no_address() -> None:
    assert addresses.is_address("10.77.0.1")
    assert not addresses.is_address("api.cloud.example")
    assert not addresses.is_address("10.77.0")


def test_senders_speak_from_distinct_loopback_addresses() -> None:
    shadows = {addresses.shadow(own) for own in addresses.SENDERS.values()}
    assert shadows == {"127.77.0.50", "127.77.0.60"}


@pytest.mark.parametrize("pid", [1, 255, 256, 65535, 65536, (1 << 22) - 1])
def test_each_process_has_loopback_addresses_of_its_own(pid: int) -> None:
    device, phone = addresses.bench_side("device", pid), addresses.bench_side("phone", pid)
    assert device != phone
    assert ipaddress.ip_address(device) in ipaddress.ip_network("127.64.0.0/10")
    assert ipaddress.ip_address(phone) in ipaddress.ip_network("127.128.0.0/10")
    assert addresses.bench_side("device", pid - 1) != device
