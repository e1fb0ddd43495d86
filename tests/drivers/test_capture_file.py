from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.drivers.capture_file import CaptureFileDriver, CaptureFileSettings
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.drivers.pcapng import PcapngWriter
from pytest_conformance.errors import InstrumentError, UsageError

HAR = {
    "log": {
        "version": "1.2",
        "creator": {"name": "x", "version": "1"},
        "entries": [
            {
                "startedDateTime": "2026-01-01T00:00:00.000Z",
                "time": 5,
                "request": {
                    "method": "POST",
                    "url": "https://api.example/v1/a",
                    "httpVersion": "HTTP/1.1",
                    "headers": [],
                    "queryString": [],
                    "cookies": [],
                    "headersSize": -1,
                    "bodySize": 3,
                    "postData": {"mimeType": "text/plain", "text": "abc"},
                },
                "response": {
                    "status": 204,
                    "statusText": "",
                    "httpVersion": "HTTP/1.1",
                    "headers": [],
                    "cookies": [],
                    "content": {"size": 0, "mimeType": ""},
                    "redirectURL": "",
                    "headersSize": -1,
                    "bodySize": 0,
                },
                "cache": {},
                "timings": {"send": 1, "wait": 3, "receive": 1},
            }
        ],
    }
}


@pytest.fixture
def driver(tmp_path: Path) -> CaptureFileDriver:
    for name in ("in", "run"):
        (tmp_path / name).mkdir()
    settings = CaptureFileSettings(folder=tmp_path / "in", within="0.3 s", device_addresses=("192.0.2.50",))
    return CaptureFileDriver.open(settings, DriverContext("capture", RealClock(), tmp_path / "run"))


def finished(path: Path, age: float = 2.0) -> None:
    """Let the file look as if nobody had written to it for so many seconds."""
    os.utime(path, (time.time() - age,) * 2)


def begin(driver: CaptureFileDriver, name: str) -> None:
    driver.start(name)
    driver._began -= 10.0  # the span began a while ago


def write(path: Path, packets: int = 3) -> None:
    writer = PcapngWriter(path, "x", "y", time.time_ns())
    for _ in range(packets):
        writer.packet(bytes(60), time.time_ns())
    writer.close(time.time_ns(), 2)
    finished(path)


def test_a_capture_of_the_span_is_taken_with_its_marks_and_losses(driver: CaptureFileDriver, tmp_path: Path) -> None:
    begin(driver, "enrolment of S1")
    driver.mark("enrolled")
    write(tmp_path / "in" / "enrolment-of-S1.pcapng")
    file = driver.stop()
    assert file.path == (tmp_path / "run" / "enrolment-of-S1.pcapng").resolve()
    assert (file.door, file.packets, file.dropped) == ("file", 3, 2)
    assert [label for label, *_ in file.marks] == ["capture starts", "enrolled", "capture ends"]
    assert file.device_addresses == ("192.0.2.50",)


def test_exchanges_of_a_browser_are_counted(driver: CaptureFileDriver, tmp_path: Path) -> None:
    begin(driver, "app")
    path = tmp_path / "in" / "app.har"
    path.write_text(json.dumps(HAR))
    finished(path)
    assert driver.stop().packets == 1


@pytest.mark.parametrize("age", [60.0, 0.0], ids=["older than the span", "still written"])
def test_a_file_that_is_stale_or_unfinished_is_not_taken(driver: CaptureFileDriver, tmp_path: Path, age: float) -> None:
    begin(driver, "idle")
    write(tmp_path / "in" / "idle.pcapng")
    finished(tmp_path / "in" / "idle.pcapng", age)
    with pytest.raises(InstrumentError) as failure:
        driver.stop()
    assert failure.value.code == "BEN-CAP-013"
    begin(driver, "another")


def test_what_is_no_capture_is_the_benchs_fault(driver: CaptureFileDriver, tmp_path: Path) -> None:
    begin(driver, "idle")
    path = tmp_path / "in" / "idle.pcap"
    path.write_bytes(b"not a capture")
    finished(path)
    with pytest.raises(InstrumentError) as failure:
        driver.stop()
    assert failure.value.code == "BEN-CAP-014"


def test_spans_do_not_overlap_and_need_a_beginning(driver: CaptureFileDriver) -> None:
    with pytest.raises(InstrumentError) as failure:
        driver.mark("early")
    assert failure.value.code == "BEN-CAP-011"
    driver.start("one")
    with pytest.raises(InstrumentError) as failure:
        driver.start("two")
    assert failure.value.code == "BEN-CAP-010"


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as failure:
        CaptureFileDriver.open(
            CaptureFileSettings(folder=tmp_path / "no"), DriverContext("capture", RealClock(), tmp_path)
        )
    assert failure.value.code == "USE-TAP-003"
