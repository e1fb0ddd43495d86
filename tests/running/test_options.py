"""What was asked of a run: options and ini twins, read once, refused with what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_conformance.errors import UsageError
from pytest_conformance.resources import shipped
from pytest_conformance.running.options import Request, read

Reading = Callable[..., Request]
LAB = "schema: conformance-bench/1\nname: own\nmode: lab\nroles: {}\n"


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """Read options given by name (bench="mock"), and ini values given as `ini`."""

    def act(ini: dict[str, Any] | None = None, **options: Any) -> Request:
        given = {f"conformance_{name}": value for name, value in options.items()}
        twins = {f"conformance_{name}": value for name, value in (ini or {}).items()}
        config: Any = SimpleNamespace(
            getoption=lambda name: given.get(name),
            getini=lambda name: twins.get(name, ""),
            invocation_params=SimpleNamespace(dir=tmp_path),
        )
        return read(config)

    return act


def code_of(reading: Reading, **options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        reading(**options)
    return str(caught.value)


def test_the_bench_alone_is_enough(reading: Reading, tmp_path: Path) -> None:
    request = reading(bench="mock")
    assert (request.bench.name, request.dut, request.declaration.kind) == ("mock", "mock-lock", "lock")
    assert request.profile.name == "standard"
    assert request.record == tmp_path / "runs"
    assert (request.known_bad, request.clauses, request.accredited, request.require_all) == ((), "", False, False)


def test_every_option_arrives(reading: Reading, tmp_path: Path) -> None:
    request = reading(
        bench="mock",
        dut="mock-lock",
        known_bad=" a , b,",
        clauses="CN-*",
        record="elsewhere",
        profile="quick",
        accredited=True,
        require_all=True,
    )
    assert request.known_bad == ("a", "b")
    assert (request.clauses, request.record, request.profile.name) == ("CN-*", tmp_path / "elsewhere", "quick")
    assert request.accredited
    assert request.require_all


def test_ini_twins_stand_in_and_options_win(reading: Reading, tmp_path: Path) -> None:
    ini = {"bench": "mock", "profile": "quick", "require_all": True, "record": "ini"}
    request = reading(ini, record="option")
    assert (request.profile.name, request.require_all, request.record) == ("quick", True, tmp_path / "option")


def test_a_declaration_by_path_is_called_by_its_name(reading: Reading, tmp_path: Path) -> None:
    own = tmp_path / "mock-lock.yaml"
    own.write_bytes((shipped("fixtures") / "devices" / "mock-lock.yaml").read_bytes())
    assert reading(bench="mock", dut=str(own)).dut == "mock-lock"


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ({"bench": "mok"}, "USE-BEN-001", "mock"),
        ({"bench": "mock", "dut": "mock-lok"}, "USE-DUT-001", "mock-lock"),
        ({"bench": "mock", "profile": "standart"}, "USE-PRO-001", "standard"),
        ({"bench": "mock", "replay": "runs/x"}, "USE-OPT-004", "--replay"),
        ({"replay": "runs/x"}, "USE-RUN-001", "runs/x"),
        ({"resume": "runs/x"}, "USE-RUN-001", "runs/x"),
        ({"bench": "lab1", "dut": "mock-lock", "known_bad": "never-boots"}, "USE-OPT-001", "lab1"),
    ],
)
def test_what_does_not_exist_is_refused_with_near_names(
    reading: Reading, options: dict[str, str], code: str, said: str
) -> None:
    message = code_of(reading, **options)
    assert message.startswith(code)
    assert said in message


def test_without_a_device_there_is_no_run(reading: Reading, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(LAB)
    assert code_of(reading, bench=str(tmp_path / "own.yaml")).startswith("USE-OPT-003")


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("nmae: own\n", ":2:1", "name"),
        ("name: own\nname: own\n", ":3:1", "name"),
        (
            "name: own\nroles:\n  supply: {driver: scpi-supply, address: x}\n  supply: {driver: y}\n",
            ":5:3",
            "supply",
        ),
    ],
)
def test_a_bad_bench_file_says_where_and_what_was_meant(
    reading: Reading, tmp_path: Path, text: str, place: str, said: str
) -> None:
    (tmp_path / "own.yaml").write_text("schema: conformance-bench/1\n" + text + "mode: lab\n")
    message = code_of(reading, bench=str(tmp_path / "own.yaml"))
    assert f"own.yaml{place}" in message
    assert said in message


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("driver: lock\n", "driver: lok\n", "USE-DRV-001", "'lock'"),
        ("driver: lock\n", "driver: camera\n", "USE-DUT-002", "is for a camera"),
        ("\nfeatures:\n", "\nfeatures:\n  netwrok: true\n", "USE-DEC-001", "network"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused(
    reading: Reading, tmp_path: Path, old: str, new: str, code: str, said: str
) -> None:
    text = (shipped("fixtures") / "devices" / "mock-lock.yaml").read_text()
    assert old in text
    (tmp_path / "own.yaml").write_text(text.replace(old, new, 1))
    message = code_of(reading, bench="mock", dut=str(tmp_path / "own.yaml"))
    assert code in message
    assert said in message
    assert "own.yaml:" in message
