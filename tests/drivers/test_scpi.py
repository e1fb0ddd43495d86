from __future__ import annotations

import threading
import time

import pytest

from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.scpi import QUEUE, ScpiSession, ScpiSettings
from pytest_conformance.errors import InstrumentError, LinkError
from pytest_conformance.simulation.world import World

IDN = "Maker,Model,Serial,1.0"
HELLO = [("*IDN?", IDN), ("SYST:ERR?", '0,"No error"')]
FINE = ("SYST:ERR?", '+0,"No error"')


def begin(address: str, context: DriverContext, timeout: str = "150 ms", **more: str) -> ScpiSession:
    return ScpiSession.begin(ScpiSettings(address=address, timeout=timeout, **more), context)


def code_of(caught: pytest.ExceptionInfo[InstrumentError]) -> str:
    return caught.value.code


def test_opening_asks_who_is_there_and_reads_the_error_queue(talk, context):
    with talk(HELLO) as far:
        session = begin(far.visa, context)
        assert session.door == "socket"
        assert session.found_errors == ()
        session.close()


def test_the_expected_identity_may_hold_wildcards(talk, context):
    with talk(HELLO) as far:
        begin(far.visa, context, expect_idn="Maker,Model,Serial,*").close()


def test_another_instrument_than_expected_is_refused(talk, context):
    with talk(HELLO[:1]) as far, pytest.raises(InstrumentError) as caught:
        begin(far.visa, context, expect_idn="Maker,Model,Other,*")
    assert code_of(caught) == "BEN-INS-103"


def test_an_instrument_that_changed_during_the_run_is_refused(talk, context):
    with talk([*HELLO, ("*IDN?", "Maker,Model,Another,1.0")]) as far:
        session = begin(far.visa, context)
        with pytest.raises(InstrumentError) as caught:
            session.identity()
        assert code_of(caught) == "BEN-INS-103"


@pytest.mark.parametrize("answer", ["hello", "a,b,c", "a,b,c,d,e"])
def test_an_identity_that_is_none_is_refused(talk, context, answer):
    with talk([("*IDN?", answer)]) as far, pytest.raises(InstrumentError) as caught:
        begin(far.visa, context)
    assert code_of(caught) == "BEN-INS-109"


def test_a_late_answer_is_never_taken_for_the_next_question(talk, context):
    script = [
        *HELLO,
        ("MEAS:VOLT?", ("99.0", 0.3)),
        ("*IDN?", IDN),
        ("MEAS:VOLT?", "5.0"),
        ("MEAS:CURR?", "0.2"),
    ]
    with talk(script) as far:
        session = begin(far.visa, context)
        assert session.number("MEAS:VOLT?") == 5.0
        time.sleep(0.35)  # now the late answer was sent, into a connection that nobody reads
        assert session.number("MEAS:CURR?") == 0.2
        assert far.connections == 2


def test_an_instrument_that_stays_silent_is_an_instrument_error_after_one_retry(talk, context):
    with talk([*HELLO, ("MEAS:VOLT?", None), ("*IDN?", IDN), ("MEAS:VOLT?", None)]) as far:
        session = begin(far.visa, context)
        with pytest.raises(InstrumentError) as caught:
            session.ask("MEAS:VOLT?")
        assert code_of(caught) == "BEN-INS-101"


def test_after_a_failure_the_next_question_is_preceded_by_a_resynchronisation(talk, context):
    silent = [("MEAS:VOLT?", None), ("*IDN?", IDN), ("MEAS:VOLT?", None)]
    with talk([*HELLO, *silent, ("*IDN?", IDN), ("OUTP?", "0")]) as far:
        session = begin(far.visa, context)
        with pytest.raises(InstrumentError):
            session.ask("MEAS:VOLT?")
        assert session.boolean("OUTP?") is False


def test_an_answer_to_the_previous_question_is_dropped_with_its_connection(talk, context):
    """After a timeout `*IDN?` is answered by something else: the link is opened anew and asked again."""
    script = [*HELLO, ("MEAS:VOLT?", None), ("*IDN?", "5.0"), ("*IDN?", IDN), ("MEAS:VOLT?", "4.9")]
    with talk(script) as far:
        assert begin(far.visa, context).number("MEAS:VOLT?") == 4.9
        assert far.connections == 3


