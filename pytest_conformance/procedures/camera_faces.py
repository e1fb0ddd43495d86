"""Faces in a camera's view in everyday use, and what anybody on the way to the cloud could read of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_conformance.procedures.certificates import CertificateTrials, try_certificates
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.traffic import Tap, Traffic

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.camera import ReferenceCamera
    from pytest_conformance.drivers.roles import Cloud, Uplink
    from pytest_conformance.procedures.canaries import Canaries
    from pytest_conformance.record import Run

SUBJECT, OTHER, PRINT = "S1", "S2", "A-print-1"


@dataclass(frozen=True)
class FacesInView:
    """People before the camera with every cloud consent declined.

    `persons` counts how often the camera itself said that a face was in view, `motions` how often that something
    moved: the triggers. `in_cloud` names faces that the cloud was sent.
    """

    shown: int
    motions: int
    persons: int
    traffic: Traffic
    in_cloud: tuple[str, ...]
    evidence: tuple[str, ...]


@procedure
def faces_in_view(
    camera: ReferenceCamera,
    bench: Bench,
    cloud: Cloud,
    run: Run,
    tap: Tap,
    canaries: Canaries,
    declaration: Declaration,
    profile: Profile,
) -> FacesInView:
    """Let people come before the camera with the cloud consents declined; inspect what left."""
    declined = {each.scope for each in declaration.cloud_consents}
    with run.step("Setup", "Factory reset, set up, cloud consents declined, reference pictures"):
        camera.factory_reset()
        camera.first_use({each.scope: each.scope not in declined for each in declaration.consents})
        reference_faces(camera, canaries, SUBJECT, OTHER)
    began = bench.clock.now()
    with tap.watch("faces-in-view") as recording:
        with run.step("Stimulate", f"{profile.samples.presentations} people before the camera"):
            for number in range(profile.samples.presentations):
                what = (SUBJECT, OTHER, PRINT)[number % 3]
                recording.mark(f"show {what}")
                camera.show(what)
                bench.clock.sleep(30.0)
        bench.clock.sleep(profile.windows.idle)
    motions = [each for each in camera.log(began) if each.name == "motion"]
    persons = [each for each in motions if each.data.get("person") is True]
    traffic = recording.result()
    sent = [name for each in cloud.received() if each.at >= began for name in canaries.found_in(each.body)]
    faces = tuple(dict.fromkeys(each for each in sent if each in canaries.faces))
    return FacesInView(profile.samples.presentations, len(motions), len(persons), traffic, faces, traffic.evidence)


def reference_faces(camera: ReferenceCamera, canaries: Canaries, *subjects: str) -> None:
    """Have the camera's own pictures of `subjects`, so that they are recognised wherever they turn up."""
    for subject in subjects:
        if subject not in canaries.faces:
            canaries.face(subject, camera.reference_picture(subject))


@dataclass(frozen=True)
class OnTheWay:
    """A known face on its way to the cloud, seen without any key that the supplier lends.

    `arrived` counts messages with a picture that the cloud got: the trigger. `readable` is the traffic as a stranger
    on the way reads it; `certificates` is what the camera did with false ones of each declared TLS host.
    """

    arrived: int
    readable: Traffic
    certificates: CertificateTrials
    evidence: tuple[str, ...]


@procedure
def on_the_way(
    camera: ReferenceCamera,
    bench: Bench,
    cloud: Cloud,
    uplink: Uplink,
    run: Run,
    tap: Tap,
    canaries: Canaries,
    declaration: Declaration,
) -> OnTheWay:
    """Send a known face and a known name to the cloud, read the packets as a stranger, then stand in for each host."""
    from pytest_conformance.procedures.inspection import clear_content

    with run.step("Setup", "Factory reset, set up with every consent"):
        camera.factory_reset()
        began = bench.clock.now()
    with tap.watch("on-the-way", keys=False) as recording, run.step("Stimulate", "Set up, show a known face"):
        recording.mark("set-up")
        camera.first_use({each.scope: True for each in declaration.consents})
        reference_faces(camera, canaries, SUBJECT)
        for _ in range(3):
            recording.mark(f"show {SUBJECT}")
            camera.show(SUBJECT)
            bench.clock.sleep(35.0)
    arrived = [each for each in cloud.received() if each.at >= began and clear_content(each.body, canaries)[0]]

    def use() -> None:
        camera.show(SUBJECT)
        bench.clock.sleep(35.0)

    certificates = try_certificates(camera.trust, uplink, run, declaration.tls_hosts, use)
    readable = recording.result()
    return OnTheWay(len(arrived), readable, certificates, readable.evidence)
