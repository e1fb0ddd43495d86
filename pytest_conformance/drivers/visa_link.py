"""One VISA resource through PyVISA-py: open, write, query, clear, reopen. No SCPI here.

`list_resources()` is never called: it broadcasts on every interface. Bench files name their resources.
"""

from __future__ import annotations

import contextlib
from typing import Any

import pyvisa
from pyvisa.rname import InvalidResourceName

from pytest_conformance.drivers.readings import shown
from pytest_conformance.errors import LinkError, UsageError

_LOST = (pyvisa.errors.VisaIOError, pyvisa.errors.InvalidSession, OSError, RuntimeError, AssertionError)
"""What PyVISA-py lets through when a link breaks: its HiSLIP code asserts and raises plain RuntimeError."""

LONGEST = 65536
"""Longest answer in characters that is taken."""


class NoAnswerError(Exception):
    """The instrument did not answer in time; the link may still deliver the answer later."""


def door_of(address: str) -> str:
    """Return the way that a VISA resource name goes: "hislip", "vxi11", "socket", "usbtmc", "serial" or "gpib"."""
    upper = address.upper()
    if upper.startswith("TCPIP"):
        if upper.endswith("::SOCKET"):
            return "socket"
        return "hislip" if "::HISLIP" in upper else "vxi11"
    for prefix, door in (("USB", "usbtmc"), ("ASRL", "serial"), ("GPIB", "gpib")):
        if upper.startswith(prefix):
            return door
    return "visa"


class VisaLink:
    """A link to `address` that belongs to `where` (role and address, for messages). Lines end in a line feed."""

    def __init__(self, address: str, timeout: float, where: str) -> None:
        self.address = address
        self.where = where
        self.door = door_of(address)
        self._timeout = timeout
        self._resource: Any = None

    @property
    def is_open(self) -> bool:
        return self._resource is not None

    def open(self) -> None:
        """Open the resource; LinkError BEN-LNK-101 when nobody is there, UsageError USE-VIS-001 for a bad name."""
        self.close()
        milliseconds = int(self._timeout * 1000)
        try:
            self._resource = pyvisa.ResourceManager("@py").open_resource(
                self.address,
                open_timeout=milliseconds,
                timeout=milliseconds,
                read_termination="\n",
                write_termination="\n",
            )
        except (InvalidResourceName, ValueError) as error:
            raise UsageError(
                "USE-VIS-001",
                f"{shown(self.address, 200)} is not a VISA resource name",
                where=self.where,
                expected="for example TCPIP::192.0.2.7::hislip0::INSTR or TCPIP::192.0.2.7::5025::SOCKET",
                todo="correct the address in the bench file",
            ) from error
        except Exception as error:  # PyVISA-py raises bare Exception when a socket does not connect
            raise LinkError(
                "BEN-LNK-101",
                f"the instrument cannot be reached ({error or type(error).__name__})",
                where=self.where,
                expected="an open VISA link",
                todo="check power, cable and address; `conformance doctor` tries every role",
            ) from error

    def write(self, message: str) -> None:
        """Send one program message; LinkError BEN-LNK-102 when the link is broken."""
        try:
            self._opened().write(message)
        except _LOST as error:
            raise self._lost(error) from error

    def query(self, message: str) -> str:
        """Send `message` and return the answer without its line end.

        Raises NoAnswerError after the timeout and LinkError BEN-LNK-102 when the link breaks.
        """
        try:
            answer: str = self._opened().query(message)
        except pyvisa.errors.VisaIOError as error:
            if error.error_code == pyvisa.constants.StatusCode.error_timeout:
                raise NoAnswerError(message) from error
            raise self._lost(error) from error
        except UnicodeDecodeError as error:
            return error.object.decode("latin-1").strip()
        except _LOST as error:
            raise self._lost(error) from error
        return answer[:LONGEST].strip()

    def clear(self) -> None:
        """Abandon what is under way: device clear where the link knows it, else a fresh connection.

        A raw socket has no clear, and an answer that is late would be read by the next query: it is reopened.
        """
        if self.door in ("hislip", "vxi11", "usbtmc", "gpib"):
            try:
                self._opened().clear()
            except _LOST:
                self.open()
        else:
            self.open()

    def close(self) -> None:
        """Close the resource; safe to call twice."""
        resource, self._resource = self._resource, None
        if resource is not None:
            with contextlib.suppress(*_LOST):
                resource.close()

    def _opened(self) -> Any:
        if self._resource is None:
            self.open()
        return self._resource

    def _lost(self, error: Exception) -> LinkError:
        self.close()
        return LinkError(
            "BEN-LNK-102",
            f"the link broke ({error or type(error).__name__})",
            where=self.where,
            expected="a link that holds for the whole run",
            todo="check cable, power and network of the instrument",
        )
