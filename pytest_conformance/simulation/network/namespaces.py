"""Network namespaces of this process: made, entered by one thread each, deleted. No topology (see namespace_door)."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import re
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_FOLDER = Path("/run/netns")
_OURS = re.compile(r"pc-[a-z]+-([0-9]+)")
_CLONE_NEWNET = 0x40000000
_SIOCETHTOOL = 0x8946
_ETHTOOL_STXCSUM = 0x17
_PATIENCE = 10.0


def missing() -> str:
    """Return why namespaces cannot be used here, or "" when nothing obvious is missing."""
    if os.geteuid() != 0:
        return "not running as root"
    absent = [tool for tool in ("ip", "dumpcap") if shutil.which(tool) is None]
    return f"{' and '.join(absent)} not installed" if absent else ""


def ip(*arguments: str) -> str:
    """Run `ip` and return its output; OSError with its complaint when it fails."""
    try:
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise OSError(f"ip {' '.join(arguments)} did not end within {_PATIENCE:.0f} s") from None
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def remove_stale() -> list[str]:
    """Delete the namespaces of bench processes that no longer live; return their names."""
    removed = []
    names = [path.name for path in _FOLDER.iterdir()] if _FOLDER.is_dir() else []
    for name in names:
        match = _OURS.fullmatch(name)
        if match and not _alive(int(match[1])):
            with contextlib.suppress(OSError):
                ip("netns", "delete", name)
                removed.append(name)
    return removed


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


class Namespace:
    """One network namespace, and the thread that lives in it and makes sockets there."""

    def __init__(self, kind: str) -> None:
        self.name = f"pc-{kind}-{os.getpid()}"
        self._hand: ThreadPoolExecutor | None = None

    def open(self) -> None:
        with contextlib.suppress(OSError):
            ip("netns", "delete", self.name)
        ip("netns", "add", self.name)
        self._hand = ThreadPoolExecutor(1, thread_name_prefix=self.name, initializer=self._enter)
        self.ip("link", "set", "lo", "up")

    def close(self) -> None:
        """Delete it; safe to call twice. Sockets made in it die with its interfaces."""
        if self._hand is not None:
            self._hand.shutdown()
            self._hand = None
        with contextlib.suppress(OSError):
            ip("netns", "delete", self.name)

    def ip(self, *arguments: str) -> str:
        """Run `ip` inside the namespace."""
        return ip("-n", self.name, *arguments)

    def within(self, action: Callable[[], T]) -> T:
        """Run `action` on the thread that lives in the namespace; a socket made there stays there."""
        if self._hand is None:
            raise OSError(f"the network namespace {self.name} is gone")
        return self._hand.submit(action).result(_PATIENCE)

    def make_socket(self, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        return self.within(lambda: socket.socket(socket.AF_INET, kind))

    def bound(self, address: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        """Return a socket of this namespace bound to `address`:`port`; a stream socket listens."""
        made = self.make_socket(kind)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((address, port))
            if kind == socket.SOCK_STREAM:
                made.listen(64)
        except OSError:
            made.close()
            raise
        return made

    def forward_packets(self) -> None:
        """Make the namespace a router."""
        self.within(lambda: Path("/proc/sys/net/ipv4/ip_forward").write_text("1"))

    def honest_checksums(self, interface: str) -> None:
        """Switch checksum (and with it segmentation) offload off, so that a capture shows what a wire would carry."""
        value = ctypes.create_string_buffer(struct.pack("II", _ETHTOOL_STXCSUM, 0))
        request = struct.pack("16sQ16x", interface.encode(), ctypes.addressof(value))
        with self.make_socket(socket.SOCK_DGRAM) as handle:
            fcntl.ioctl(handle, _SIOCETHTOOL, request)

    def processes(self, command: str) -> list[int]:
        """Return the ids of the processes named `command` that live in this namespace."""
        found = []
        for word in ip("netns", "pids", self.name).split():
            with contextlib.suppress(OSError):
                if Path("/proc", word, "comm").read_text().strip() == command:
                    found.append(int(word))
        return found

    def _enter(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        handle = os.open(_FOLDER / self.name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.setns(handle, _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns into {self.name}")
        finally:
            os.close(handle)
