"""The HiSLIP 1.0 door of a SCPI instrument (IVI-6.1): two channels a session, message numbers, device clear, locks."""

from __future__ import annotations

import socket
import struct
import threading
from dataclasses import dataclass, field
from enum import IntEnum

from pytest_conformance.simulation.instruments.scpi import ScpiModel
from pytest_conformance.simulation.instruments.tcp import TcpDoor, receive

HEADER = struct.Struct("!2sBBIQ")
LARGEST = 1 << 20
"""Largest message in bytes, as negotiated and enforced."""
VERSION = 0x0100
VENDOR = int.from_bytes(b"SM", "big")


class Kind(IntEnum):
    """Message types of IVI-6.1, table 4."""

    INITIALIZE = 0
    INITIALIZE_RESPONSE = 1
    FATAL_ERROR = 2
    ERROR = 3
    ASYNC_LOCK = 4
    ASYNC_LOCK_RESPONSE = 5
    DATA = 6
    DATA_END = 7
    DEVICE_CLEAR_COMPLETE = 8
    DEVICE_CLEAR_ACKNOWLEDGE = 9
    ASYNC_REMOTE_LOCAL = 10
    ASYNC_REMOTE_LOCAL_RESPONSE = 11
    TRIGGER = 12
    ASYNC_MAXIMUM_SIZE = 15
    ASYNC_MAXIMUM_SIZE_RESPONSE = 16
    ASYNC_INITIALIZE = 17
    ASYNC_INITIALIZE_RESPONSE = 18
    ASYNC_DEVICE_CLEAR = 19
    ASYNC_STATUS = 21
    ASYNC_STATUS_RESPONSE = 22
    ASYNC_DEVICE_CLEAR_ACKNOWLEDGE = 23
    ASYNC_LOCK_INFO = 24
    ASYNC_LOCK_INFO_RESPONSE = 25


@dataclass
class Message:
    """One HiSLIP message; `kind` may be a number that `Kind` does not know."""

    kind: int
    control: int
    parameter: int
    payload: bytes = b""

    def packed(self) -> bytes:
        return HEADER.pack(b"HS", self.kind, self.control, self.parameter, len(self.payload)) + self.payload


@dataclass
class Session:
    """What the two channels of one client share."""

    number: int
    buffer: bytearray = field(default_factory=bytearray)
    cleared: threading.Event = field(default_factory=threading.Event)
    """Set from the client's device clear until it is complete: pending answers are dropped."""


