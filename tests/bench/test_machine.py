"""Probes of the machine: each closed door says what is missing and how to open it, and none fails."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.bench import machine


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what makes programs and modules be missing."""

    def remove(*names: str) -> None:
        which, find = shutil.which, importlib.util.find_spec
        monkeypatch.setattr(
            machine.shutil, "which", lambda name, **more: None if name in names else which(name, **more)
        )
        monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: None if name in names else find(name))

    return remove


def says(monkeypatch: pytest.MonkeyPatch, *answers: tuple[bool, str]) -> list[tuple[str, ...]]:
    """Let commands answer what the test says, in order; return what was run."""
    waiting, ran = list(answers), []

    def run(*command: str) -> tuple[bool, str]:
        ran.append(command)
        return waiting.pop(0) if waiting else (True, "")

    monkeypatch.setattr(machine, "_run", run)
    return ran


def test_everything_is_looked_at_and_nothing_fails(tmp_path: Path) -> None:
    probes = {each.name: each for each in machine.probe_machine(tmp_path / "runs", oldest_node=20)}
    assert list(probes) == [
        "namespace", "dumpcap", "umockdev", "browser", "node", "bluetooth", "traffic", "opencv", "disk", "clock",
    ]  # fmt: skip
    assert all(each.detail for each in probes.values())
    assert all(each.open or each.todo or "not Linux" in each.detail for each in probes.values())
    assert not (tmp_path / "runs").exists()


def test_without_root_packets_go_through_the_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    probe = machine.namespace()
    assert not probe.open
    assert "not running as root; without it packets go through the bench's relay" in probe.detail


def test_a_kernel_that_refuses_a_namespace_closes_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(machine.shutil, "which", lambda name: f"/bin/{name}")
    says(monkeypatch, (False, "mount --make-shared /run/netns failed: Operation not permitted"))
    probe = machine.namespace()
    assert not probe.open
    assert "Operation not permitted" in probe.detail


def test_the_namespace_that_was_tried_is_deleted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(machine.shutil, "which", lambda name: f"/bin/{name}")
    ran = says(monkeypatch, (True, ""), (True, ""))
    assert machine.namespace().open
    assert [command[1:3] for command in ran] == [("netns", "add"), ("netns", "delete")]
    assert ran[0][3] == ran[1][3]


def test_a_dumpcap_without_rights_is_told_from_none(monkeypatch: pytest.MonkeyPatch, without: Any) -> None:
    monkeypatch.setattr(machine.shutil, "which", lambda name: "/bin/dumpcap")
    says(monkeypatch, (True, "Dumpcap (Wireshark) 4.0.17"), (True, ""))
    assert "may not capture" in machine.dumpcap().detail
    says(monkeypatch, (True, "Dumpcap (Wireshark) 4.0.17"), (True, "1. eth0\n2. lo"))
    assert machine.dumpcap() == machine.Probe("dumpcap", True, "version 4.0.17, 2 interfaces")
    without("dumpcap")
    assert machine.dumpcap().todo == "apt install wireshark-common"


@pytest.mark.parametrize(
    ("version", "opened"), [("v18.20.1", False), ("v20.0.0", True), ("v22.1.0", True), ("?", False)]
)
def test_node_must_be_new_enough(version: str, opened: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.shutil, "which", lambda name: f"/bin/{name}")
    says(monkeypatch, (True, version))
    assert machine.node(20).open is opened


def test_what_is_missing_is_named_with_what_it_costs(without: Callable[..., None]) -> None:
    without("node", "npm", "playwright", "bumble", "h2", "PIL")
    assert machine.node(20).detail.startswith("node and npm not installed")
    assert machine.bumble().todo == "pip install pytest-conformance[ble]"
    assert machine.traffic().detail == "missing: h2, Pillow; what they would read stays opaque, never PASS"


def test_a_browser_without_playwright_is_closed(without: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_conformance.devices.channels import companion

    without("playwright")
    monkeypatch.setattr(companion, "find_browser", lambda: "/usr/bin/chromium")
    assert machine.browser().todo == "pip install pytest-conformance[companion]"
    monkeypatch.setattr(companion, "find_browser", lambda: None)
    assert machine.browser().todo == "apt install chromium"


def test_an_opencv_that_does_not_load_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    probe = machine.opencv()
    assert not probe.open
    assert "libgl1" in probe.todo


def test_two_opencvs_overwrite_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_version", lambda package: "" if "contrib" in package else "5.0.0")
    probe = machine.opencv()
    assert not probe.open
    assert "opencv-python 5.0.0 and opencv-python-headless 5.0.0 are installed together" in probe.detail


def test_a_disk_that_is_nearly_full_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": machine.SMALLEST_DISK - 1})
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: usage)
    assert not machine.disk(tmp_path / "a" / "b").open
    usage.free = machine.SMALLEST_DISK
    assert machine.disk(tmp_path / "a" / "b").open


@pytest.mark.parametrize("now", [0.0, machine.RELEASED - 1, machine.FAR, float("inf"), -1.0])
def test_a_clock_that_cannot_be_right_is_said(now: float) -> None:
    probe = machine.clock(now)
    assert not probe.open
    assert "set the clock" in probe.todo


def test_a_clock_that_nothing_keeps_right_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_kernel_state", lambda: 5)
    assert "synchronised" in machine.clock(1.8e9).detail
    monkeypatch.setattr(machine, "_kernel_state", lambda: 0)
    assert machine.clock(1.8e9).open


def test_a_command_that_hangs_or_is_not_there_is_no_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine._run("a-program-that-nobody-has")[0] is False
    monkeypatch.setattr(machine, "PATIENCE", 0.2)
    assert machine._run("sleep", "5")[0] is False
    monkeypatch.setattr(machine, "PATIENCE", 5)
    assert machine._run(sys.executable, "-c", "print(1)") == (True, "1")
    assert subprocess.run(["true"], check=False).returncode == 0
