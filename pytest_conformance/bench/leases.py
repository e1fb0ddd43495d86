"""Who holds a bench: leases with growing tokens, known by boot, process and its start, never by a file's existence.

A lease is a file that its holder keeps open and renews from the run loop. Whoever takes it over removes the file, which
the holder sees before its next command. Quarantine is in `quarantine`.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pytest_conformance.errors import AbortedError, LeaseError
from pytest_conformance.record.journal import boot_id

STATE = "CONFORMANCE_STATE"
"""Environment variable that names the folder of leases and quarantines."""
SHARED = Path("/var/lib/pytest-conformance")
"""Used when it exists and can be written: the place for a bench that several people use."""
TERM = 3.0
"""A lease that was not renewed for this many times the bench's `silence` has expired: its holder is paused."""
RENEW = 1_000_000_000
"""Nanoseconds between two renewals at least."""
_DIGITS = 20


@dataclass(frozen=True)
class Holder:
    """Who holds a bench, since when, and until when by estimate (UTC, ISO 8601; "" where nothing is known)."""

    bench: str
    addresses: tuple[str, ...]
    token: int
    host: str
    boot: str
    pid: int
    born: int
    """Start of the process in clock ticks since boot: tells it from a later process with the same number."""
    user: str
    run: str
    since: str
    until: str
    term: float
    """Seconds without renewal after which the lease has expired."""

    def __str__(self) -> str:
        until = f"until about {self.until}" if self.until else "its end is not known"
        return f"{self.user} on {self.host}, process {self.pid}, run {self.run}, since {self.since}, {until}"


@dataclass(frozen=True)
class Former:
    """A lease that was found and ended: "dead" (its process is gone), "expired" (paused) or "taken over"."""

    holder: Holder
    how: str


@dataclass
class Lease:
    """A lease that is held. `former` are the ones that ended for it: the bench must be brought to its safe state."""

    holder: Holder
    path: Path
    fd: int
    former: tuple[Former, ...] = ()
    _renewed: int = field(default=0)

    def check(self) -> None:
        """Renew; raise AbortedError ABO-LSE-001 when somebody else has taken the bench."""
        if os.fstat(self.fd).st_nlink == 0:
            raise AbortedError(
                "ABO-LSE-001",
                f"this run no longer holds bench {self.holder.bench!r}: its lease was taken over",
                where=str(self.path),
                expected=f"token {self.holder.token} to be the newest",
                todo="nothing is sent to the bench any more; see the record of the run that holds it now",
            )
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        if now - self._renewed >= RENEW:
            self._renewed = now
            os.pwrite(self.fd, f"{now:0{_DIGITS}d}".encode(), 0)

    def release(self) -> None:
        """Give the bench back; safe to call twice."""
        if self.fd < 0:
            return
        if os.fstat(self.fd).st_nlink:
            self.path.unlink(missing_ok=True)
        os.close(self.fd)
        self.fd = -1


def state_folder() -> Path:
    """Return the folder of leases and quarantines on this host."""
    if named := os.environ.get(STATE):
        return Path(named)
    if os.access(SHARED, os.W_OK):
        return SHARED
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "pytest-conformance"


def acquire(
    state: Path, bench: str, addresses: Sequence[str], run: Path, *, silence: float, force: bool = False
) -> Lease:
    """Take the lease of `bench`, and of every instrument at `addresses`, for the run in folder `run`.

    A holder that is dead, of another boot, or paused beyond its term loses it. Raises LeaseError BEN-LSE-001 when the
    holder lives, unless `force`.
    """
    ours = tuple(sorted(each.casefold().strip() for each in addresses if each))
    with _transaction(state):
        former = []
        for path in sorted((state / "leases").glob("*.json")):
            found = _read(path)
            if found is None or not (found[0].bench == bench or set(found[0].addresses) & set(ours)):
                continue
            how = _how_it_ended(*found) or ("taken over" if force else "")
            if not how:
                raise _busy(found[0])
            path.unlink()
            former.append(Former(found[0], how))
        return _write(state, bench, ours, run, silence * TERM, tuple(former))


def held(state: Path, bench: str) -> list[Holder]:
    """Return the living holders of `bench`."""
    found = [_read(path) for path in sorted((state / "leases").glob("*.json"))]
    return [each[0] for each in found if each is not None and each[0].bench == bench and not _how_it_ended(*each)]


def remember(state: Path, bench: str, seconds: float) -> None:
    """Keep how long a run took, from which the end of the next one is estimated."""
    with suppress(OSError):
        (state / f"lasted-{_name(bench)}").write_text(f"{seconds:.0f}")


def _write(
    state: Path, bench: str, addresses: tuple[str, ...], run: Path, term: float, former: tuple[Former, ...]
) -> Lease:
    token = _next_token(state)
    now = time.time()
    lasted = 0.0
    with suppress(OSError, ValueError):
        lasted = float((state / f"lasted-{_name(bench)}").read_text())
    holder = Holder(
        bench,
        addresses,
        token,
        platform.node(),
        boot_id(),
        os.getpid(),
        born(os.getpid()) or 0,
        _user(),
        str(run),
        _utc(now),
        _utc(now + lasted) if lasted else "",
        term,
    )
    path = state / "leases" / f"{token:012d}.json"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    os.write(fd, f"{time.clock_gettime_ns(time.CLOCK_BOOTTIME):0{_DIGITS}d}\n{json.dumps(asdict(holder))}\n".encode())
    os.fsync(fd)
    return Lease(holder, path, fd, former)


def _how_it_ended(holder: Holder, renewed: int) -> str:
    if holder.host != platform.node():
        return ""  # nothing is known of another host's processes: only a person may take it over
    if holder.boot != boot_id() or born(holder.pid) != holder.born:
        return "dead"
    silent = (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - renewed) / 1e9
    return "expired" if silent > holder.term else ""


def born(pid: int) -> int | None:
    """Return when process `pid` started, in clock ticks since boot; None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _read(path: Path) -> tuple[Holder, int] | None:
    try:
        renewed, _, text = path.read_text("utf-8").partition("\n")
        data = json.loads(text)
        return Holder(**{**data, "addresses": tuple(data["addresses"])}), int(renewed)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _busy(holder: Holder) -> LeaseError:
    return LeaseError(
        "BEN-LSE-001",
        f"bench {holder.bench!r} is in use by {holder}",
        expected="a free bench",
        todo="wait, or let somebody who may do so take it over: --take-over 'PERSON: REASON'",
    )


@contextmanager
def _transaction(state: Path) -> Iterator[None]:
    try:
        (state / "leases").mkdir(parents=True, exist_ok=True)
        fd = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o664)
    except OSError as error:
        raise LeaseError(
            "BEN-LSE-002",
            f"leases cannot be kept: {error.strerror}",
            where=str(state),
            todo=f"name a writable folder in {STATE}",
        ) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _next_token(state: Path) -> int:
    file = state / "token"
    last = 0
    with suppress(OSError, ValueError):
        last = int(file.read_text())
    beside = state / ".token"
    beside.write_text(str(last + 1))
    os.replace(beside, file)
    return last + 1


def _name(bench: str) -> str:
    return "".join(each if each.isalnum() else "_" for each in bench)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
