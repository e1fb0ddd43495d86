"""The journal: what is appended can be read, by whomever and whatever else happened."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from pytest_conformance.errors import StorageError
from pytest_conformance.record import Journal, read_journal, verify_journal
from pytest_conformance.record.journal import GENESIS, TEXT_CAP

HOSTILE = [
    "\x00\x1b[2J\x07\x7f\x9b31m",
    "\ud800 lone \udfff",
    "<script>alert(1)</script>",
    "../../etc/passwd\\..\\x",
    "a\nb\r\u2028PASSED",
    "\u202egnp.exe",
    "{0.__class__} %n ${x} {{y}}",
]


def _append(path: str, name: str, count: int) -> None:
    journal = Journal(Path(path))
    for number in range(count):
        journal.append("note", {"text": name, "number": number})
    journal.close()


def test_lines_are_chained_from_the_first(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    first = journal.append("note", {"text": "a"})
    second = journal.append("note", {"text": "b"})

    assert (first.seq, first.prev) == (0, GENESIS)
    assert second.seq == 1
    assert journal.head()[0] == 2
    assert read_journal(tmp_path / "j") == [first, second]
    assert verify_journal(tmp_path / "j") == []


def test_hostile_text_is_ascii_on_the_disk_and_itself_when_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    for text in HOSTILE:
        journal.append("note", {"text": text, text: text})

    raw = (tmp_path / "j").read_bytes()
    assert raw.count(b"\n") == len(HOSTILE)
    assert all(0x20 <= byte < 0x7F or byte == 0x0A for byte in raw)
    assert [event.data["text"] for event in read_journal(tmp_path / "j")] == HOSTILE


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes", {1, 2}])
def test_what_json_lacks_does_not_reach_the_file(tmp_path: Path, value: object) -> None:
    journal = Journal(tmp_path / "j")
    with pytest.raises(StorageError) as caught:
        journal.append("note", {"text": "", "value": value})
    journal.append("note", {"text": "goes on"})

    assert caught.value.code == "BEN-STO-005"
    assert [event.seq for event in read_journal(tmp_path / "j")] == [0]


def test_text_is_bounded_and_says_what_was_left_out(tmp_path: Path) -> None:
    event = Journal(tmp_path / "j").append("note", {"text": "x" * (TEXT_CAP + 5)})

    assert event.data["text"].endswith("… [5 more characters]")


def test_two_processes_write_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "j"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append, args=(str(path), name, 60)) for name in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)

    events = read_journal(path)
    assert verify_journal(path) == []
    assert [event.seq for event in events] == list(range(120))
    for name in ("a", "b"):
        assert [event.data["number"] for event in events if event.data["text"] == name] == list(range(60))


def test_a_forked_child_takes_its_own_lock(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.append("note", {"text": "parent"})
    size = (tmp_path / "j").stat().st_size
    with journal._locked():
        pid = os.fork()
        if pid == 0:
            journal.append("note", {"text": "child"})
            os._exit(0)
        time.sleep(0.4)
        waiting = (tmp_path / "j").stat().st_size
    assert os.waitpid(pid, 0)[1] == 0
    journal.append("note", {"text": "parent"})

    assert waiting == size
    assert [event.data["text"] for event in read_journal(tmp_path / "j")] == ["parent", "child", "parent"]
    assert verify_journal(tmp_path / "j") == []


def test_threads_write_one_chain(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")

    def write() -> None:
        for _ in range(40):
            journal.append("note", {"text": "t"})

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert verify_journal(tmp_path / "j") == []
    assert len(read_journal(tmp_path / "j")) == 120


@pytest.mark.parametrize("cut", [1, 7, 60, -1])
def test_E04_a_torn_tail_is_set_aside_and_recorded(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "j"
    _append(str(path), "whole", 3)
    last = path.read_bytes().splitlines(keepends=True)[-1]
    with path.open("ab") as file:
        file.write(last[:cut])

    assert len(read_journal(path)) == 3
    assert [finding.code for finding in verify_journal(path)] == ["torn"]

    Journal(path).append("note", {"text": "after"})

    events = read_journal(path)
    assert verify_journal(path) == []
    assert [event.type for event in events] == ["note", "note", "note", "recovered", "note"]
    assert (tmp_path / events[3].data["file"]).read_bytes() == last[:cut]


def test_a_journal_that_is_only_a_torn_line_opens(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b'{"seq":0,"ut')

    Journal(path).append("note", {"text": "after"})

    assert [event.type for event in read_journal(path)] == ["recovered", "note"]


def test_E03_after_a_write_error_nothing_more_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "j")
    journal.append("note", {"text": "a"})

    def fail(fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(StorageError) as caught:
            journal.append("verdict", {"clauses": [], "test": "", "verdict": "PASS", "cause": None})
    assert caught.value.code == "BEN-STO-002"

    with pytest.raises(StorageError):
        journal.append("note", {"text": "b"})


def test_E08_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        Journal(tmp_path / "missing" / "j")
    assert caught.value.code == "BEN-STO-001"


def test_E11_a_newer_format_is_not_guessed(tmp_path: Path) -> None:
    Journal(tmp_path / "j").append("start", {"format": "conformance-journal/2", "run": "r", "header": {}})

    with pytest.raises(StorageError) as caught:
        read_journal(tmp_path / "j")
    assert caught.value.code == "BEN-STO-004"


@pytest.mark.parametrize(
    "line",
    [
        b"[]\n",
        b"{}\n",
        b'{"seq":0,"seq":1}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b'{"seq":0,"utc":"","mono_ns":NaN,"boot_id":"","type":"note","data":{},"prev":""}\n',
    ],
)
def test_a_line_that_is_no_event_is_named(tmp_path: Path, line: bytes) -> None:
    _append(str(tmp_path / "j"), "a", 1)
    with (tmp_path / "j").open("ab") as file:
        file.write(line)

    with pytest.raises(StorageError, match="line 2") as caught:
        read_journal(tmp_path / "j")
    assert caught.value.code == "BEN-STO-003"


def test_verdicts_are_synced_and_streams_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (syncs.append(fd), real(fd)))
    journal = Journal(tmp_path / "j")
    journal.append("note", {"text": "the first sync of all"})
    syncs.clear()

    for number in range(20):
        journal.append("trial", {"campaign": "c", "number": number, "outcome": "match"})
    few = len(syncs)
    journal.append("operator", {"prompt": "mounted?"})

    assert few <= 1
    assert len(syncs) == few + 1


def test_the_line_is_plain_json(tmp_path: Path) -> None:
    Journal(tmp_path / "j").append("note", {"text": "a"})

    fields = json.loads((tmp_path / "j").read_text())
    assert list(fields) == ["seq", "utc", "mono_ns", "boot_id", "type", "data", "prev"]
