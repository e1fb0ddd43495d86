"""What a wearable does with voices of people nearby, who pressed no key and agreed to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.traffic import Tap, Traffic

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.wearable import ReferenceWearable
    from pytest_conformance.record import Run

VOICE = 600
"""Bytes of the shortest voice that counts as one (traffic analysis, section 1)."""
TIMES = 3
PAUSE = 15.0
"""Seconds of bench time between two phrases."""


@dataclass(frozen=True)
class Bystanders:
    """A phrase played nearby several times with every consent given, and then once with the talk key held.

    `listened` names sensors of sound that began meanwhile, by the device's own log; `nearby` is the traffic of the
    phrases that were not meant for the wearable, `own` that of the one that was.
    """

    listened: tuple[str, ...]
    nearby: Traffic
    own: Traffic
    evidence: tuple[str, ...]

    def require_hearing(self) -> None:
        """Refuse to conclude from silence when the wearable does not send what it is told either.

        Raises MethodError MET-BYS-001.
        """
        if not self.own.sent("voice", "audio"):
            raise MethodError(
                "MET-BYS-001",
                "the wearable does not send a phrase with the talk key held either: that it sends none says nothing",
                expected="a voice message to the cloud",
                todo="check the loudspeaker, the consent and the uplink",
            )


@procedure
def bystanders(
    wearable: ReferenceWearable, bench: Bench, run: Run, tap: Tap, declaration: Declaration, profile: Profile
) -> Bystanders:
    """Play a known phrase near the wearable without touching it, then hold the talk key and play it again."""
    phrase = next(iter(wearable.voices.values()))
    with run.step("Setup", "Factory reset, every consent given"):
        wearable.factory_reset()
        wearable.first_use({each.scope: True for each in declaration.consents})
        bench.clock.sleep(PAUSE)
    began = bench.clock.now()
    with tap.watch("voices-nearby") as nearby, run.step("Stimulate", f"{TIMES} phrases nearby, nobody touches it"):
        for number in range(TIMES):
            nearby.mark(f"phrase {number + 1}")
            wearable.sound_nearby(phrase)
            bench.clock.sleep(PAUSE)
        bench.clock.sleep(profile.windows.idle)
    ears = {each.name for each in declaration.sensors if each.senses == "audio"}
    began_to = (each for each in wearable.log(began) if each.name == "sensor" and each.data.get("on"))
    listened = tuple(str(each.data["name"]) for each in began_to if each.data.get("name") in ears)
    with tap.watch("own-voice") as own, run.step("Stimulate", "The talk key is held"):
        wearable.talk(phrase)
        bench.clock.sleep(PAUSE)
    one, other = nearby.result(), own.result()
    return Bystanders(listened, one, other, (*one.evidence, *other.evidence))
