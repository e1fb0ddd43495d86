"""A lock that uploads the enrolment picture fails CN-FRT-8.b with that picture as evidence; the good one passes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from pytest_conformance.resources import shipped

PCAPNG = b"\x0a\x0d\x0d\x0a"
Conduct = Callable[..., Any]
SUITE = str(shipped("suites") / "locks" / "test_cn_frt.py")
OPTIONS = ("--dut=mock-lock", "--profile=quick", "--clauses", "CN-FRT-8.b", SUITE)


def pictures(ran: Any) -> list[Any]:
    """The recovered face pictures among the evidence, taken out of the vault and decoded."""
    rows = [event.data for event in ran.of_type("evidence") if event.data["caption"].startswith("face_image, up ")]
    return [(row, taken_out(ran, row["ref"])) for row in rows if row.get("sealed")]


def taken_out(ran: Any, ref: str) -> Any:
    """Decode a face that was taken out of the vault."""
    return cv2.imdecode(np.frombuffer(opened(ran, ref), np.uint8), cv2.IMREAD_COLOR)


def opened(ran: Any, ref: str) -> bytes:
    """Open what is sealed as a person with a reason would."""
    file = ran.folder.parent / "face"
    command = [sys.executable, "-m", "pytest_conformance.cli", "vault", "open", "--run", str(ran.folder), "--ref", ref]
    command += ["--vault", str(ran.folder.parents[1] / ".conformance-vault"), "--to", str(file)]
    subprocess.run([*command, "--person", "R. Reviewer", "--reason", "review of a finding"], check=True, timeout=120)
    content = file.read_bytes()
    file.unlink()
    return content


def test_the_uploading_lock_fails_with_the_recovered_picture(conduct: Conduct) -> None:
    ran = conduct("", "--known-bad=uploads-face-after-enrolment", *OPTIONS)
    row = ran.clauses["CN-FRT-8.b"]
    assert (ran.code, row["verdict"], row["cause"]) == (1, "FAIL", "dut"), ran.out
    assert "api.mock-lock.example" in row["reason"]
    found = pictures(ran)
    assert found, "no face picture is among the evidence"
    for evidence, picture in found:
        assert picture is not None, "the picture does not decode"
        assert picture.shape == (160, 160, 3)
        assert picture.std() > 20, "there is nothing in the picture"
        assert evidence["face"] is True, "a face must be kept out of the views"
        assert evidence["was"] == "image/jpeg"
        assert "api.mock-lock.example:443" in evidence["caption"]
    assert ran.switched_off() == "command"
    require_sealed(ran)


def require_sealed(ran: Any) -> None:
    """The packets, in which the face went out, lie nowhere in the run's folder but sealed; a key opens them."""
    kept = [event.data for event in ran.of_type("evidence") if event.data.get("was") == "application/x-pcapng"]
    assert kept
    assert opened(ran, kept[0]["ref"])[:4] == PCAPNG
    for file in ran.folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert content[:4] != PCAPNG, file
            assert b"\xff\xd8\xff\xe0" not in content, f"a JPEG in {file}"


def test_the_good_lock_passes_the_same(conduct: Conduct) -> None:
    ran = conduct("", *OPTIONS)
    row = ran.clauses["CN-FRT-8.b"]
    assert (ran.code, row["verdict"]) == (0, "PASS"), ran.out
    assert pictures(ran) == []
