"""Authentication over the network: guessing, lock-out, and changing the secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase, digits
from typing import TYPE_CHECKING

from pytest_conformance.procedures.procedure import procedure

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.roles import Device, Done
    from pytest_conformance.record import Run


@dataclass(frozen=True)
class Guessing:
    """A bounded series of wrong secrets against one mechanism.

    `tries` wrong secrets took `seconds` of bench time; `answered` of them were looked at (not refused by a
    lock-out), and for `locked` seconds more even the right one was refused. `right_refused` is whether the right
    secret was refused straight after the series, `survives_power_cycle` whether it still was after a power cycle;
    `right_later` whether it worked after the declared duration. `entropy` is that of the declared secret, bits.
    """

    mechanism: str
    tries: int
    answered: int
    seconds: float
    locked: float
    right_refused: bool
    survives_power_cycle: bool
    right_later: bool
    entropy: float

    @property
    def rate(self) -> float:
        """Guesses a second that the mechanism really looks at, over the series and the lock-out that followed it."""
        return self.answered / (self.seconds + self.locked) if self.seconds > 0 else float("inf")

    @property
    def expected_days(self) -> float:
        """Days until half of the declared space has been tried at the measured rate."""
        return 2 ** (self.entropy - 1) / self.rate / 86_400 if self.rate > 0 else float("inf")


@dataclass(frozen=True)
class SecretChange:
    """A secret changed by the declared way: old and new tried before and after a power cycle."""

    mechanism: str
    changed: Done
    new_works: bool
    old_works: bool
    new_works_after_power_cycle: bool
    old_works_after_power_cycle: bool


@dataclass(frozen=True)
class Authentication:
    """Every declared network mechanism guessed at, every changeable secret changed."""

    guessing: Mapping[str, Guessing]
    changes: Mapping[str, SecretChange]
    evidence: tuple[str, ...] = ()


@procedure
def authentication(
    device: Device, bench: Bench, run: Run, declaration: Declaration, profile: Profile
) -> Authentication:
    """Guess at every network mechanism; change every secret by its declared way and try old and new."""
    guessing, changes = {}, {}
    for each in declaration.credentials:
        if each.over in ("network", "ble"):
            with run.step("Stimulate", f"Guess at {each.name}"):
                guessing[each.name] = _guess(device, bench, declaration, profile, each.name)
        if each.change is not None and each.kind == "user_defined":
            with run.step("Stimulate", f"Change {each.name}"):
                changes[each.name] = _change(device, bench, declaration, each.name)
    return Authentication(guessing, changes)


def _guess(device: Device, bench: Bench, declaration: Declaration, profile: Profile, name: str) -> Guessing:
    """Try wrong values, then the right one: at once, after a power cycle, near the end of the lock-out, after it.

    The right value is asked for before each try: that of a one-time code changes.
    """
    credential = declaration.credential(name)
    device.factory_reset()
    device.first_use({each.scope: True for each in declaration.consents})
    began = bench.clock.now()
    answered = 0
    for number in range(profile.samples.guesses):
        answered += device.guess(name, wrong_secret(device.secret_of(name), number))
    ended = bench.clock.now()
    refused = not _right(device, name)
    device.power_cycle()
    still = not _right(device, name)
    duration = credential.lockout.duration if credential.lockout is not None else 0.0
    bench.clock.sleep(max(0.0, 0.9 * duration - (bench.clock.now() - ended) / 1e9))
    locked = (bench.clock.now() - ended) / 1e9 if duration and refused and not _right(device, name) else 0.0
    bench.clock.sleep(duration + 5.0)
    later = _right(device, name)
    seconds = (ended - began) / 1e9
    tries = profile.samples.guesses
    return Guessing(name, tries, answered, seconds, locked, refused, still, later, credential.entropy)


def _right(device: Device, name: str) -> bool:
    return device.log_in(name, device.secret_of(name)).ok


def _change(device: Device, bench: Bench, declaration: Declaration, name: str) -> SecretChange:
    device.factory_reset()
    device.first_use({each.scope: True for each in declaration.consents})
    old = device.secret_of(name)
    new = wrong_secret(old, 7)
    changed = device.change_secret(name, old, new)
    works = device.log_in(name, new).ok, device.log_in(name, old).ok
    device.power_cycle()
    return SecretChange(name, changed, *works, device.log_in(name, new).ok, device.log_in(name, old).ok)


def wrong_secret(right: str, number: int) -> str:
    """Return a secret of the same length and alphabet as `right` that differs from it, another for each number.

    Each digit becomes another digit, each letter another of its case; a secret of neither changes its last character.
    """
    wrong, place = [], 0
    for character in reversed(right):
        turned = _turn(character, number // 9**place % 9 + 1)
        place += turned != character
        wrong.append(turned)
    if not place and wrong:
        wrong[0] = "-" if right[-1] != "-" else "_"
    return "".join(reversed(wrong))


def _turn(character: str, by: int) -> str:
    for alphabet in (digits, ascii_lowercase, ascii_uppercase):
        if character in alphabet:
            return alphabet[(alphabet.index(character) + by) % len(alphabet)]
    return character
