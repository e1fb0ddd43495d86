"""Runs that are refused before anything is powered: exit code 11, with what is wrong, where, and what was meant."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Conduct = Callable[..., Any]
Written = Callable[..., str]

TEST = """
@clause("CN-FRT-8.b")
def test_nothing(supply):
    open("ran", "w").close()
"""


def refused(ran: Any, *said: str) -> None:
    assert ran.code == 11, ran.out
    flat = " ".join(ran.out.split())
    assert "refused to start" in flat
    for each in said:
        assert each in flat, ran.out
    assert not (ran.here / "ran").exists(), "a test ran"


def test_an_unknown_bench_names_near_ones(conduct: Conduct) -> None:
    refused(conduct(TEST, bench="mok"), "USE-BEN-001", "'mok'", "mock")


def test_a_duplicate_key_is_shown_with_its_place(conduct: Conduct, bench_file: Written) -> None:
    path = bench_file(("name: mock\n", "name: mock\nname: mock\n"))
    refused(conduct(TEST, bench=path), "own.yaml:5:1", "name")


def test_an_unknown_driver_is_shown_with_its_place_and_near_ones(conduct: Conduct, bench_file: Written) -> None:
    path = bench_file(("driver: scpi-meter", "driver: scpi-metre"))
    ran = conduct(TEST, bench=path)
    refused(ran, "USE-DRV-001", "own.yaml:20:3", "scpi-meter")


def test_a_feature_that_no_catalogue_has_is_refused(conduct: Conduct, declaration_file: Written) -> None:
    path = declaration_file(("\nfeatures:\n", "\nfeatures:\n  netwrok: true\n"))
    refused(conduct(TEST, f"--dut={path}"), "USE-DEC-001", "netwrok", "mock-lock.yaml:", "network")


def test_a_declaration_for_another_kind_is_refused(conduct: Conduct, declaration_file: Written) -> None:
    path = declaration_file(("driver: lock\n", "driver: camera\n"))
    refused(conduct(TEST, f"--dut={path}"), "USE-DUT-002", "mock-lock.yaml:")


@pytest.mark.parametrize("parallel", [(), ("-n", "2")], ids=["alone", "parallel"])
def test_an_unknown_clause_names_near_ones(conduct: Conduct, parallel: tuple[str, ...]) -> None:
    ran = conduct(TEST.replace("CN-FRT-8.b", "CN-FTR-8.b"), *parallel)
    refused(ran, "USE-CLS-001", "CN-FTR-8.b", "CN-FRT-8.b", "test_mine.py::test_nothing")
    assert not (ran.folder / "bench").exists()


def test_an_unknown_known_bad_names_near_ones(conduct: Conduct) -> None:
    refused(conduct(TEST, "--known-bad=never-boot"), "USE-SIM-001", "never-boots")


def test_known_bad_needs_a_mock_bench(conduct: Conduct) -> None:
    refused(conduct(TEST, "--known-bad=never-boots", "--dut=mock-lock", bench="lab1"), "USE-OPT-001", "lab1")


def test_a_dead_instrument_is_named_and_nothing_stays_powered(conduct: Conduct, bench_file: Written) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = bench_file(("address: sim:meter", f"address: TCPIP::127.0.0.1::{port}::SOCKET"))
    ran = conduct(TEST, bench=path)
    refused(ran, "BEN-LNK-10", "meter")
    assert ran.results["exit_code"] == 11
    assert ran.far_end("supply")["on"] is False
    (safe,) = ran.of_type("safe-state")
    assert safe.data["outputs"]["supply off"] == "done"


def test_a_dead_instrument_refuses_a_parallel_run_too(conduct: Conduct, tmp_path: Path) -> None:
    (tmp_path / "dead.yaml").write_text(
        "schema: conformance-bench/1\nname: dead\nmode: lab\ndut: mock-lock\n"
        "roles:\n  supply: {driver: scpi-supply, address: 'TCPIP::127.0.0.1::1::SOCKET'}\n"
        "slots: [{name: a, roles: [supply]}, {name: b, roles: [supply]}]\n"
    )
    refused(conduct(TEST, "-n", "2", bench=str(tmp_path / "dead.yaml")), "BEN-LNK-10")


def test_a_driver_that_fails_to_import_is_named(conduct: Conduct, bench_file: Written, tmp_path: Path) -> None:
    site = tmp_path / "site"
    about = site / "broken-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[pytest_conformance.drivers]\nbroken-meter = broken_driver:Meter\n")
    (site / "broken_driver.py").write_text("raise RuntimeError('no licence for this instrument')\n")
    path = bench_file(("driver: scpi-meter", "driver: broken-meter"))
    ran = conduct(TEST, bench=path, PYTHONPATH=str(site))
    refused(ran, "USE-DRV-002", "broken-meter", "no licence for this instrument", "own.yaml:20:3")


def test_a_folder_that_cannot_be_written_is_refused(conduct: Conduct) -> None:
    refused(conduct(TEST, "--record=/proc/none"), "BEN-STO-001")


def test_help_starts_no_run(conduct: Conduct) -> None:
    ran = conduct("", "--help")
    assert ran.code == 0
    assert "--known-bad" in ran.out
    assert not (ran.here / "runs").exists()
