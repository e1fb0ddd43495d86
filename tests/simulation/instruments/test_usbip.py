from __future__ import annotations

import shutil
import socket
import struct
import subprocess

import pytest

from pytest_conformance.simulation.instruments.lux import LuxMeter
from pytest_conformance.simulation.instruments.usbip import UsbIpDoor

IMPORT = struct.pack(">HHI", 0x0111, 0x8003, 0) + b"1-1".ljust(32, b"\0")


@pytest.fixture
def port(world):
    door = UsbIpDoor("test", LuxMeter(world))
    yield int(door.open().split(":")[2].split("/")[0])
    door.close()


def exchange(port: int, *requests: tuple[bytes, int]) -> list[bytes]:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        answers = []
        for request, size in requests:
            connection.sendall(request)
            answers.append(connection.recv(size, socket.MSG_WAITALL))
        return answers


def submit(number: int, inward: int, endpoint: int, length: int, setup: str = "00" * 8, data: bytes = b"") -> bytes:
    head = struct.pack(">IIIIIIIIII", 1, number, 0x00010002, inward, endpoint, 0, length, 0, 0, 0)
    return head + bytes.fromhex(setup) + data


def test_the_device_list_names_the_device_and_its_interface(port):
    (answer,) = exchange(port, (struct.pack(">HHI", 0x0111, 0x8005, 0), 12 + 312 + 4))
    assert answer[:12] == struct.pack(">HHII", 0x0111, 5, 0, 1)
    assert answer[12 + 256 : 12 + 259] == b"1-1"
    assert struct.unpack(">IIIHHH", answer[300:318]) == (1, 2, 2, 0x1209, 1, 0x0104)
    assert answer[-4:] == b"\xff\0\0\0"


def test_an_unknown_bus_id_is_refused(port):
    request = struct.pack(">HHI", 0x0111, 0x8003, 0) + b"9-9".ljust(32, b"\0")
    assert exchange(port, (request, 8)) == [struct.pack(">HHI", 0x0111, 3, 1)]


def test_a_transfer_without_data_waits_until_it_is_unlinked(port):
    unlink = struct.pack(">IIIIII24x", 2, 9, 0x00010002, 0, 0, 8)
    answers = exchange(port, (IMPORT, 320), (submit(8, 1, 1, 64) + unlink, 48))
    assert answers[1] == struct.pack(">IIIIIi24x", 4, 9, 0, 0, 0, -104)


def test_a_request_that_the_device_does_not_know_stalls(port):
    answers = exchange(port, (IMPORT, 320), (submit(8, 1, 0, 4, "c063000000000400"), 48))
    assert struct.unpack(">IIIIIii", answers[1][:28]) == (3, 8, 0, 0, 0, -32, 0)


@pytest.mark.skipif(not shutil.which("tshark") or not shutil.which("text2pcap"), reason="no tshark here")
def test_a_packet_analyser_decodes_the_conversation_as_usb(port, tmp_path):
    request = submit(8, 1, 0, 18, "8006000100001200")
    answer = exchange(port, (IMPORT, 320), (request, 48 + 18))[1]
    dump = tmp_path / "dump.txt"
    dump.write_text(f"I\n{_hex(request)}\nO\n{_hex(answer)}\n")
    capture = tmp_path / "usbip.pcap"
    arguments = ["-D", "-T", "40000,3240", str(dump), str(capture)]
    subprocess.run(["text2pcap", "-q", *arguments], check=True, capture_output=True, timeout=30)
    shown = subprocess.run(
        ["tshark", "-r", str(capture), "-d", "tcp.port==3240,usbip", "-V"],
        check=True, capture_output=True, text=True, timeout=60,
    ).stdout  # fmt: skip
    assert "DEVICE DESCRIPTOR" in shown
    assert "(0x1209)" in shown
    assert "Malformed" not in shown


def _hex(data: bytes) -> str:
    rows = (data[start : start + 16] for start in range(0, len(data), 16))
    return "\n".join(f"{16 * index:06x} {row.hex(' ')}" for index, row in enumerate(rows))
