"""The run's end of its supervisor: start it, give it the off-commands, show signs of life, leave in good order."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.bench.supervisor import BEAT, PACKET
from pytest_conformance.errors import BenchError, DeviceError

if TYPE_CHECKING:
    from pytest_conformance.drivers.off_command import Feed, OffCommand
    from pytest_conformance.drivers.thermometer import Probe

PROGRAM = "import sys; from pytest_conformance.bench.supervisor import main; sys.exit(main(sys.argv[1:]))"
START_WITHIN = 60.0
"""Wall seconds that the supervisor may take until it holds its first output, on a busy machine."""
EVERY = 0.1
"""Wall seconds between two beats at least."""


class Supervised:
    """A run that is watched over. Only the thread that made it beats: another thread's life says nothing of the loop's.

    While it lives, the number of each signal that Python handles goes to the supervisor the moment it arrives.
    """

    def __init__(
        self,
        journal: Path | None,
        log: Path,
        *,
        silence: float,
        grace: float,
        alarm: Sequence[str] = (),
        bench: str = "",
        state: Path | None = None,
    ) -> None:
        self._line, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-c", PROGRAM, str(other.fileno()), str(os.getpid())]
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=[other.fileno()],
                start_new_session=True,
            )
        other.close()
        self._line.setblocking(False)
        self._log = log
        self._owner = threading.get_ident()
        self._beaten = 0.0
        self._verdict: BenchError | DeviceError | None = None
        self._left = False
        self._before = self._wake_up()
        order = {"silence": silence, "grace": grace, "journal": str(journal or ""), "alarm": list(alarm)}
        order |= {"bench": bench, "state": str(state or "")}
        self._line.send(json.dumps(order).encode())
        self._owed = 1

    @property
    def pid(self) -> int:
        return self._process.pid

    def keep(self, fd: int, what: str = "world") -> None:
        """Let the supervisor hold `fd` open as long as it lives: a simulated world's input, or the "lease"."""
        socket.send_fds(self._line, [json.dumps({"keep": what}).encode()], [fd])
        self._owed += 1

    def hold(self, name: str, off: OffCommand | None, feed: Feed | None = None, *, upstream: bool = False) -> None:
        """Hand over how `name` is switched off, and what keeps its dead-man closed.

        Raises BenchError BEN-SAF-001 when the supervisor does not take it: nothing may be switched on then.
        """
        order = {
            "hold": name,
            "off": off.to_json() if off else None,
            "feed": feed.to_json() if feed else None,
            "upstream": upstream,
        }
        if not self._order(order):
            raise self._not_started()

    def watch(self, name: str, probe: Probe) -> None:
        """Let the supervisor look at the device's temperature, and switch off when it is above the limit of `probe`.

        Raises BenchError BEN-SAF-001 when it does not take that.
        """
        if not self._order({"watch": name, "probe": probe.to_json()}):
            raise self._not_started()

    def beat(self) -> None:
        """Show that the run loop lives; from any other thread this does nothing.

        Raises DeviceError DUT-HOT-001 when the device became too hot, BenchError BEN-SAF-002 when the supervisor has
        switched the bench off for another reason, BEN-SAF-003 when it is gone.
        """
        if threading.get_ident() != self._owner:
            return
        self.check()
        now = time.monotonic()
        if now - self._beaten < EVERY:
            return
        self._beaten = now
        try:
            self._line.send(BEAT)
        except OSError as error:
            self._verdict = self._gone(str(error))
            raise self._verdict from error

    def check(self) -> None:
        """Raise what the supervisor has to say against going on; see `beat`."""
        if self._verdict is None and not self._left:
            try:
                while self._verdict is None:
                    self._take(self._line.recv(PACKET))
            except BlockingIOError:
                pass
            except OSError as error:
                self._verdict = self._gone(str(error))
        if self._verdict is not None:
            raise self._verdict

    def off(self, proven: bool) -> None:
        """Say that the outputs are off (proven), or that they could not be proven off."""
        self._order({"proven": proven}, 5.0)

    def leave(self) -> None:
        """Part in good order; the supervisor ends. Safe to call twice."""
        if self._left:
            return
        self._order({"leave": True}, 5.0)
        self._left = True
        if self._before is not None and threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(self._before)
        self._line.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wake_up(self) -> int | None:
        if threading.current_thread() is not threading.main_thread():
            return None
        return signal.set_wakeup_fd(self._line.fileno(), warn_on_full_buffer=False)

    def _order(self, order: dict[str, Any], within: float = START_WITHIN) -> bool:
        """Send an order and wait until everything said so far is done; False when that does not come."""
        try:
            self._line.send(json.dumps(order).encode())
            self._owed += 1
            deadline = time.monotonic() + within
            while self._owed and (left := deadline - time.monotonic()) > 0:
                if select.select([self._line], [], [], left)[0]:
                    self._take(self._line.recv(PACKET))
                if isinstance(self._verdict, BenchError) and self._verdict.code == "BEN-SAF-003":
                    return False
        except OSError:
            return False
        return not self._owed

    def _take(self, message: bytes) -> None:
        if not message:
            self._verdict = self._gone("it closed its line")
            return
        said = json.loads(message)
        if said.get("done"):
            self._owed -= 1
        if why := said.get("hot"):
            self._verdict = DeviceError(
                "DUT-HOT-001",
                f"the device was switched off: {why}",
                where="skin",
                expected="a device below its thermal limit",
                todo="leave it alone until it is cold; no trial on this sample until a named person releases it",
            )
        elif why := said.get("acted"):
            self._verdict = BenchError(
                "BEN-SAF-002",
                f"the supervisor switched the bench off: {why}",
                expected="a run loop that shows a sign of life",
                todo="nothing after that counts; find what held the run up, or raise `silence` in the bench file",
            )

    def _not_started(self) -> BenchError:
        return BenchError(
            "BEN-SAF-001",
            "the supervisor of this bench did not start",
            where=str(self._log),
            expected=f"an answer within {START_WITHIN:g} s",
            todo="read its log; a bench without it stays powered when the run is killed",
        )

    def _gone(self, why: str) -> BenchError:
        return BenchError(
            "BEN-SAF-003",
            f"the supervisor of this bench is gone ({why})",
            where=f"process {self._process.pid}; {self._log}",
            expected="a supervisor that outlives the run",
            todo="find out who ended it; no run goes on without one",
        )
