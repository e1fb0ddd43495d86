"""From a test's outcome to its contribution: FAIL only for a plain failed assertion of the test itself."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_conformance.errors import DeviceError, InstrumentError, LinkError, MethodError, OperatorError, UsageError
from pytest_conformance.running import judging
from pytest_conformance.running.judging import InconclusiveError, Judgement, LimitExceededError, contribution
from pytest_conformance.verdicts import Cause, Contribution, DecisionRule, Limit, Measurement, Verdict

GONE = LinkError("BEN-LNK-101", "nobody answers")
REF = "sha256:" + "a" * 64


def said(error: BaseException | None, phase: str = "call", judgement: Judgement | None = None) -> Contribution:
    made = contribution("t.py::test", phase, error, judgement)
    assert made is not None
    return made


def assertion_from(behind: BaseException) -> AssertionError:
    error = AssertionError("the device said nothing")
    error.__cause__ = behind
    return error


def test_a_call_that_ends_well_passes() -> None:
    assert said(None) == Contribution(Verdict.PASS, "t.py::test")


@pytest.mark.parametrize("phase", ["setup", "teardown"])
def test_setup_and_teardown_that_end_well_say_nothing(phase: str) -> None:
    assert contribution("t", phase, None, Judgement()) is None


def test_a_failed_assertion_is_the_device_s() -> None:
    made = said(AssertionError("uploads a face\nassert ['face'] == []"))
    assert (made.verdict, made.cause, made.reason, made.code) == (Verdict.FAIL, Cause.DUT, "uploads a face", "")


def test_a_bare_assertion_keeps_pytest_s_explanation() -> None:
    assert said(AssertionError("assert 3 == 4\n +  where 3 = len()")).reason == "assert 3 == 4 + where 3 = len()"
    assert said(AssertionError()).reason == "assertion failed"


@pytest.mark.parametrize("phase", ["setup", "teardown"])
def test_an_assertion_outside_of_the_call_is_never_a_fail(phase: str) -> None:
    made = said(AssertionError("the fixture's own"), phase)
    assert (made.verdict, made.cause, made.code) == (Verdict.INCONCLUSIVE, Cause.BENCH, "BEN-INT-001")
    assert made.reason == f"AssertionError in {phase}: the fixture's own"


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (GONE, Cause.BENCH),
        (InstrumentError("BEN-INS-001", "dead"), Cause.BENCH),
        (OperatorError("OPR-ACT-001", "nobody came"), Cause.OPERATOR),
        (MethodError("MET-LIM-001", "undecided"), Cause.METHOD),
        (DeviceError("DUT-BOOT-001", "never booted"), Cause.DUT),
        (UsageError("USE-DRV-001", "no such driver"), Cause.METHOD),
    ],
)
@pytest.mark.parametrize("phase", ["setup", "call", "teardown"])
def test_an_error_of_the_tree_is_inconclusive_with_its_own_cause(error: Exception, cause: Cause, phase: str) -> None:
    made = said(error, phase)
    assert (made.verdict, made.cause, made.code) == (Verdict.INCONCLUSIVE, cause, error.args[0])


@pytest.mark.parametrize(
    "wrapped",
    [
        assertion_from(GONE),
        assertion_from(assertion_from(GONE)),
        ExceptionGroup("several", [AssertionError("one"), GONE]),
        InconclusiveError("x").with_traceback(None),
    ],
)
def test_an_assertion_with_a_bench_error_behind_it_is_inconclusive(wrapped: BaseException) -> None:
    if isinstance(wrapped, InconclusiveError):
        wrapped.__cause__ = GONE
    made = said(wrapped)
    assert (made.verdict, made.cause, made.code) == (Verdict.INCONCLUSIVE, Cause.BENCH, "BEN-LNK-101")


def clumsy() -> None:
    try:
        raise GONE
    except LinkError:
        assert False, "no"  # noqa: B011, PT015


def test_an_assertion_while_handling_a_bench_error_is_inconclusive() -> None:
    with pytest.raises(AssertionError) as caught:
        clumsy()
    assert said(caught.value).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("error", [KeyError("x"), TimeoutError(), pytest.fail.Exception("a time limit, perhaps")])
def test_any_other_exception_is_the_bench_s(error: BaseException) -> None:
    made = said(error)
    assert (made.verdict, made.cause, made.code) == (Verdict.INCONCLUSIVE, Cause.BENCH, "BEN-INT-001")
    assert type(error).__name__ in made.reason


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(0)])
def test_a_stopped_test_was_aborted(error: BaseException) -> None:
    made = said(error)
    assert (made.verdict, made.cause, made.code) == (Verdict.INCONCLUSIVE, Cause.ABORTED, "ABO-RUN-001")


def test_measurements_and_evidence_go_with_every_verdict() -> None:
    judgement = Judgement()
    judgement.report("tries", 3, "1")
    judgement.cite(REF, REF)
    for error in (None, AssertionError("no"), GONE, KeyError()):
        made = said(error, judgement=judgement)
        assert made.measurements == (Measurement("tries", 3, "1", None, "", None),)
        assert made.evidence == (REF,)


# --- measured values


def test_a_value_within_its_limit_passes_and_is_kept() -> None:
    judgement = Judgement()
    assert judgement.require("decision", 1.5, Limit("s", upper=2.0), uncertainty=0.1, n=20) is Verdict.PASS
    assert judgement.measurements == [Measurement("decision", 1.5, "s", 0.1, "<= 2 s", 20)]


def test_a_value_beyond_its_limit_fails_and_is_kept() -> None:
    judgement = Judgement()
    with pytest.raises(LimitExceededError, match=r"decision is 2\.5 s") as caught:
        judgement.require("decision", 2.5, Limit("s", upper=2.0))
    made = said(caught.value, judgement=judgement)
    assert (made.verdict, made.cause) == (Verdict.FAIL, Cause.DUT)
    assert made.measurements[0].value == 2.5


def test_a_value_in_the_guard_band_is_the_method_s() -> None:
    judgement = Judgement(DecisionRule.GUARDED)
    with pytest.raises(MethodError) as caught:
        judgement.require("decision", 1.95, Limit("s", upper=2.0), uncertainty=0.1)
    assert (caught.value.code, said(caught.value).cause) == ("MET-LIM-001", Cause.METHOD)


def test_conditional_verdicts_only_worsen() -> None:
    judgement = Judgement(DecisionRule.CONDITIONAL)
    limit = Limit("s", upper=2.0)
    assert judgement.require("a", 2.05, limit, uncertainty=0.1) is Verdict.CONDITIONAL_FAIL
    assert judgement.require("b", 1.95, limit, uncertainty=0.1) is Verdict.CONDITIONAL_PASS
    assert judgement.require("c", 1.0, limit, uncertainty=0.1) is Verdict.PASS
    made = said(None, judgement=judgement)
    assert (made.verdict, made.cause) == (Verdict.CONDITIONAL_FAIL, Cause.DUT)
    assert made.reason.startswith("a is 2.05 s")


def test_a_reading_that_is_no_number_is_the_instrument_s() -> None:
    with pytest.raises(InstrumentError) as caught:
        Judgement().require("level", float("nan"), Limit("lx", lower=100))
    assert caught.value.code == "BEN-INS-090"


# --- on the way to the record


def test_a_disguised_bench_error_is_raised_as_what_it_is() -> None:
    other = judging.disguised(assertion_from(GONE))
    assert isinstance(other, InconclusiveError)
    assert not isinstance(other, AssertionError)
    assert judging.disguised(AssertionError("plain")) is None
    assert judging.disguised(GONE) is None


@given(
    st.builds(
        Contribution,
        st.sampled_from(Verdict),
        st.text(),
        st.none() | st.sampled_from(Cause),
        st.text(),
        st.text(),
        st.lists(st.builds(Measurement, st.text(), st.floats(allow_nan=False, allow_infinity=False), st.text())).map(
            tuple
        ),
        st.lists(st.text()).map(tuple),
    )
)
def test_a_contribution_survives_the_way_through_json(made: Contribution) -> None:
    assert judging.from_json(json.loads(json.dumps(judging.to_json(made)))) == made


def test_text_that_no_channel_carries_is_escaped_and_cut() -> None:
    reason = said(AssertionError("a\udc80b\n\n  c" + "x" * 1000)).reason
    reason.encode("utf-8")
    assert reason.startswith("a\\udc80b c")
    assert len(reason) == judging.REASON_LENGTH
    assert reason.endswith("…")


def test_a_lost_worker_is_the_bench_s() -> None:
    made = judging.worker_lost("t", "worker 'gw0' crashed")
    assert (made.verdict, made.cause, made.code) == (Verdict.INCONCLUSIVE, Cause.BENCH, "BEN-WRK-001")


@pytest.mark.parametrize(
    ("error", "fault"),
    [(GONE, True), (assertion_from(GONE), True), (DeviceError("DUT-X-001", ""), False), (KeyError(), False)],
)
def test_a_bench_fault_is_told_from_the_device_s(error: BaseException, fault: bool) -> None:
    assert judging.is_bench_fault(error) is fault
