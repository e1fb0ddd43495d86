"""Enrolling a face at a lock in each state of consent; a child's face; withdrawing the consent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.devices.lock import Enrolment
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.traffic import Tap, Traffic, merged

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.lock import Attempt, ReferenceLock
    from pytest_conformance.devices.roles import Done
    from pytest_conformance.drivers.roles import Cloud
    from pytest_conformance.procedures.canaries import Canaries
    from pytest_conformance.record import Run

SUBJECT, OTHER = "S1", "S2"


@dataclass(frozen=True)
class Stage:
    """One state of consent: what a presented face led to in it.

    `kept` names faces found in storage, `works` whether the face opened the door afterwards.
    """

    name: str
    enrolment: Enrolment | None
    kept: tuple[str, ...]
    stored: tuple[str, ...]
    sent: int
    works: bool
    traffic: Traffic


@dataclass(frozen=True)
class FaceConsent:
    """The stages "before-rules", "rules-only", "declined" and "accepted", in this order."""

    stages: dict[str, Stage]
    evidence: tuple[str, ...]

    @property
    def traffic(self) -> Traffic:
        return merged("face consent", [each.traffic for each in self.stages.values()])


@procedure
def face_consent(
    lock: ReferenceLock, bench: Bench, run: Run, tap: Tap, canaries: Canaries, profile: Profile
) -> FaceConsent:
    """Show a face before the notice, after the rules, after declining the face consent, and after giving it."""
    stages: dict[str, Stage] = {}

    def look(name: str, enrolment: Enrolment | None, traffic: Traffic, since: int) -> None:
        found = [each for each in canaries.found_in(lock.storage()) if each in canaries.faces]
        stored = tuple(
            str(each.data.get("kind")) for each in lock.log(since) if each.name == "stored" and _face(each.data)
        )
        works = lock.attempt(SUBJECT).opened
        stages[name] = Stage(name, enrolment, tuple(found), stored, len(traffic.faces(scope="")), works, traffic)

    with run.step("Setup", "Factory reset"):
        lock.factory_reset()
    with run.step("Stimulate", "Show the face on the first screen"):
        since = bench.clock.now()
        with tap.watch("face-before-rules") as recording:
            lock.attempt(SUBJECT)
            bench.clock.sleep(60.0)
        look("before-rules", None, recording.result(), since)
    with run.step("Stimulate", "Agree to the rules only, and show the face"):
        since = bench.clock.now()
        with tap.watch("face-rules-only") as recording:
            lock.first_use({})
            lock.attempt(SUBJECT)
            bench.clock.sleep(60.0)
        look("rules-only", None, recording.result(), since)
    for name, accept in (("declined", False), ("accepted", True)):
        with run.step("Stimulate", f"Begin enrolment, face consent {name}"):
            since = bench.clock.now()
            with tap.watch(f"face-{name}") as recording:
                enrolment = lock.enrol(lock.owner, SUBJECT, {"face": accept})
                if not accept:
                    bench.clock.sleep(60.0)
            look(name, enrolment, recording.result(), since)
    return FaceConsent(stages, tuple(ref for each in stages.values() for ref in each.traffic.evidence))


@dataclass(frozen=True)
class Withdrawal:
    """Consent to the face withdrawn by its declared way: before, the act, and after.

    `giving_steps` and `done.steps` are a person's steps for giving and withdrawing.
    """

    worked_before: bool
    giving_steps: int
    done: Done
    attempts: tuple[Attempt, ...]
    templates_before: int
    templates_after: int
    kept: tuple[str, ...]
    cloud_left: int
    pin_works: bool
    evidence: tuple[str, ...]


@procedure
def withdrawal(
    lock: ReferenceLock, bench: Bench, cloud: Cloud, run: Run, tap: Tap, canaries: Canaries, profile: Profile
) -> Withdrawal:
    """Enrol a face, withdraw the consent by the documented way, and present the face again and again."""
    since = bench.clock.now()
    with run.step("Setup", "Factory reset, set up, enrol"):
        lock.factory_reset()
        lock.first_use({"cloud_face": True})
        enrolment = lock.enrol(lock.owner, SUBJECT, {"face": True})
        worked = lock.attempt(SUBJECT).opened
        before = lock.storage()
    with tap.watch("withdrawal") as recording, run.step("Stimulate", "Withdraw by the declared way"):
        recording.mark("withdrawn")
        done = lock.withdraw("face")
        bench.clock.sleep(lock.declaration.consent("face").withdrawal.within)
    attempts = []
    for _ in range(profile.samples.after_withdrawal):
        attempts.append(lock.attempt(SUBJECT))
        if attempts[-1].outcome == "reject":
            bench.clock.sleep(lock.lockout_pause)
    after = lock.storage()
    kept = tuple(each for each in canaries.found_in(after) if each in canaries.faces)
    left = sum(1 for each in canaries.in_cloud(cloud.stored(), since) if each in canaries.faces)
    image = run.evidence(after, name="flash-after-withdrawal.bin", media_type="application/octet-stream", face=True)
    return Withdrawal(
        worked,
        enrolment.steps,
        done,
        tuple(attempts),
        records(before, b"face/"),
        records(after, b"face/"),
        kept,
        left,
        lock.type_pin(lock.secret).ok,
        (*recording.result().evidence, image),
    )


@dataclass(frozen=True)
class ChildEnrolment:
    """A child of eight: without a guardian, with a wrong guardian code, and with the right one.

    `left` names faces of the refused tries in storage, `sent` counts what of them left.
    """

    refused: Enrolment
    wrong_code: Enrolment
    left: tuple[str, ...]
    sent: int
    works_without: bool
    allowed: Enrolment
    evidence: tuple[str, ...]


@procedure
def child_enrolment(lock: ReferenceLock, bench: Bench, run: Run, tap: Tap, canaries: Canaries) -> ChildEnrolment:
    """Create a child of eight and enrol a face without a guardian, with a wrong code, and with the right one."""
    child = f"Child-{lock.token[:8]}"
    with run.step("Setup", "Factory reset, set up, add a child"):
        lock.factory_reset()
        lock.first_use({})
        lock.add_user(child, 8, "1357924")
    agrees = {"face": True, "guardian_face": True}
    with tap.watch("child-without-guardian") as recording, run.step("Stimulate", "Enrol the child without a guardian"):
        refused = lock.enrol(child, "S4", agrees)
        wrong = refused if refused.enrolled else lock.enrol(child, "S4", agrees, code="000000")
        bench.clock.sleep(60.0)
    traffic = recording.result()
    left = tuple(each for each in canaries.found_in(lock.storage()) if each in canaries.faces)
    works = lock.attempt("S4").opened
    with run.step("Stimulate", "Enrol the child with the guardian"):
        allowed = lock.enrol(child, "S4", agrees, code=lock.guardian_code)
    return ChildEnrolment(refused, wrong, left, len(traffic.faces(scope="")), works, allowed, traffic.evidence)


def records(image: bytes, label: bytes) -> int:
    """Count occurrences of a record's label in a storage image; labels are not secret, contents are."""
    return image.count(label)


def _face(data: object) -> bool:
    return isinstance(data, dict) and str(data.get("kind")) in ("face", "picture", "seen", "stranger")
