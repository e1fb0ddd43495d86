"""Open a capture: pcap or pcapng, plain or gzip, from a path or from bytes, as one buffer with packet offsets."""

from __future__ import annotations

import gzip
import hashlib
import mmap
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pytest_conformance.analysis.traffic import pcap, pcapng
from pytest_conformance.analysis.traffic.pcap import RawPacket
from pytest_conformance.errors import UsageError

SPILL = 32 << 20
"""Bytes of a capture that may be in memory at once."""
_LARGEST = 64 << 30


class Capture:
    """One capture file held as a buffer (memory map or bytes); packets are given as offsets into it."""

    def __init__(self, source: Path | str | bytes, index: int = 0) -> None:
        """Open `source`. Raises UsageError (USE-CAP-001) when the file is not a capture."""
        self.index = index
        self.name = "<bytes>" if isinstance(source, bytes) else Path(source).name
        self.flags: set[str] = set()
        self._file: IO[bytes] | None = None
        self._map: mmap.mmap | None = None
        self.buffer: bytes = self._open(source)
        head = bytes(self.buffer[:4])
        if not (pcap.is_pcap(head) or pcapng.is_pcapng(head)):
            self.close()
            raise UsageError(
                "USE-CAP-001",
                "not a capture file",
                where=self.name,
                expected="pcap or pcapng, plain or gzip",
                todo="give the file that dumpcap, tcpdump or the relay wrote",
            )
        self.facts = pcapng.scan_facts(self.buffer) if pcapng.is_pcapng(head) else pcapng.PcapngFacts()

    def _open(self, source: Path | str | bytes) -> bytes:
        if isinstance(source, bytes):
            if source[:2] != b"\x1f\x8b":
                return source
            return self._inflate(source)
        path = Path(source)
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise UsageError(
                "USE-CAP-002", f"cannot read the capture: {error.strerror}", where=str(path), expected="a file"
            ) from error
        head = self._file.read(2)
        self._file.seek(0)
        if head == b"\x1f\x8b":
            return self._inflate(None)
        size = path.stat().st_size
        if size == 0:
            return b""
        self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._map  # type: ignore[return-value]  # a map slices to bytes like bytes does

    def _inflate(self, data: bytes | None) -> bytes:
        """Unpack a gzip capture to a spooled file; a broken end keeps what came before it."""
        import io

        raw: IO[bytes] = io.BytesIO(data) if data is not None else self._file  # type: ignore[assignment]
        spool = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the capture
        total = 0
        with gzip.GzipFile(fileobj=raw) as packed:
            while total < _LARGEST:
                try:
                    block = packed.read(1 << 20)
                except (EOFError, zlib.error, OSError):
                    self.flags.add("capture-truncated")
                    break
                if not block:
                    break
                spool.write(block)
                total += len(block)
        spool.flush()
        if self._file is not None:
            self._file.close()
        self._file = spool
        if total < SPILL:
            spool.seek(0)
            return spool.read()
        self._map = mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ)
        return self._map  # type: ignore[return-value]

    def packets(self) -> Iterator[RawPacket]:
        """Yield each packet once, in file order. Who reads a large capture calls `forget` now and then."""
        reader = pcap.packets if pcap.is_pcap(bytes(self.buffer[:4])) else pcapng.packets
        return reader(self.buffer, self.flags)

    def forget(self) -> None:
        """Drop resident pages of the map; they come back from the file when touched."""
        if self._map is not None and hasattr(self._map, "madvise"):
            self._map.madvise(mmap.MADV_DONTNEED)

    @property
    def dropped(self) -> int:
        """Packets that the capture tool says it lost."""
        return sum(interface.dropped for interface in self.facts.interfaces)

    @property
    def secrets(self) -> str:
        """TLS key log text embedded in the capture."""
        return "\n".join(secret.decode("ascii", "replace") for secret in self.facts.secrets)

    def sha256(self) -> str:
        """Digest of the unpacked capture."""
        digest = hashlib.sha256()
        for at in range(0, len(self.buffer), 1 << 20):
            digest.update(self.buffer[at : at + (1 << 20)])
        return digest.hexdigest()

    def close(self) -> None:
        """Release the map and the file."""
        if self._map is not None:
            self.buffer = b""
            self._map.close()
            self._map = None
        if self._file is not None:
            self._file.close()
            self._file = None
