"""The error tree: messages, causes, and the bench error behind whatever was raised."""

from __future__ import annotations

import pickle

import pytest

from pytest_conformance import errors
from pytest_conformance.errors import BenchError, ConformanceError, LinkError, UsageError, bench_error_behind

GONE = LinkError("BEN-LNK-101", "nobody answers", where="supply", expected="an answer", todo="look at the cable")
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ConformanceError)]


def test_a_message_says_what_where_expected_and_to_do() -> None:
    assert str(GONE) == ("BEN-LNK-101: nobody answers; where: supply; expected: an answer; to do: look at the cable")
    assert str(LinkError("BEN-LNK-101", "nobody answers")) == "BEN-LNK-101: nobody answers"


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_the_way_between_processes(kind: type[ConformanceError]) -> None:
    error = kind("BEN-INT-001", "what", where="here", expected="that", todo="this")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert (copy.code, copy.where) == ("BEN-INT-001", "here")


def test_each_branch_has_the_cause_of_who_must_act() -> None:
    causes = {kind.__name__: kind.cause for kind in KINDS}
    assert causes["LinkError"] == causes["CalibrationError"] == causes["SimulationError"] == "bench"
    assert causes["OperatorError"] == "operator"
    assert causes["SurroundingsError"] == "environment"
    assert causes["MethodError"] == causes["UsageError"] == "method"
    assert causes["DeviceError"] == "dut"
    assert causes["AbortedError"] == "aborted"


def test_an_error_is_behind_itself() -> None:
    assert bench_error_behind(GONE) is GONE


def caught(act: object) -> BaseException:
    try:
        act()  # type: ignore[operator]
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def by_cause() -> None:
    try:
        raise GONE
    except LinkError as error:
        raise AssertionError("no answer") from error


def by_context() -> None:
    try:
        raise GONE
    except LinkError:
        raise AssertionError("no answer")  # noqa: B904


def by_group() -> None:
    raise ExceptionGroup("several", [ValueError("a"), ExceptionGroup("deep", [GONE])])


def deep() -> None:
    try:
        by_group()
    except ExceptionGroup as error:
        try:
            raise RuntimeError("between") from error
        except RuntimeError:
            assert False, "in the end"  # noqa: B011, PT015


@pytest.mark.parametrize("act", [by_cause, by_context, by_group, deep])
def test_a_wrapped_bench_error_is_found(act: object) -> None:
    assert bench_error_behind(caught(act)) is GONE


def test_an_error_that_was_dealt_with_on_purpose_is_not_behind() -> None:
    def act() -> None:
        try:
            raise GONE
        except LinkError:
            raise AssertionError("the author says so") from None

    assert bench_error_behind(caught(act)) is None


def test_a_plain_assertion_has_nothing_behind() -> None:
    assert bench_error_behind(AssertionError("no")) is None


def test_circles_of_causes_end() -> None:
    one, two = ValueError("1"), ValueError("2")
    one.__cause__, two.__cause__ = two, one
    assert bench_error_behind(one) is None


def test_usage_errors_are_not_the_bench_s() -> None:
    assert not issubclass(UsageError, BenchError)
