"""What must be as it was for a run to go on, and which options it takes from its record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_conformance.errors import UsageError
from pytest_conformance.record import Run
from pytest_conformance.running import outcome, resuming
from pytest_conformance.running.recorded import Recorded

HEADER = {"versions": {"numpy": "1"}, "tool_sha256": "t"}
FILES = ("bench", "declaration", "profile")
INPUTS = {name: {"of": name, "sha256": name[0]} for name in (*FILES, "suite")}
ASKED: dict[str, str | bool] = {"bench": "mock", "profile": "", "clauses": "CN-*", "accredited": False}
REQUEST: Any = SimpleNamespace(**{name: SimpleNamespace(digest=name[0]) for name in FILES}, key=None)


@pytest.fixture
def unchanged(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    now: dict[str, Any] = {"versions": {"numpy": "1"}, "tool_sha256": "t"}
    monkeypatch.setattr(outcome, "header", lambda request: now)
    return now


def test_nothing_changed_is_nothing_to_say(unchanged: dict[str, Any]) -> None:
    assert resuming.changes(REQUEST, Recorded(Path(), HEADER, INPUTS)) == []


@pytest.mark.parametrize("of", FILES)
def test_F10_a_changed_file_is_named(unchanged: dict[str, Any], of: str) -> None:
    inputs = {**INPUTS, of: {"of": of, "sha256": "another"}}

    assert resuming.changes(REQUEST, Recorded(Path(), HEADER, inputs)) == [f"the {of} file changed"]


def test_F10_a_changed_tool_is_named(unchanged: dict[str, Any]) -> None:
    unchanged["versions"] = {"numpy": "2", "scipy": "3"}
    unchanged["tool_sha256"] = "u"

    said = resuming.changes(REQUEST, Recorded(Path(), HEADER, INPUTS))

    assert said == ["numpy 1 became 2", "scipy None became 3", "the code of pytest-conformance changed"]


def test_F10_a_run_that_rests_on_something_else_is_refused_and_nothing_is_written(
    unchanged: dict[str, Any], tmp_path: Path
) -> None:
    run = Run.start(tmp_path, {})
    run.close()
    before = (run.folder / "journal.jsonl").read_bytes()

    with pytest.raises(UsageError) as caught:
        resuming.go_on(REQUEST, Recorded(run.folder, {**HEADER, "tool_sha256": "u"}, INPUTS))

    assert caught.value.code == "USE-RSM-002"
    assert (run.folder / "journal.jsonl").read_bytes() == before


@pytest.mark.parametrize("ended", [True, False])
def test_a_run_that_ended_or_did_not_say_what_was_asked_cannot_go_on(ended: bool) -> None:
    recorded = Recorded(Path("r"), {"asked": ASKED} if ended else {}, ended=ended)

    with pytest.raises(UsageError) as caught:
        recorded.merged({}, resuming=True)
    assert caught.value.code == "USE-RSM-001"


def test_a_run_that_goes_on_takes_its_options_from_the_record_and_no_others() -> None:
    recorded = Recorded(Path("r"), {"asked": ASKED})
    silent: dict[str, str | bool] = dict.fromkeys(ASKED, "")

    assert recorded.merged(silent, resuming=True) == ASKED
    assert recorded.merged({**silent, "bench": "mock"}, resuming=True) == ASKED
    with pytest.raises(UsageError) as caught:
        recorded.merged({**silent, "clauses": "CN-FRT-*"}, resuming=True)
    assert caught.value.code == "USE-RSM-004"


def test_a_replay_may_have_another_profile_and_other_clauses_but_no_other_bench() -> None:
    today: dict[str, str | bool] = {"bench": "", "profile": "quick", "clauses": "X", "accredited": True}

    merged = Recorded(Path("r"), {"asked": ASKED}).merged(today, resuming=False)

    assert merged == {**ASKED, "profile": "quick", "clauses": "X"}


def test_an_instrument_of_another_serial_number_ends_it(tmp_path: Path) -> None:
    run = Run.start(tmp_path, {})
    before = {"of": "supply", "driver": "d", "serial": "S1 at 127.0.0.1:5000"}
    run.event("descriptor", {**before, "serial": "S1 at 127.0.0.1:7000"})
    recorded = Recorded(run.folder, identities={"supply": before})
    resuming.require_same_bench(recorded, run)

    other = replace(recorded, identities={"supply": {**before, "serial": "S2"}})
    with pytest.raises(UsageError) as caught:
        resuming.require_same_bench(other, run)
    assert caught.value.code == "USE-RSM-003"