class HislipDoor:
    """Serves `model` on a port of its own. `latency` wall seconds pass before each answer; a device clear ends them."""

    def __init__(self, name: str, model: ScpiModel) -> None:
        self._model = model
        self._door = TcpDoor(f"{name} hislip", self._converse)
        self._lock = threading.Lock()
        self._sessions: dict[int, Session] = {}
        self._last = 0
        self._holder: int | None = None
        self.latency = 0.0
        self.clears = 0
        """Device clears that clients asked for."""

    def open(self) -> str:
        """Begin to listen; return the VISA resource name."""
        return f"TCPIP::127.0.0.1::hislip0,{self._door.open()}::INSTR"

    def close(self) -> None:
        for session in list(self._sessions.values()):
            session.cleared.set()
        self._door.close()

    def _converse(self, connection: socket.socket) -> None:
        first = _read(connection)
        if first.kind == Kind.INITIALIZE:
            session = self._new_session()
            _send(connection, Kind.INITIALIZE_RESPONSE, 0, VERSION << 16 | session.number)
            try:
                self._synchronous(connection, session)
            finally:
                self._forget(session)
        elif first.kind == Kind.ASYNC_INITIALIZE and (opened := self._sessions.get(first.parameter)) is not None:
            _send(connection, Kind.ASYNC_INITIALIZE_RESPONSE, 0, VENDOR)
            self._asynchronous(connection, opened)
        else:
            _send(connection, Kind.FATAL_ERROR, 3, 0, b"Invalid Initialization sequence")

    def _synchronous(self, connection: socket.socket, session: Session) -> None:
        while True:
            message = _read(connection)
            if message.kind == Kind.DEVICE_CLEAR_COMPLETE:
                session.buffer.clear()
                session.cleared.clear()
                _send(connection, Kind.DEVICE_CLEAR_ACKNOWLEDGE, 0, 0)
            elif message.kind in (Kind.DATA, Kind.DATA_END):
                session.buffer += message.payload
                if message.kind == Kind.DATA_END:
                    self._answer(connection, session, message.parameter)
            elif message.kind != Kind.TRIGGER:
                _send(connection, Kind.ERROR, 1, 0, b"Unrecognized message type")

    def _answer(self, connection: socket.socket, session: Session, number: int) -> None:
        text = bytes(session.buffer).decode("latin-1").strip()
        session.buffer.clear()
        if session.cleared.is_set():
            return
        answer = self._model.execute(text)
        if self.latency:
            session.cleared.wait(self.latency)
        if answer is not None and not session.cleared.is_set():
            _send(connection, Kind.DATA_END, 0, number, answer.encode("latin-1") + b"\n")

    def _asynchronous(self, connection: socket.socket, session: Session) -> None:
        while True:
            message = _read(connection)
            if message.kind == Kind.ASYNC_MAXIMUM_SIZE:
                _send(connection, Kind.ASYNC_MAXIMUM_SIZE_RESPONSE, 0, 0, struct.pack("!Q", LARGEST))
            elif message.kind == Kind.ASYNC_DEVICE_CLEAR:
                self.clears += 1
                session.cleared.set()
                _send(connection, Kind.ASYNC_DEVICE_CLEAR_ACKNOWLEDGE, 0, 0)
            elif message.kind == Kind.ASYNC_STATUS:
                _send(connection, Kind.ASYNC_STATUS_RESPONSE, self._model.status_byte(), 0)
            elif message.kind == Kind.ASYNC_LOCK:
                _send(connection, Kind.ASYNC_LOCK_RESPONSE, self._change_lock(session, message.control), 0)
            elif message.kind == Kind.ASYNC_LOCK_INFO:
                _send(connection, Kind.ASYNC_LOCK_INFO_RESPONSE, int(self._holder is not None), len(self._sessions))
            elif message.kind == Kind.ASYNC_REMOTE_LOCAL:
                _send(connection, Kind.ASYNC_REMOTE_LOCAL_RESPONSE, 0, 0)
            else:
                _send(connection, Kind.ERROR, 1, 0, b"Unrecognized message type")

    def _change_lock(self, session: Session, control: int) -> int:
        """Take (control 1) or give back (0) the exclusive lock; return 1 when done, 0 when refused, 3 when not held."""
        with self._lock:
            if control == 1:
                if self._holder not in (None, session.number):
                    return 0
                self._holder = session.number
                return 1
            if self._holder != session.number:
                return 3
            self._holder = None
            return 1

    def _new_session(self) -> Session:
        with self._lock:
            self._last += 1
            session = self._sessions[self._last] = Session(self._last)
        return session

    def _forget(self, session: Session) -> None:
        with self._lock:
            self._sessions.pop(session.number, None)
            if self._holder == session.number:
                self._holder = None


def _read(connection: socket.socket) -> Message:
    prologue, kind, control, parameter, length = HEADER.unpack(receive(connection, HEADER.size))
    if prologue != b"HS" or length > LARGEST:
        _send(connection, Kind.FATAL_ERROR, 1, 0, b"Poorly formed message header")
        raise ConnectionError("poorly formed message header")
    return Message(kind, control, parameter, receive(connection, length))


def _send(connection: socket.socket, kind: Kind, control: int, parameter: int, payload: bytes = b"") -> None:
    connection.sendall(Message(kind, control, parameter, payload).packed())
