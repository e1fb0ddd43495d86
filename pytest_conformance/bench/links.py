"""Links to instruments that break: one cause for a hub that drops, and links that come back under the same address."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_conformance.drivers.serial_ports import BACK_WITHIN, Settling
from pytest_conformance.errors import BenchError, LinkError

if TYPE_CHECKING:
    from pytest_conformance.bench.assembly import Bench


def dropped_hub(bench: Bench) -> LinkError | None:
    """Return LinkError BEN-LNK-150 when all of two or more opened instruments on one hub do not answer (case B07).

    Which instrument is on which hub says `hub:` in the bench file. None when each hub has one that answers.
    """
    children: dict[str, list[str]] = {}
    opened = dict(bench.opened())
    for name, entry in bench.file.roles.items():
        if entry.hub and name in opened:
            children.setdefault(entry.hub, []).append(name)
    for hub, names in children.items():
        if len(names) > 1 and not any(_answers(opened[each]) for each in names):
            return LinkError(
                "BEN-LNK-150",
                f"hub {hub} dropped: {', '.join(names)} went away together",
                where=bench.name,
                expected=f"an answer from one of the {len(names)} instruments on it",
                todo="check the hub's power and cable; the bench is in quarantine until it is released",
            )
    return None


def relink(bench: Bench) -> list[str]:
    """Open again what went away by itself and is back; return what the record should say (cases B01, B02, B08).

    A port that vanishes and returns several times is waited for until it rests. Whatever does not come back stays
    lost: the next question to it raises its LinkError.
    """
    said = []
    for name, driver in bench.opened():
        port = getattr(driver, "lost_port", "")
        if not port:
            continue
        settling = Settling(port)
        if "://" not in port:
            patience = 0.0 if name in bench.gone and not os.path.exists(port) else BACK_WITHIN
            with bench.clock.realtime():
                back = bench.clock.wait_for(lambda at=settling: at.look(bench.clock.now()), patience)  # type: ignore[misc]
            if not back:
                bench.gone.add(name)
                continue
        try:
            driver.reopen()
        except BenchError:
            bench.gone.add(name)
            continue
        bench.gone.discard(name)
        times = f", after {settling.changes} more changes" if settling.changes else ""
        said.append(f"the link of {name} went away and is back at {port}{times}: the final one is used")
    return said


def _answers(driver: object) -> bool:
    try:
        driver.identity()  # type: ignore[attr-defined]
    except BenchError:
        return False
    return True
