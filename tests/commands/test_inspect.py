"""`conformance inspect`: the three example captures from the command line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from pytest_conformance.analysis.traffic import Check
from pytest_conformance.cli import main
from pytest_conformance.commands.inspect import exit_code
from pytest_conformance.verdicts import Verdict

FOLDER = Path(__file__).parent.parent / "analysis" / "traffic" / "data" / "examples"


def example(name: str) -> list[str]:
    return [str(FOLDER / f"{name}.pcap"), "--context", str(FOLDER / f"{name}.context.json")]


@pytest.mark.parametrize("name", ["upload", "icon", "consent"])
def test_json_holds_objects_endpoints_checks_and_accounting(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    expected = json.loads((FOLDER / f"{name}.expected.json").read_text())
    code = main(["inspect", *example(name), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert [each["sha256"] for each in said["objects"]] == [each["sha256"] for each in expected["transfers"]]
    assert {each["host"] for each in said["endpoints"]} >= {each["host"] for each in expected["endpoints"]}
    verdicts = {check: row["verdict"] for check, row in said["checks"].items()}
    assert {check: verdicts[check] for check in expected["expected"]} == expected["expected"]
    account = said["accounting"]["internet_up"]
    assert account["total"] == account["understood"] + account["hit"] + account["opaque"] + account["gap"]
    assert code == 1


def test_recovered_objects_are_written_by_their_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "evidence"
    main(["inspect", *example("consent"), "--evidence", str(folder)])
    rows = json.loads((folder / "objects.json").read_text())
    assert len(rows) == 5
    for row in rows:
        content = (folder / row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
        assert row["file"] == f"{row['sha256']}.jpeg"
        assert content.startswith(b"\xff\xd8")
        assert row["canary"] == "canary_face.png"
    assert "5 recovered object(s)" in capsys.readouterr().out


def test_for_people_all_four_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", *example("upload")]) == 1
    said = capsys.readouterr().out
    assert "objects: 1" in said
    assert "log.vendor.example (203.0.113.10)" in said
    assert "all, internet" in said
    assert "12661" in said
    (line,) = (each for each in said.splitlines() if each.startswith(" face-information-not-sent-to-internet"))
    assert "FAIL" in line


def test_several_captures_are_judged_together(capsys: pytest.CaptureFixture[str]) -> None:
    captures = [str(FOLDER / "icon.pcap"), str(FOLDER / "upload.pcap")]
    main(["inspect", *captures, "--context", str(FOLDER / "upload.context.json"), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert {each["capture"] for each in said["objects"]} == {0, 1}
    assert len(said["captures"]) == 2


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [(["PASS"], 0), ([], 0), (["PASS", "INCONCLUSIVE"], 10), (["INCONCLUSIVE", "FAIL"], 1), (["CONDITIONAL_FAIL"], 1)],
)
def test_the_exit_code_is_that_of_the_gravest_check(verdicts: list[str], code: int) -> None:
    assert exit_code([Check(f"c{number}", Verdict(word), "") for number, word in enumerate(verdicts)]) == code


def test_what_is_no_capture_is_refused(
    tmp_path: Path, command: Callable[..., CompletedProcess[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    context = ["--context", str(FOLDER / "upload.context.json")]
    assert main(["inspect", str(tmp_path / "none.pcap"), *context]) == 11
    assert "USE-CAP-001" in capsys.readouterr().err
    (tmp_path / "text.pcap").write_text("not packets")
    done = command("inspect", "text.pcap", *context)
    assert done.returncode == 11
    assert done.stderr.startswith("conformance: USE-CAP-")
    assert "Traceback" not in done.stderr


def test_a_context_that_does_not_fit_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    context = tmp_path / "context.json"
    context.write_text('{"device": {"mca": "02:d0:07:00:00:01"}}')
    assert main(["inspect", str(FOLDER / "upload.pcap"), "--context", str(context)]) == 11
    assert "USE-CTX-001" in capsys.readouterr().err


def test_evidence_that_cannot_be_written_is_an_error_of_the_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["inspect", *example("upload"), "--evidence", str(tmp_path / "file")]) == 10
    assert "BEN-STO-020" in capsys.readouterr().err


def test_one_finding_is_replayed_from_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "evidence"
    main(["inspect", *example("upload"), "--evidence", str(folder)])
    (finding,) = folder.glob("face_image-*.json")
    wanted = json.loads(finding.read_text())["object"]["sha256"]
    context = ["--context", str(FOLDER / "upload.context.json")]
    capsys.readouterr()
    assert main(["inspect", "--replay", str(finding), *context]) == 0
    assert f"SHA-256 {wanted}" in capsys.readouterr().out
    about = json.loads(finding.read_text())
    about["layers"][-1] = "png"
    finding.write_text(json.dumps(about))
    assert main(["inspect", "--replay", str(finding), *context, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["same"] is False


def test_a_capture_or_a_finding_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "--context", str(FOLDER / "upload.context.json")]) == 11
    assert "USE-CAP-004" in capsys.readouterr().err


def test_flows_can_be_counted_without_reading_them(capsys: pytest.CaptureFixture[str]) -> None:
    main(["inspect", *example("upload"), "--flows", "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["objects"] == []
    assert said["accounting"]["internet_up"]["opaque"] == 12988
    assert said["checks"]["face-information-not-sent-to-internet"]["verdict"] == "INCONCLUSIVE"
