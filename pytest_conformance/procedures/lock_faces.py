"""Faces at a lock in everyday use: how long they are kept, what passers-by leave, and storage at rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.procedures.lock_enrolment import OTHER, SUBJECT, records
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.traffic import Tap, Traffic

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.lock import Attempt, ReferenceLock
    from pytest_conformance.procedures.canaries import Canaries
    from pytest_conformance.record import Run


@dataclass(frozen=True)
class Retention:
    """Enrolment pictures and a deleted user, looked for until after their declared times.

    `picture_seen` whether the picture was there right after enrolment (where storage can be read);
    `picture_after`, `user_after` count records and readable faces left after the declared times.
    """

    picture_seen: int
    picture_limit: float
    picture_after: int
    user_limit: float
    user_after: int
    kept: tuple[str, ...]
    evidence: tuple[str, ...]


@procedure
def retention(lock: ReferenceLock, bench: Bench, run: Run, canaries: Canaries) -> Retention:
    """Enrol, wait for the declared time, look for the picture; delete the user, wait, look for what is left."""
    name = f"Guest-{lock.token[:6]}"
    with run.step("Setup", "Factory reset, set up, add a user, enrol"):
        lock.factory_reset()
        lock.first_use({})
        lock.add_user(name, 40, "8642097")
        lock.enrol(name, OTHER, {"face": True})
        early = records(lock.storage(), b"picture/")
    limit = lock.declaration.retention("enrolment_picture") or 0.0
    with run.step("Stimulate", f"Wait {limit:g} s for the enrolment picture to go"):
        bench.clock.sleep(limit)
        late = records(lock.storage(), b"picture/")
    gone = lock.declaration.personal("face_template").deleted_within
    with run.step("Stimulate", f"Delete the user and wait {gone:g} s"):
        user = lock.user_id(name)
        lock.delete_user(name)
        bench.clock.sleep(gone)
    image = lock.storage()
    left = sum(records(image, f"{kind}/{user}".encode()) for kind in ("face", "picture", "user"))
    kept = tuple(each for each in canaries.found_in(image) if each in canaries.faces)
    reference = run.evidence(image, name="flash-retention.bin", media_type="application/octet-stream", face=True)
    return Retention(early, limit, late, gone, left, kept, (reference,))


@dataclass(frozen=True)
class AtRest:
    """The storage right after an enrolment, read as a thief would read it.

    `planted` says whether the face is really enrolled (it opens). `pictures` counts pictures that decode,
    `faces` names planted faces among them, `template_like` runs of numbers that look like a face template.
    """

    planted: bool
    pictures: int
    faces: tuple[str, ...]
    template_like: int
    evidence: tuple[str, ...]


@procedure
def at_rest(lock: ReferenceLock, run: Run, canaries: Canaries) -> AtRest:
    """Enrol a known face and read the whole storage at once; look for pictures and templates in the clear."""
    from pytest_conformance.procedures.inspection import clear_content

    with run.step("Setup", "Factory reset, set up, enrol"):
        lock.factory_reset()
        lock.first_use({})
        lock.enrol(lock.owner, SUBJECT, {"face": True})
        image = lock.storage()
    with run.step("Measure", "Carve pictures and vectors"):
        pictures, faces, vectors = clear_content(image, canaries)
    works = lock.attempt(SUBJECT).opened
    reference = run.evidence(image, name="flash-at-rest.bin", media_type="application/octet-stream", face=True)
    return AtRest(works, pictures, faces, vectors, (reference,))


@dataclass(frozen=True)
class PassersBy:
    """People who only pass: what the storage had afterwards that it did not have before."""

    shown: int
    attempts: tuple[Attempt, ...]
    new_records: int
    stored: tuple[str, ...]
    faces: tuple[str, ...]
    sent: int
    after_cancel: tuple[str, ...]
    traffic: Traffic
    evidence: tuple[str, ...]


@procedure
def passers_by(
    lock: ReferenceLock, bench: Bench, run: Run, tap: Tap, canaries: Canaries, profile: Profile
) -> PassersBy:
    """Let strangers pass and stop before the lock, some touching it; then cancel the account and look again."""
    with run.step("Setup", "Factory reset, set up, enrol the owner"):
        lock.factory_reset()
        lock.first_use({})
        lock.enrol(lock.owner, SUBJECT, {"face": True})
        bench.clock.sleep(120.0)
        before = lock.storage()
        since = bench.clock.now()
    attempts = []
    with tap.watch("passers-by") as recording, run.step("Stimulate", f"{profile.samples.passers_by} strangers pass"):
        for number in range(profile.samples.passers_by):
            stranger = (OTHER, "S3")[number % 2]
            if number % 2 == 1:
                attempts.append(lock.attempt(stranger))
                bench.clock.sleep(lock.lockout_pause)
            else:
                with lock.shown(stranger):
                    bench.clock.sleep(4.0)
        bench.clock.sleep(lock.declaration.retention("passer_by_picture") or 10.0)
    stored = tuple(lock.stored_since(since))
    after = lock.storage()
    new = count_records(after) - count_records(before)
    strangers = tuple(each for each in canaries.found_in(after) if each in (OTHER, "S3"))
    with run.step("Stimulate", "Cancel the account"):
        lock.erase("delete-account")
        bench.clock.sleep(lock.declaration.longest_deletion)
    image = lock.storage()
    planted = {SUBJECT, OTHER, "S3", "owner's name"}
    left = tuple(each for each in canaries.found_in(image) if each in planted)
    traffic = recording.result()
    reference = run.evidence(image, name="flash-after-cancel.bin", media_type="application/octet-stream", face=True)
    return PassersBy(
        profile.samples.passers_by,
        tuple(attempts),
        new,
        stored,
        strangers,
        len(traffic.faces(scope="")),
        left,
        traffic,
        (*traffic.evidence, reference),
    )


PERSONAL_RECORDS = (b"face/", b"picture/", b"user/", b"stranger/", b"seen/")


def count_records(image: bytes) -> int:
    """Count the labels of records about persons in a storage image."""
    return sum(records(image, label) for label in PERSONAL_RECORDS)