def test_a_stranger_after_a_timeout_is_out_of_step(talk, context):
    script = [*HELLO, ("MEAS:VOLT?", None), ("*IDN?", "5.0"), ("*IDN?", "5.0")]
    with talk(script) as far:
        session = begin(far.visa, context)
        with pytest.raises(InstrumentError) as caught:
            session.number("MEAS:VOLT?")
        assert code_of(caught) == "BEN-INS-107"


def test_each_setting_is_followed_by_the_error_queue(talk, context):
    with talk([*HELLO, ("VOLT 5", None), FINE]) as far:
        begin(far.visa, context).tell("VOLT 5")


def test_a_refused_setting_tells_every_error(talk, context):
    errors = [("SYST:ERR?", '-222,"Data out of range"'), ("SYST:ERR?", '-113,"Undefined header"'), FINE]
    with talk([*HELLO, ("VOLT 99", None), *errors]) as far:
        session = begin(far.visa, context)
        with pytest.raises(InstrumentError, match=r"VOLT 99.*out of range.*Undefined header") as caught:
            session.tell("VOLT 99")
        assert code_of(caught) == "BEN-INS-102"


def test_an_endless_error_queue_is_read_to_its_bound(talk, context):
    with talk([*HELLO, ("VOLT 5", None), *[("SYST:ERR?", '-300,"Again"')] * QUEUE]) as far:
        session = begin(far.visa, context)
        with pytest.raises(InstrumentError, match="59 more"):
            session.tell("VOLT 5")


def test_errors_from_before_are_kept_and_cleared_once(talk, context):
    script = [("*IDN?", IDN), ("SYST:ERR?", '-100,"Old"'), FINE, ("*CLS", None), FINE]
    with talk(script) as far:
        assert begin(far.visa, context).found_errors == ('-100,"Old"',)


def test_an_error_queue_that_fills_again_is_refused(talk, context):
    script = [("*IDN?", IDN), ("SYST:ERR?", '-100,"Old"'), FINE, ("*CLS", None), ("SYST:ERR?", '-330,"Broken"'), FINE]
    with talk(script) as far, pytest.raises(InstrumentError) as caught:
        begin(far.visa, context)
    assert code_of(caught) == "BEN-INS-108"


def test_nobody_there_is_a_link_error(context):
    with pytest.raises(LinkError):
        begin("TCPIP::127.0.0.1::hislip0,1::INSTR", context)


def test_a_link_that_breaks_in_mid_conversation_is_a_link_error(talk, context):
    with talk([*HELLO, ("MEAS:VOLT?", ...)]) as far:
        session = begin(far.visa, context)
        with pytest.raises(LinkError):
            session.ask("MEAS:VOLT?")


def test_hislip_device_clear_ends_a_slow_answer_and_the_retry_gets_its_own(world: World, context):
    supply = world.far_end("supply")
    session = begin(world.manifest["supply"]["address"], context)
    supply.hislip.latency = 0.4

    def recover() -> None:
        while not supply.hislip.clears:
            time.sleep(0.01)
        supply.hislip.latency = 0.0

    helper = threading.Thread(target=recover)
    helper.start()
    assert session.door == "hislip"
    assert session.ask("VOLT:PROT?") == "+3.52000000E+01"
    helper.join()
    assert session.ask("OUTP?") == "0"
    assert supply.seen()["device_clears"] == 1
    session.close()


@pytest.mark.parametrize("door", ["address", "alternative"])
def test_the_simulated_instrument_answers_alike_through_each_door(world: World, context, door):
    session = begin(world.manifest["supply"][door], context)
    session.tell("volt 3.3;:curr 500 mA")
    assert session.ask(":SOURce:VOLTage:LEVel?;*OPC?") == "+3.30000000E+00;1"
    assert session.number("CURR?") == 0.5
    with pytest.raises(InstrumentError, match="Undefined header;NONSENSE"):
        session.tell("NONSENSE 1")
    session.close()
