"""What leaves a lock when a face is enrolled and when faces are presented, with the cloud consent declined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.analysis.traffic.context import PROBE
from pytest_conformance.procedures.lock_enrolment import OTHER, SUBJECT, records
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.traffic import Recording, Tap, Traffic
from pytest_conformance.procedures.traps import Trap, set_traps

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.lock import Attempt, ReferenceLock
    from pytest_conformance.drivers.roles import Cloud, Uplink
    from pytest_conformance.procedures.canaries import Canaries
    from pytest_conformance.record import Run

FAILURES = 3
"""Failed presentations in a row: some devices send a picture only then."""


@dataclass(frozen=True)
class EnrolmentTraffic:
    """One person enrolled, then another, then the first again; a restart and a night after it.

    What agrees between the two enrolments of the first, and not with the other's, is a template, in whatever form
    (traffic analysis, section 7.3). `again` tells whether both later enrolments succeeded; `templates` counts face
    records at the end, `in_cloud` names faces that the cloud was sent.
    """

    traffic: Traffic
    enrolled: bool
    again: bool
    templates: int
    in_cloud: tuple[str, ...]
    traps: tuple[Trap, ...]
    evidence: tuple[str, ...]


@procedure
def enrolment_traffic(
    lock: ReferenceLock,
    bench: Bench,
    cloud: Cloud,
    uplink: Uplink,
    run: Run,
    tap: Tap,
    canaries: Canaries,
    profile: Profile,
) -> EnrolmentTraffic:
    """Enrol faces with the cloud consent declined, restart the lock, let it be night; inspect what left."""
    since = _set_up(lock, bench, run)
    with tap.watch("enrolment") as recording:
        with run.step("Stimulate", "Enrol"):
            recording.mark("enrolment")
            recording.mark(f"{PROBE} {SUBJECT}")
            enrolment = lock.enrol(lock.owner, SUBJECT, {"face": True})
            bench.clock.sleep(profile.windows.idle)
        again = []
        for subject in (OTHER, SUBJECT):
            with run.step("Stimulate", f"Withdraw the face, enrol {subject} in its place"):
                lock.withdraw("face")
                recording.mark(f"{PROBE} {subject}")
                again.append(lock.enrol(lock.owner, subject, {"face": True}).enrolled)
                bench.clock.sleep(profile.windows.idle)
        traps = set_traps(lock, bench, uplink, run, recording, profile)
    traffic = recording.result()
    templates = records(lock.storage(), b"face/")
    sent = _faces_in_cloud(canaries, cloud, since)
    return EnrolmentTraffic(traffic, enrolment.enrolled, all(again), templates, sent, traps, traffic.evidence)


@dataclass(frozen=True)
class PresentationTraffic:
    """Presentations: enrolled, unknown and false faces; three failures in a row; one with the uplink cut, then back.

    `offline` is the presentation with the uplink cut; `in_cloud` names faces that the cloud was sent.
    """

    traffic: Traffic
    attempts: tuple[Attempt, ...]
    failures: tuple[Attempt, ...]
    offline: Attempt
    in_cloud: tuple[str, ...]
    traps: tuple[Trap, ...]
    evidence: tuple[str, ...]


@procedure
def presentation_traffic(
    lock: ReferenceLock,
    bench: Bench,
    cloud: Cloud,
    uplink: Uplink,
    run: Run,
    tap: Tap,
    canaries: Canaries,
    profile: Profile,
) -> PresentationTraffic:
    """Show enrolled, unknown and false faces with the cloud consent declined, some offline; inspect what left."""
    since = _set_up(lock, bench, run)
    with run.step("Setup", "Enrol"):
        lock.enrol(lock.owner, SUBJECT, {"face": True})
    with tap.watch("presentations") as recording:
        with run.step("Stimulate", f"{profile.samples.presentations} presentations"):
            attempts = _present(lock, bench, recording, profile.samples.presentations)
        with run.step("Stimulate", f"{FAILURES} failures in a row"):
            failures = _fail(lock, bench, recording)
        with run.step("Stimulate", "Uplink cut: show the enrolled face; uplink restored"):
            offline = _offline(lock, bench, uplink, recording)
            bench.clock.sleep(profile.windows.idle)
        traps = set_traps(lock, bench, uplink, run, recording, profile)
    traffic = recording.result()
    sent = _faces_in_cloud(canaries, cloud, since)
    return PresentationTraffic(traffic, attempts, failures, offline, sent, traps, traffic.evidence)


def _set_up(lock: ReferenceLock, bench: Bench, run: Run) -> int:
    """Return the bench time from which on nothing about a face may leave."""
    with run.step("Setup", "Factory reset, set up, cloud consent declined"):
        lock.factory_reset()
        lock.first_use({"cloud_face": False})
    return bench.clock.now()


def _present(lock: ReferenceLock, bench: Bench, recording: Recording, count: int) -> tuple[Attempt, ...]:
    attempts = []
    for number in range(count):
        what = (SUBJECT, SUBJECT, OTHER, "A-print-1")[number % 4]
        recording.mark(f"show {what}")
        attempts.append(lock.attempt(what))
        bench.clock.sleep(lock.lockout_pause if what != SUBJECT else 5.0)
    return tuple(attempts)


def _fail(lock: ReferenceLock, bench: Bench, recording: Recording) -> tuple[Attempt, ...]:
    """Show an unknown face three times in a row, first waiting until that leads to no lock-out, and then again."""
    bench.clock.sleep(lock.lockout_pause)
    attempts = []
    for _ in range(FAILURES):
        recording.mark(f"show {OTHER}")
        attempts.append(lock.attempt(OTHER))
        bench.clock.sleep(5.0)
    bench.clock.sleep(lock.lockout_pause * (FAILURES - 1))
    return tuple(attempts)


def _offline(lock: ReferenceLock, bench: Bench, uplink: Uplink, recording: Recording) -> Attempt:
    uplink.cut()
    try:
        recording.mark(f"uplink cut, show {SUBJECT}")
        return lock.attempt(SUBJECT)
    finally:
        uplink.restore()
        recording.mark("uplink restored")


def _faces_in_cloud(canaries: Canaries, cloud: Cloud, since: int) -> tuple[str, ...]:
    return tuple(each for each in canaries.in_cloud(cloud.received(), since) if each in canaries.faces)
