"""Makes small captures for the traffic tests: a device at 10.77.0.50 that speaks with hosts at TEST-NET addresses."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_conformance.analysis.traffic import Canary, Context, FaceTemplate, Inspection, inspect

DEVICE_MAC = "02:00:00:00:00:50"
DEVICE = "10.77.0.50"
CLOUD = "203.0.113.10"
EXAMPLES = Path(__file__).parent / "data" / "examples"


def _checksum(data: bytes) -> int:
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _packed(address: str) -> bytes:
    import ipaddress

    return ipaddress.ip_address(address).packed


@dataclass
class Wire:
    """Builds a pcap packet by packet; `time` advances by 1 ms a packet."""

    frames: list[tuple[float, bytes]] = field(default_factory=list)
    time: float = 1_767_225_600.0
    link: int = 1
    ident: int = 1

    def frame(self, data: bytes) -> None:
        self.frames.append((self.time, data))
        self.time += 0.001

    def ip(self, source: str, destination: str, protocol: int, payload: bytes) -> None:
        a, b = _packed(source), _packed(destination)
        self.ident += 1
        if len(a) == 4:
            head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), self.ident & 0xFFFF, 0, 64, protocol, 0) + a + b
            head = head[:10] + struct.pack(">H", _checksum(head)) + head[12:]
            kind = b"\x08\x00"
        else:
            head = struct.pack(">IHBB", 0x60000000, len(payload), protocol, 64) + a + b
            kind = b"\x86\xdd"
        mine = bytes.fromhex(DEVICE_MAC.replace(":", ""))
        other = bytes.fromhex("020000000001")
        ether = other + mine if source == DEVICE or source.endswith("::50") else mine + other
        self.frame(ether + kind + head + payload)

    def udp(
        self, payload: bytes, port: int, *, up: bool = True, sport: int = 40000, peer: str = CLOUD, mine: str = DEVICE
    ) -> None:
        pair = (sport, port) if up else (port, sport)
        source, destination = (mine, peer) if up else (peer, mine)
        self.ip(source, destination, 17, struct.pack(">HHHH", *pair, 8 + len(payload), 0) + payload)

    def segment(
        self,
        payload: bytes,
        seq: int,
        ack: int,
        flags: int,
        *,
        up: bool,
        sport: int,
        port: int,
        peer: str,
        mine: str,
        bad: bool = False,
    ) -> None:
        pair = (sport, port) if up else (port, sport)
        source, destination = (mine, peer) if up else (peer, mine)
        head = struct.pack(">HHIIBBHHH", *pair, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 64000, 0, 0)
        pseudo = _packed(source) + _packed(destination) + struct.pack(">BBH", 0, 6, len(head) + len(payload))
        if ":" in source:
            pseudo = _packed(source) + _packed(destination) + struct.pack(">II", len(head) + len(payload), 6)
        value = _checksum(pseudo + head + payload) ^ (0x5555 if bad else 0)
        self.ip(source, destination, 6, head[:16] + struct.pack(">H", value) + head[18:] + payload)

    def tcp(
        self,
        turns: list[tuple[bool, bytes]],
        port: int = 80,
        *,
        sport: int = 41000,
        peer: str = CLOUD,
        mine: str = DEVICE,
        mss: int = 1400,
        close: bool = True,
        start: int = 1000,
        lose: Callable[[int], bool] | None = None,
    ) -> None:
        """A whole connection: `turns` are (from the device?, bytes) in order. `lose(n)` drops the n-th data segment."""
        seqs = {True: start, False: 90000}
        ends = {"sport": sport, "port": port, "peer": peer, "mine": mine}
        self.segment(b"", seqs[True], 0, 2, up=True, **ends)  # type: ignore[arg-type]
        self.segment(b"", seqs[False], seqs[True] + 1, 18, up=False, **ends)  # type: ignore[arg-type]
        seqs = {side: value + 1 for side, value in seqs.items()}
        count = 0
        for up, data in turns:
            for at in range(0, len(data), mss):
                piece = data[at : at + mss]
                if lose is None or not lose(count):
                    self.segment(piece, seqs[up], seqs[not up], 24, up=up, **ends)  # type: ignore[arg-type]
                count += 1
                seqs[up] += len(piece)
            self.segment(b"", seqs[not up], seqs[up], 16, up=not up, **ends)  # type: ignore[arg-type]
        if close:
            self.segment(b"", seqs[True], seqs[False], 17, up=True, **ends)  # type: ignore[arg-type]
            self.segment(b"", seqs[False], seqs[True] + 1, 17, up=False, **ends)  # type: ignore[arg-type]

    def pcap(self) -> bytes:
        out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, self.link)
        for time, data in self.frames:
            whole = int(time)
            out += struct.pack("<IIII", whole, round((time - whole) * 1e6) % 1_000_000, len(data), len(data)) + data
        return out


@pytest.fixture
def wire() -> Wire:
    """An empty capture to write into."""
    return Wire()


@pytest.fixture(scope="session")
def face() -> bytes:
    """The enrolled face as the bench knows it (PNG)."""
    return (EXAMPLES / "canary_face.png").read_bytes()


def as_sent(face: bytes) -> bytes:
    """Return a face as a device would send it: 200 px, JPEG quality 80."""
    import cv2
    import numpy as np

    image: Any = cv2.imdecode(np.frombuffer(face, np.uint8), cv2.IMREAD_COLOR)
    small = cv2.resize(image, (200, 200), interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())


@pytest.fixture(scope="session")
def face_jpeg(face: bytes) -> bytes:
    """The enrolled face as a device would send it."""
    return as_sent(face)


@pytest.fixture(scope="session")
def template() -> tuple[float, ...]:
    """The enrolled subject's template: 512 numbers of norm 1."""
    import numpy as np

    raw = np.frombuffer((EXAMPLES / "canary_template_f32le.bin").read_bytes(), "<f4")
    return tuple(float(v) for v in raw)


def usual(face: bytes, template: tuple[float, ...] = ()) -> Context:
    """Return what the bench knows: the device, its network, the enrolled face and template."""
    return Context(
        macs=(DEVICE_MAC,),
        addresses=(DEVICE, "fd00:77::50"),
        local_networks=("10.77.0.0/16", "fd00:77::/64"),
        canary=Canary(faces={"face": face}, templates=(FaceTemplate("template", template),) if template else ()),
    )


@pytest.fixture(scope="session")
def context(face: bytes, template: tuple[float, ...]) -> Context:
    """The usual context."""
    return usual(face, template)


Look = Callable[..., Inspection]


@pytest.fixture
def look(context: Context) -> Look:
    """Inspect a wire (or bytes) with the usual context, or with some of it replaced."""
    import dataclasses

    def go(source: Wire | bytes, **changes: Any) -> Inspection:
        changed = dataclasses.replace(context, **changes)
        return inspect([source.pcap() if isinstance(source, Wire) else source], changed)

    return go


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of the public captures; the test is skipped where it is absent."""
    root = Path(os.environ.get("CONFORMANCE_SHARED", Path(__file__).parents[4] / "shared")) / "captures"
    if not root.is_dir():
        pytest.skip("the public captures are not here (set CONFORMANCE_SHARED to the folder that holds captures/)")
    return root


@pytest.fixture
def rnd() -> random.Random:
    """Randomness with a fixed seed."""
    return random.Random(7)
