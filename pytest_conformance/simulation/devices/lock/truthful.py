"""Recognition that decides by a set truth instead of by its pictures: for campaigns whose answer must be known."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_conformance.simulation.devices.base import Device
from pytest_conformance.simulation.devices.cloudlink import CloudLink
from pytest_conformance.simulation.devices.lock.entry import Recognition
from pytest_conformance.simulation.devices.lock.sensor import FaceSensor, vector_of
from pytest_conformance.simulation.devices.lock.users import OWNER, Users
from pytest_conformance.simulation.timeline import SECOND
from pytest_conformance.simulation.truth import Draws, Truth


class SilentLink(CloudLink):
    """Says nothing to its cloud by itself: in the weeks that a campaign takes nobody looks at that."""

    def start(self) -> None:
        """Have no heartbeat."""

    def publish(self, topic: str, message: Mapping[str, object]) -> bool:
        return False


def truthful(truth: Truth, seed: int, drawn: int) -> type[Recognition]:
    """Return a recognition that draws its decisions from `truth`; one stream of draws for the life of the world."""
    draws = Draws(truth, seed, drawn)

    class ByTruth(TrueRates):
        """Decides by the truth that the bench file states."""

        def __init__(self, device: Device) -> None:
            super().__init__(device)
            self.draws = draws

    return ByTruth


class TrueRates(Recognition):
    """Looks like the good lock's recognition from outside. Who a living person is, it finds as the good lock does."""

    draws: Draws

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._known: dict[tuple[int, tuple[str, ...]], str | None] = {}

    def _look(self) -> None:
        content = self.world.scene.content()
        if content.kind in ("empty", "passer-by"):
            self._wait()
            return
        user = self._who() if content.kind == "live" else None
        outcome = self.draws.outcome(content, user is not None)
        if outcome == "none":
            self._give_up()
            return
        self.device.log("face")
        self.device.after(self.draws.seconds(), lambda: self._decide(outcome, user or OWNER))

    def _wait(self) -> None:
        if self.world.timeline.now() < self._until:
            self.device.after(self.frame, self._look)
        else:
            self._time_out()

    def _give_up(self) -> None:
        left = max(0, self._until - self.world.timeline.now()) / SECOND
        self.device.after(left, self._time_out)

    def _time_out(self) -> None:
        self._end()
        self.device.log("timeout")

    def _decide(self, outcome: str, user: str) -> None:
        if outcome == "accepted":
            self._matched(user, b"")
        else:
            self._rejected("unknown", b"")

    def _who(self) -> str | None:
        """Match the person once against the templates that there are; nobody changes while both stay the same."""
        users = self.device.get(Users)
        key = (self.world.holder.value, tuple(each for each in users.ids() if users.has_face(each)))
        if key not in self._known:
            views, face = self.device.get(FaceSensor).look()
            self._known[key] = users.whose(vector_of(views, face)) if face is not None else None
        return self._known[key]
