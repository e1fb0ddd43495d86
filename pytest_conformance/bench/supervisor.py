"""The supervisor: a process of its own that holds the outputs' off-commands and uses them when the run loop is gone.

It listens on one end of a socket pair; the run's end is in `supervised`, which starts it. Nothing here opens
an instrument before it has to switch it off, but for a dead-man that it feeds.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_conformance.bench.safe_state import Outcome, Step, reach
from pytest_conformance.drivers.off_command import Feed, OffCommand, carry_out
from pytest_conformance.drivers.thermometer import Probe, ProbeLink
from pytest_conformance.errors import ConformanceError

BEAT = b"\xff"
STOPPING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
"""Signals that end a run; the run's process writes their number the moment they arrive, however stuck it is."""
PACKET = 1 << 16
BLIND = 3
"""Looks at a thermometer in a row without a reading after which the device is switched off."""
SWITCHING = 4.0
"""Wall seconds that switching one output off may take, its second path included."""


@dataclass
class Held:
    """One output: how it goes off, and whether it is the upstream switch that is only cut when others stay on."""

    name: str
    command: OffCommand
    upstream: bool = False


@dataclass
class Orders:
    """What the run has told the supervisor so far."""

    silence: float = 60.0
    """Wall seconds without a sign of life of the run loop after which it is taken for stuck."""
    grace: float = 0.5
    """Wall seconds that the run has, after a signal, to switch off by itself."""
    journal: Path | None = None
    alarm: tuple[str, ...] = ()
    state: Path | None = None
    """Where quarantines are kept; None where there are none."""
    bench: str = ""
    outputs: list[Held] = field(default_factory=list)
    feeds: dict[str, Feed] = field(default_factory=dict)
    probes: dict[str, ProbeLink] = field(default_factory=dict)
    off: bool = False
    """The run has proven its outputs off by itself."""


class Supervisor:
    """Watches one run. `serve` returns when the run has left in good order, or is dead and everything is off."""

    def __init__(self, line: socket.socket, runner: int) -> None:
        self._line = line
        self._runner = os.pidfd_open(runner) if os.getppid() == runner else -1
        self._orders = Orders()
        self._kept: list[int] = []
        self._lease = -1
        """The run's open lease: once it is taken over, the outputs are somebody else's."""
        self._heard = time.monotonic()
        self._fed: dict[str, float] = {}
        self._decide_by: tuple[float, str] | None = None
        self._acted = False
        self._looked = 0.0
        self._blind = 0

    def serve(self) -> None:
        """Listen until the run is over."""
        while self._runner >= 0:
            line = self._line.fileno()
            ready, _, _ = select.select([line, self._runner], [], [], self._patience())
            if line in ready and not self._hear():
                return
            if self._runner in ready and not self._drain():
                return
            self._feed()
            self._look()
            self._judge()
        self._run_died("the run was gone before its supervisor was there")

    def _drain(self) -> bool:
        """Hear what the dead run still said; return False when that settled it, or the outputs are off now."""
        self._line.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                if not self._hear():
                    return False
        self._run_died("the process of the run died")
        return False

    def _patience(self) -> float | None:
        orders, due = self._orders, []
        if not self._acted and not orders.off and orders.outputs:
            due.append(self._heard + orders.silence)
            if self._decide_by is not None:
                due.append(self._decide_by[0])
        if not self._acted:
            due += [self._fed.get(name, 0.0) + each.every for name, each in orders.feeds.items()]
            due += [self._looked + each.probe.every for each in orders.probes.values()]
        return max(min(due) - time.monotonic(), 0.01) if due else None

    def _hear(self) -> bool:
        """Take one message; return False when the run has left, or died and was dealt with."""
        message, fds, _, _ = socket.recv_fds(self._line, PACKET, 1)
        self._kept += fds
        if not message:
            self._run_died("the process of the run died")
            return False
        if message == BEAT:
            self._heard = time.monotonic()
        elif len(message) == 1:
            self._signalled(message[0])
        else:
            return self._told(json.loads(message))
        return True

    def _signalled(self, number: int) -> None:
        if number in STOPPING and self._decide_by is None:
            said = f"{signal.Signals(number).name} to the run, which did not switch off by itself in time"
            self._decide_by = (time.monotonic() + self._orders.grace, said)

    def _told(self, order: dict[str, Any]) -> bool:
        orders, self._heard = self._orders, time.monotonic()
        if "silence" in order:
            orders.silence, orders.grace = float(order["silence"]), float(order["grace"])
            orders.journal = Path(order["journal"]) if order["journal"] else None
            orders.state, orders.bench = Path(order["state"]) if order["state"] else None, str(order["bench"])
            orders.alarm = tuple(order["alarm"])
        if order.get("keep") == "lease":
            self._lease = self._kept[-1]
        if "hold" in order:
            name = str(order["hold"])
            if order["off"]:
                held = Held(name, OffCommand.from_json(order["off"]), bool(order["upstream"]))
                orders.outputs.append(held)
            if order["feed"]:
                orders.feeds[name] = Feed.from_json(order["feed"])
                self._feed()
        if "watch" in order:
            orders.probes[str(order["watch"])] = ProbeLink(Probe.from_json(order["probe"]))
        if "proven" in order:
            orders.off, self._decide_by = bool(order["proven"]), None
        if order.get("leave"):
            self._stand_down()
        self._answer({"done": True})
        return not order.get("leave")

    def _answer(self, what: dict[str, Any]) -> None:
        with suppress(OSError):
            self._line.send(json.dumps(what).encode())

    def _feed(self) -> None:
        """Keep dead-man switches closed while the run loop lives: a stuck or unsafe bench is not fed."""
        now = time.monotonic()
        if self._acted or now - self._heard > self._orders.silence:
            return
        for name, each in self._orders.feeds.items():
            if now - self._fed.get(name, 0.0) >= each.every:
                self._fed[name] = now
                tell(each.address, each.send, each.timeout)

    def _look(self) -> None:
        """Switch off when the device is too hot, or when nobody can say how hot it is (case A16)."""
        now = time.monotonic()
        if self._acted or self._orders.off or not self._orders.outputs:
            return
        for name, each in self._orders.probes.items():
            if now - self._looked < each.probe.every:
                continue
            self._looked = now
            celsius = each.celsius()
            self._blind = self._blind + 1 if celsius is None else 0
            if celsius is not None and celsius > each.probe.most:
                self._act(f"{name} reads {celsius:.1f} °C, more than {each.probe.most:g} °C", hot=True)
            elif self._blind >= BLIND:
                self._act(f"{name} told no temperature {BLIND} times: nobody knows how hot the device is")

    def _judge(self) -> None:
        now = time.monotonic()
        if self._acted or self._orders.off or not self._orders.outputs:
            return
        if self._decide_by is not None and now >= self._decide_by[0]:
            self._act(self._decide_by[1])
        elif now - self._heard >= self._orders.silence:
            self._act(f"no sign of life from the run loop for {now - self._heard:.1f} s")

    def _run_died(self, why: str) -> None:
        """Switch off, also once more after a stuck run has died: it may have woken in between."""
        if not self._orders.off and self._orders.outputs:
            self._act(why)
        self._runner = -1

    def _act(self, why: str, *, hot: bool = False) -> None:
        began = time.monotonic()
        self._acted = True
        if self._lease >= 0 and os.fstat(self._lease).st_nlink == 0:
            return  # the bench is somebody else's now: they have brought it to its safe state
        self._answer({"hot" if hot else "acted": why})
        outcomes = switch_off(self._orders.outputs)
        seconds = time.monotonic() - began
        reached = safe(outcomes, self._orders.outputs)
        if reached:
            self._stand_down()
        record(self._orders, why, outcomes, reached, seconds)

    def _stand_down(self) -> None:
        """Release the dead-man switches in good order: the outputs are off."""
        if self._lease < 0 or os.fstat(self._lease).st_nlink:
            for each in self._orders.feeds.values():
                tell(each.address, each.release, each.timeout)
        self._orders.feeds = {}


