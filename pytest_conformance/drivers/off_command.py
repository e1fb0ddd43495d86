"""How an output is switched off by whoever holds its off-command, without its driver: over VISA, and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_conformance.clock import RealClock
from pytest_conformance.errors import BenchError, InstrumentError

if TYPE_CHECKING:
    from pytest_conformance.drivers.visa_link import VisaLink

OFF = ("0", "OFF")
"""What an output that is off answers."""


@dataclass(frozen=True)
class OffCommand:
    """Everything that switching one output off needs, as data that another process can hold.

    `addresses` are VISA resource names, the second path after the first; `send` goes out first, then `ask` must
    answer 0 or OFF, and `measure` (when given) must fall below `below` within `settling` seconds.
    """

    addresses: tuple[str, ...]
    send: tuple[str, ...] = ("OUTP OFF",)
    ask: str = "OUTP?"
    measure: str = ""
    below: float = 0.0
    settling: float = 2.0
    timeout: float = 1.0
    """Seconds that one answer may take."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OffCommand:
        texts = {name: tuple(data[name]) for name in ("addresses", "send")}
        return cls(**{**data, **texts})


@dataclass(frozen=True)
class Feed:
    """What keeps a hardware dead-man switch closed: `send` each `every` seconds; `release` ends it in good order."""

    address: str
    send: str
    every: float
    release: str
    timeout: float = 1.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Feed:
        return cls(**data)


def carry_out(command: OffCommand, where: str) -> None:
    """Switch off and read back over the first address that does it.

    Raises InstrumentError BEN-INS-110 with what went wrong on each when no address proves the output off.
    """
    failures = []
    for address in command.addresses:
        try:
            _carry_out(command, address, where)
            return
        except BenchError as error:
            failures.append(str(error))
    raise InstrumentError(
        "BEN-INS-110",
        f"the output is not proven off ({' | '.join(failures)})",
        where=where,
        expected="output off and without volts",
        todo="cut the mains of the supply; quarantine the bench until the output is seen to be off",
    )


def _carry_out(command: OffCommand, address: str, where: str) -> None:
    from pytest_conformance.drivers.visa_link import NoAnswerError, VisaLink

    link = VisaLink(address, command.timeout, f"{where} at {address}")
    try:
        link.open()
        for each in command.send:
            link.write(each)
        said = link.query(command.ask)
        if said.upper() not in OFF:
            raise InstrumentError(
                "BEN-INS-110", f"it reads {said[:40]!r} after {command.send[-1]}", where=link.where, expected="0"
            )
        if command.measure:
            _await_fall(link, command)
    except NoAnswerError as error:
        raise InstrumentError("BEN-INS-101", f"no answer to {error}", where=link.where) from error
    finally:
        link.close()


def _await_fall(link: VisaLink, command: OffCommand) -> None:
    from pytest_conformance.drivers import readings

    def volts() -> float:
        return abs(readings.number(link.query(command.measure), what=command.measure, where=link.where))

    if not RealClock().wait_for(lambda: volts() < command.below, command.settling):
        raise InstrumentError(
            "BEN-INS-110",
            f"{volts():.3g} remain on the output that was switched off",
            where=link.where,
            expected=f"less than {command.below:g}",
        )
