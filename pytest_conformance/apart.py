"""Work on bytes that a device sent, in a child process with limits: what dies there is said, and the run lives.

Decoders of pictures, sound and archives are written in C, and a hostile capture is made to meet their faults. The child
is forked for each piece of work from a server that has loaded the modules once.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import pickle
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import is_dataclass
from enum import Enum
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from pytest_conformance.errors import ConformanceError

T = TypeVar("T")
MEMORY = 2 * 1024**3
"""Bytes that a piece of work may take beyond what the child has when it is forked."""
SECONDS = 600
"""Seconds of processor time for a piece of work."""
SLOWER = 4
"""How many times longer than its processor time it may take: the machine may be busy."""
OURS = "pytest_conformance."


class WorkDiedError(Exception):
    """The child ended without a result; the text says how: a signal, a limit, or an exception that is not ours."""


def apart(
    act: Callable[..., T],
    *arguments: Any,
    memory: int = MEMORY,
    seconds: int = SECONDS,
    meanwhile: Callable[[], None] = lambda: None,
) -> T:
    """Return `act(*arguments)`, worked out in a child; `act` is a function of a module of ours, by its name.

    `meanwhile` is called each second until then. A ConformanceError of the child is raised here as well. Raises
    WorkDiedError when the child was killed, took more than `memory` bytes or `seconds`, raised something else, or sent
    back what is no data of ours.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__, act.__module__])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, act, arguments, memory, seconds), daemon=True)
    process.start()
    theirs.close()
    try:
        content = _received(ours, SLOWER * seconds, meanwhile)
        if content is None:
            process.join(5.0)
            raise WorkDiedError(_how(process.exitcode, seconds))
        good, answer = _Unpickler(io.BytesIO(content)).load()
    except (pickle.UnpicklingError, ValueError, TypeError, AttributeError, EOFError) as error:
        raise WorkDiedError(f"it sent back what is no result: {error}") from error
    finally:
        ours.close()
        process.kill()
        process.join()
    if good:
        found: T = answer
        return found
    if isinstance(answer, ConformanceError):
        raise answer
    raise WorkDiedError(str(answer))


def _received(ours: Connection, seconds: float, meanwhile: Callable[[], None]) -> bytes | None:
    """Return the bytes that came; None when the child ended before, or did not end in time."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if ours.poll(1.0):
            try:
                return ours.recv_bytes()
            except (EOFError, OSError):
                return None
        meanwhile()
    return None


def _work(theirs: Connection, act: Callable[..., Any], arguments: tuple[Any, ...], memory: int, seconds: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run ends its children itself
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    most = _mapped() + memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    try:
        content = pickle.dumps((True, act(*arguments)))
    except ConformanceError as error:
        content = pickle.dumps((False, error))
    except MemoryError:
        content = pickle.dumps((False, f"it needs more than {memory // 1024**2} MiB of memory"))
    except Exception as error:  # whatever a decoder raises on hostile bytes: the parent says it and lives
        content = pickle.dumps((False, f"{type(error).__name__}: {error}"[:1000]))
    with contextlib.suppress(OSError):
        theirs.send_bytes(content)
    theirs.close()


def _mapped() -> int:
    """Return the bytes of address space that this process has."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()


def _how(code: int | None, seconds: int) -> str:
    if code is None:
        return f"it did not end within {SLOWER * seconds} s"
    if code == -signal.SIGXCPU:
        return f"it took more than {seconds} s of processor time"
    return f"it was ended by {signal.Signals(-code).name}" if code < 0 else f"it ended with {code} and no result"


class _Unpickler(pickle.Unpickler):
    """Reads data of ours and nothing else: a child that hostile bytes have taken over must not reach this process."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("pytest_conformance.errors", "_rebuild"):
            return super().find_class(module, name)
        if not module.startswith(OURS) or "." in name:
            raise pickle.UnpicklingError(f"{module}.{name} is no data of ours")
        found = super().find_class(module, name)
        if not (isinstance(found, type) and (is_dataclass(found) or issubclass(found, Enum | ConformanceError))):
            raise pickle.UnpicklingError(f"{module}.{name} is no data of ours")
        return found
