from __future__ import annotations

import pytest

from pytest_conformance.drivers.label_reader import LabelReaderSettings, SerialLabelReader
from pytest_conformance.drivers.roles import LabelReader
from pytest_conformance.errors import InstrumentError, LinkError, OperatorError

HELLO = [("ID?", "ID Maker,Reader,1,1.0")]


def open_reader(address, context):
    return SerialLabelReader.open(LabelReaderSettings(address=address, timeout="500 ms"), context)


def test_a_label_is_read_by_its_length(talk, context):
    with talk([*HELLO, ("TRIG 2", "LABEL 2 9\nSN:1\nPW:2")]) as far:
        assert open_reader(far.serial, context).read(2) == "SN:1\nPW:2"


def test_the_answer_to_another_trigger_is_not_taken(talk, context):
    with talk([*HELLO, ("TRIG 2", "LABEL 1 4\nLABEL 2 4\nSN:2")]) as far:
        assert open_reader(far.serial, context).read(2) == "SN:2"


def test_no_label_is_for_the_operator(talk, context):
    with talk([*HELLO, ("TRIG 2", "NOREAD 2")]) as far, pytest.raises(OperatorError) as caught:
        open_reader(far.serial, context).read(2)
    assert caught.value.code == "OPR-LBL-001"


@pytest.mark.parametrize(
    ("answer", "code"),
    [("LABEL 2 99999", "BEN-INS-122"), ("LABEL 2 -1", "BEN-INS-122"), ("LABEL 2 9\nshort", "BEN-INS-101")],
)
def test_a_reader_that_fails_is_an_instrument_error(talk, context, answer, code):
    with talk([*HELLO, ("TRIG 2", answer)]) as far, pytest.raises(InstrumentError) as caught:
        open_reader(far.serial, context).read(2)
    assert caught.value.code == code


HOSTILE = ["SN 1", "a\r\nNOREAD 2\r\n\x1b[2J\x00", "标签 é", "=cmd|' /C'!A0", "x" * 4000]


def test_labels_of_the_simulated_samples_arrive_as_they_are(world, context):
    world.labels[:] = HOSTILE
    reader = open_reader(world.manifest["label_reader"]["address"], context)
    assert isinstance(reader, LabelReader)
    assert [reader.read(sample) for sample in range(1, 6)] == HOSTILE
    with pytest.raises(OperatorError):
        reader.read(6)
    assert reader.check() == []
    reader.close()


def test_bytes_that_are_no_text_come_as_lone_surrogates(world, context):
    world.labels[:] = ["a\ud800b"]
    reader = open_reader(world.manifest["label_reader"]["address"], context)
    assert reader.read(1).encode("utf-8", "surrogateescape") == b"a\xed\xa0\x80b"
    reader.close()


def test_a_killed_reader_is_a_link_error(world, context):
    reader = open_reader(world.manifest["label_reader"]["address"], context)
    world.far_end("label_reader").kill()
    with pytest.raises(LinkError):
        reader.read(1)
    reader.close()
