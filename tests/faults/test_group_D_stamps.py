"""Case D08, an authority for time stamps that cannot be reached or answers badly: the run ends, the request waits."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rfc3161_client import TimestampRequestBuilder

from pytest_conformance.cli import main
from pytest_conformance.record import Run, verify_run
from pytest_conformance.record.keys import make_key
from pytest_conformance.record.timestamps import authority, queue, send

from .tsa import Tsa

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl: it plays the authority")
SOURCE = """
@clause("CN-FRT-8.a")
def test_it(powered):
    pass
"""


@pytest.fixture
def tsa(tmp_path: Path) -> Iterator[Tsa]:
    made = Tsa(tmp_path / "tsa")
    yield made
    made.stop()


@pytest.fixture
def stamped(
    tmp_path: Path, conduct: Callable[..., Any], bench_file: Callable[..., Path], tsa: Tsa
) -> Callable[..., Any]:
    """Conduct a signed run that asks the authority."""
    key = make_key(tmp_path / "keys", "lab")

    def run() -> Any:
        asked = [f"--time-stamp={tsa.url}", f"--time-stamp-roots={tsa.roots}"]
        return conduct(SOURCE, bench_file(), f"--signing-key={key}", *asked)

    return run


def verified(folder: Path, roots: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    main(["verify", str(folder), "--tsa-roots", str(roots), "--json"])
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def test_D08_an_authority_out_of_reach_is_asked_again_later(
    stamped: Callable[..., Any], tsa: Tsa, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run completes, the request is queued, the report says pending; later the stamp is there and verifies."""
    ran = stamped()

    assert ran.process.returncode == 0, ran.out
    assert ran.verdict("CN-FRT-8.a") == ("PASS", None)
    assert ran.safe_states()[-1]["reached"] is True
    assert "time stamp pending" in ran.out
    assert "time stamp pending: " in (ran.folder / "report.html").read_text()
    assert verify_run(ran.folder) == [], "a queued request is no flaw of the record"
    (finding,) = verified(ran.folder, tsa.roots, capsys)["findings"]
    assert (finding["code"], "has no time stamp" in finding["message"]) == ("time-stamp", True)

    (queued,) = (ran.folder / "attestations").glob("*.tsq.json")
    assert main(["stamp", f"--record={ran.folder.parent}"]) == 10
    tsa.start()
    queued.write_text(queued.read_text().replace("http://127.0.0.1:9/", tsa.url))
    assert main(["stamp", f"--record={ran.folder.parent}"]) == 0
    assert main(["stamp", f"--record={ran.folder.parent}"]) == 0, "nothing waits any more"
    assert len(tsa.asked) == 1

    said = verified(ran.folder, tsa.roots, capsys)
    assert said["ok"], said
    (stamp,) = said["time_stamps"]
    assert (stamp["trusted"], stamp["time"][:4]) == (True, ran.events("stop")[0].utc[:4])
    assert "time stamp pending" not in (ran.folder / "report.html").read_text()


def test_D08_the_stamp_of_a_run_is_asked_for_at_its_end(
    stamped: Callable[..., Any], tsa: Tsa, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An authority in reach answers at once; what a stranger's authority would say is not trusted."""
    tsa.start()
    ran = stamped()

    assert "pending" not in ran.out
    assert verified(ran.folder, tsa.roots, capsys)["ok"]
    other = Tsa(tmp_path / "other")
    (finding,) = verified(ran.folder, other.roots, capsys)["findings"]
    assert (finding["code"], "does not verify" in finding["message"]) == ("time-stamp", True)


@pytest.mark.parametrize("how", ["another's", "of something else", "replayed", "cut", "too long", "refused"])
def test_D08_a_bad_token_is_rejected(how: str, signed_run: Callable[[], Run], tsa: Tsa, tmp_path: Path) -> None:
    """An answer that does not verify is not kept: the request waits on, with the reason; the record is whole."""
    other = Tsa(tmp_path / "other")
    wrong = TimestampRequestBuilder().data(b"something else").build().as_bytes()
    spoils: dict[str, tuple[Callable[[bytes], bytes], str]] = {
        "another's": (lambda answer: other.answer(tsa.asked[-1]), "does not verify"),
        "of something else": (lambda answer: tsa.answer(wrong), "stamps something else"),
        "replayed": (lambda answer: tsa.answer(_renewed(tsa.asked[-1])), "Nonce"),
        "cut": (lambda answer: answer[:-20], "parse"),
        "too long": (lambda answer: answer + bytes(70_000), "longer than"),
        "refused": (lambda answer: bytes.fromhex("30053003020102"), "refused (status 2)"),
    }
    tsa.spoil, said = spoils[how]
    tsa.start()
    folder = signed_run().folder

    assert len(queue(folder, authority(tsa.url, tsa.roots))) == 1
    (stamp,) = send(folder)

    assert (stamp.time, said in stamp.pending) == (None, True), stamp
    (queued,) = (folder / "attestations").glob("*.tsq.json")
    assert said in json.loads(queued.read_text())["why"]
    assert not list((folder / "attestations").glob("*.tsr"))
    assert verify_run(folder) == []
    assert main(["stamp", f"--record={folder.parent}"]) == 10
    tsa.spoil = None
    assert main(["stamp", f"--record={folder.parent}"]) == 0


def _renewed(request: bytes) -> bytes:
    """Return the request with another nonce, as an answer to an earlier one would have."""
    nonce = request.rindex(b"\x02\x08") if b"\x02\x08" in request else request.rindex(b"\x02\x09")
    at = nonce + 4
    return request[:at] + bytes([request[at] ^ 1]) + request[at + 1 :]


def test_D08_a_stamp_that_was_put_there_is_found(
    signed_run: Callable[[], Run], tsa: Tsa, capsys: pytest.CaptureFixture[str]
) -> None:
    """A changed stamp, and a good one of another signature, are findings, with and without roots."""
    tsa.start()
    folder = signed_run().folder
    told = [str(folder), f"--url={tsa.url}", f"--roots={tsa.roots}"]
    assert main(["stamp", *told]) == 0
    (stamp,) = (folder / "attestations").glob("*.tsr")
    good = stamp.read_bytes()
    request = tsa.asked[-1]
    at = request.index(bytes.fromhex("0440")) + 2
    for content in (good[:-1] + bytes([good[-1] ^ 1]), tsa.answer(request[:at] + bytes(64) + request[at + 64 :])):
        stamp.write_bytes(content)
        assert [each["code"] for each in verified(folder, tsa.roots, capsys)["findings"]] == ["time-stamp"]
    assert main(["verify", str(folder)]) == 1
    assert "stamps something else" in capsys.readouterr().out


def test_an_authority_needs_an_address_and_its_roots(
    conduct: Callable[..., Any], bench_file: Callable[..., Path], tsa: Tsa, tmp_path: Path
) -> None:
    key = make_key(tmp_path / "keys", "lab")
    (tmp_path / "none.pem").write_text("no certificate")
    for options, code in (
        ([f"--time-stamp={tsa.url}"], "USE-TSA-004"),
        (["--time-stamp=file:///etc/passwd", f"--time-stamp-roots={tsa.roots}"], "USE-TSA-001"),
        ([f"--time-stamp={tsa.url}", "--time-stamp-roots=none.pem"], "USE-TSA-002"),
    ):
        ran = conduct(SOURCE, bench_file(), f"--signing-key={key}", *options)
        assert (ran.process.returncode, code in ran.out) == (11, True), ran.out
