"""The label on each unit: serial number, MAC and the pairing password that the factory drew for it."""

from __future__ import annotations

import random
from typing import ClassVar

from pytest_conformance.simulation.devices.base import Behaviour
from pytest_conformance.simulation.devices.camera.words import FACTS, SAMPLES

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
LENGTH = 12


class Label(Behaviour):
    """The pairing password is drawn at random for each unit, and known to the unit and its label only."""

    slot = "label"
    alphabet: ClassVar[str] = ALPHABET

    @classmethod
    def password(cls, number: int, seed: int) -> str:
        """Return the pairing password of sample `number` (1 and up) of the batch `seed`."""
        draw = random.Random(f"pairing/{seed}/{number}")
        return "".join(draw.choice(cls.alphabet) for _ in range(LENGTH))

    @classmethod
    def text(cls, number: int, seed: int) -> str:
        """Return what is printed on sample `number`."""
        serial, mac = SAMPLES[number - 1]
        return f"{FACTS.model}; S/N {serial}; MAC {mac}; pairing password {cls.password(number, seed)}"

    def right(self, password: str) -> bool:
        """Tell whether `password` is the one on this unit's label."""
        return password == self.password(1, self.world.options.seed)
