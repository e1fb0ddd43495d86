"""What a suite may ask of an instrument, role by role: small capabilities, no class tree.

A driver is any object with these methods; a bench file names it by its entry point in
`pytest_conformance.drivers`. All times are nanoseconds of the bench clock, lengths millimetres.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import ssl

    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Identity:
    """Who an instrument or device says it is."""

    manufacturer: str
    model: str
    serial: str
    firmware: str


@runtime_checkable
class Instrument(Protocol):
    """What every driver can do. `door` names the way it is reached: "hislip", "pty", "usbip", ..."""

    door: str

    def identity(self) -> Identity:
        """Ask the instrument who it is."""
        ...

    def close(self) -> None:
        """Release the link; safe to call twice."""
        ...


class Supply(Instrument, Protocol):
    """Feeds the device. Off is the safe state."""

    def set_output(self, volts: float, amperes: float) -> None: ...
    def on(self) -> None: ...
    def off(self) -> None:
        """Switch the output off and read it back; raise InstrumentError when it stays on."""
        ...

    def is_on(self) -> bool: ...
    def volts(self) -> float: ...
    def amperes(self) -> float: ...


class Meter(Instrument, Protocol):
    """Measures what the device draws."""

    def volts(self) -> float: ...
    def amperes(self) -> float: ...


class Lux(Instrument, Protocol):
    """Measures illuminance at the device's camera."""

    def lux(self) -> float: ...


class Thermometer(Instrument, Protocol):
    """Measures temperature, degrees Celsius, and humidity of the air beside the device."""

    def celsius(self) -> float: ...
    def humidity(self) -> float:
        """Measure the relative humidity of the air, 0 to 1."""
        ...


class Rangefinder(Instrument, Protocol):
    """Measures the distance from the device to what stands before it."""

    def millimetres(self) -> float: ...


@dataclass(frozen=True)
class Edge:
    """A contact that changed: bench time in ns, and whether it is closed since."""

    at: int
    closed: bool


class Skin(Instrument, Protocol):
    """Measures the temperature of the device's housing."""

    def celsius(self) -> float: ...


class Contact(Instrument, Protocol):
    """Senses the bolt: closed means the bolt is thrown (locked)."""

    uncertainty: float
    """Standard uncertainty of an edge's time, seconds."""

    def closed(self) -> bool: ...
    def edges(self, since: int) -> Sequence[Edge]: ...


@dataclass(frozen=True)
class Loop:
    """A light that was answered: bench time of the light in ns, and the seconds until the output switched."""

    at: int
    seconds: float


class Loopback(Instrument, Protocol):
    """A photodiode at the display, and an output in parallel with the bolt's contact, on one clock."""

    uncertainty: float
    """Standard uncertainty of a bench time that it tells, seconds."""

    def light(self, since: int) -> Sequence[Edge]:
        """Changes of the light since bench time `since`; `closed` is light."""
        ...

    def answer_after(self, seconds: float | None) -> None:
        """Answer each light with the output after `seconds`; None: not at all."""
        ...

    def pulse(self) -> int:
        """Switch the output for a moment; return the bench time."""
        ...

    def loops(self, since: int) -> Sequence[Loop]: ...


class Mover(Instrument, Protocol):
    """Turntable whose holders carry heads, masks, prints and the display; brings one before the device."""

    def holders(self) -> int: ...
    def goto(self, holder: int) -> None:
        """Bring `holder` before the device and wait until the position is confirmed. 0 is empty."""
        ...

    def position(self) -> int: ...


class Operator(Instrument, Protocol):
    """A person who is asked to do something by hand, or to type a value that no instrument reads."""

    def ask(self, text: str) -> bool:
        """Return whether they did it (False: skipped); OperatorError OPR-ASK-001 when nobody answers."""
        ...

    def enter(self, name: str, unit: str, lower: float, upper: float) -> float:
        """Return the value of `name` in `unit`, from `lower` to `upper`, as a person types it; raises as `ask`."""
        ...

    def tell(self, text: str) -> None: ...


class Display(Instrument, Protocol):
    """Shows pictures to the device."""

    def show(self, image: Image, width_mm: float) -> int:
        """Show an RGB picture `width_mm` wide; return the bench time at which it was flipped."""
        ...

    def blank(self) -> None: ...