def switch_off(outputs: list[Held]) -> tuple[Outcome, ...]:
    """Switch every output off, in order; cut the upstream switch when one is not proven off."""

    def step(held: Held) -> Step:
        name = f"{held.name} {'cut' if held.upstream else 'off'}"
        return Step(name, lambda: carry_out(held.command, held.name), SWITCHING)

    outcomes = reach([step(each) for each in outputs if not each.upstream])
    if not all(each.done for each in outcomes):
        outcomes += reach([step(each) for each in outputs if each.upstream])
    return outcomes


def safe(outcomes: tuple[Outcome, ...], outputs: list[Held]) -> bool:
    """Tell whether the device is without power: every output proven off, or the upstream switch proven open."""
    upstream = {f"{each.name} cut" for each in outputs if each.upstream}
    return all(each.done for each in outcomes if each.name not in upstream) or any(
        each.done for each in outcomes if each.name in upstream
    )


def record(orders: Orders, why: str, outcomes: tuple[Outcome, ...], reached: bool, seconds: float) -> None:
    """Journal what was done, and raise the alarm when an output would not go off; neither may stop the other."""
    from pytest_conformance.bench.alarm import sound, unsafe
    from pytest_conformance.bench.quarantine import impose

    said = unsafe(outcomes)
    if orders.journal is not None and orders.journal.is_file():
        from pytest_conformance.record import Journal

        data = {
            "by": "supervisor",
            "trigger": why,
            "reached": reached,
            "outputs": {each.name: "done" if each.done else each.reason for each in outcomes},
            "reason": f"{why}; {said}" if said else why,
            "seconds": round(seconds, 3),
            "alarm": said,
            "quarantine": bool(said),
        }
        with suppress(ConformanceError, OSError):
            journal = Journal(orders.journal)
            journal.append("safe-state", data)
            journal.close()
    if said:
        if orders.state is not None:
            impose(orders.state, orders.bench, said, str(orders.journal.parent if orders.journal else ""))
        sound(orders.alarm, said)


def tell(address: str, line: str, timeout: float) -> None:
    """Send one line; whether it arrived shows at the switch, whose dead-man falls when it did not."""
    from pytest_conformance.drivers.visa_link import VisaLink

    link = VisaLink(address, timeout, "dead-man")
    with suppress(ConformanceError):
        link.open()
        link.write(line)
    link.close()


def warm_up() -> None:
    """Load what switching off needs, so that nothing is read from a disk when it is due."""
    import pyvisa

    _WARM.append(pyvisa.ResourceManager("@py"))


_WARM: list[Any] = []


def main(argv: list[str]) -> int:
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)
    line = socket.socket(fileno=int(argv[0]))
    supervisor = Supervisor(line, int(argv[1]))
    warm_up()
    supervisor.serve()
    return 0