@dataclass(frozen=True)
class Frame:
    """A BGR picture of the watch camera and the bench time of its exposure."""

    image: Image
    at: int


class Watch(Instrument, Protocol):
    """The camera that looks at the device's front and at what is before it."""

    period: float
    """Seconds between two frames."""

    def frame(self) -> Frame: ...
    def frames(self, seconds: float) -> Sequence[Frame]: ...


@dataclass(frozen=True)
class CaptureFile:
    """A finished capture: a pcapng file, the door it came through, and what it lost.

    `marks` are (label, bench time in ns, wall time in s since the epoch), oldest first: packets carry wall time.
    The addresses say who is who in the captured segment.
    """

    path: Path
    door: str
    dropped: int
    packets: int
    marks: tuple[tuple[str, int, float], ...] = ()
    device_macs: tuple[str, ...] = ()
    device_addresses: tuple[str, ...] = ()
    phone_addresses: tuple[str, ...] = ()
    local_networks: tuple[str, ...] = ()


class Capture(Instrument, Protocol):
    """Records the device's packets."""

    def start(self, name: str) -> None: ...
    def mark(self, event: str) -> None:
        """Send a marker datagram into the captured segment, so that events can be found in it."""
        ...

    def stop(self) -> CaptureFile: ...


class Uplink(Instrument, Protocol):
    """The access point that the device's traffic crosses."""

    def cut(self) -> None: ...
    def restore(self) -> None: ...
    def move_clock(self, ahead: float) -> None:
        """Let the time server that the device asks tell a time so many seconds ahead; 0 is the true time."""
        ...

    def times_asked(self) -> int | None:
        """Return how often the time was asked so far; None where nobody counts."""
        ...

    def intercept(self, host: str, shown: ssl.SSLContext | None = None) -> AbstractContextManager[Interception]:
        """Answer for `host` with a certificate that the device has no reason to trust, or with that of `shown`."""
        ...

    def diverted(self, host: str, address: str, port: int) -> AbstractContextManager[None]:
        """Bring whoever asks for `host` to another address and port within the block."""
        ...

    def blocked(self, transport: Literal["tcp", "udp"], port: int) -> AbstractContextManager[None]:
        """Let nothing to the internet over `transport` to `port` pass within the block; MET-APN-004 when it cannot."""
        ...

    def device_address(self) -> str:
        """The IP address at which the device's own services can be reached from the bench."""
        ...


class Interception(Protocol):
    """What came of the tries to speak TLS with the impostor."""

    def handshakes(self) -> Sequence[Handshake]: ...


@dataclass(frozen=True)
class Handshake:
    """One connection to the impostor: completed or refused, and the application bytes that followed."""

    host: str
    completed: bool
    alert: str
    application_bytes: int


class Cloud(Instrument, Protocol):
    """The bench's stand-in for the supplier's cloud, and what it was sent."""

    def received(self) -> Sequence[CloudObject]: ...
    def stored(self) -> Sequence[CloudObject]:
        """What the cloud still holds (deletion requests remove it)."""
        ...

    def reach(self, host: str, port: int) -> tuple[str, int] | None:
        """Return where the bench itself reaches a service of the cloud; None when it is no part of it."""
        ...

    @property
    def authority(self) -> str:
        """Certificate of the authority that signed the cloud's, PEM; "" for the system's authorities."""
        ...

    def sign_up(self, name: str) -> str:
        """Return the token of the account `name`, which is added where it is not there yet."""
        ...

    def request(self, method: str, path: str, token: str | None = None) -> tuple[int, bytes]:
        """Call the cloud's public API as a stranger, or as the account that `token` belongs to."""
        ...


@dataclass(frozen=True)
class CloudObject:
    """Something the cloud stand-in got: where, what, when (bench time), and from whom (device or phone)."""

    at: int
    path: str
    content_type: str
    body: bytes
    sender: str


class LabelReader(Instrument, Protocol):
    """Reads the printed label of a sample: barcode or QR."""

    def read(self, sample: int) -> str:
        """Return the label text of sample number `sample` (1 and up), or raise OperatorError when there is none."""
        ...


class Gnss(Instrument, Protocol):
    """Simulates satellites, so that the device believes to be elsewhere."""

    def place(self, latitude: float, longitude: float) -> None:
        """Set the simulated position in degrees WGS-84."""
        ...
