"""Faces that a camera or a watch knows: enrolled, found again in what its sensor sees, told on the test port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from pytest_conformance.simulation.companion import RulesFacts
from pytest_conformance.simulation.devices import liveness
from pytest_conformance.simulation.devices.base import Behaviour, Device, VerbError, verb
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.faces import MATCH, FaceBox, find_face, similarity, template
from pytest_conformance.simulation.devices.owner import Consents, Permissions
from pytest_conformance.simulation.devices.spec import ConsentSpec, KindSpec, SensorSpec
from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.scene.renderer import CameraModel, Views
from pytest_conformance.simulation.timeline import SECOND
from pytest_conformance.simulation.truth import Draws, Truth

CAMERA = CameraModel(240, 240)
SENSOR = "face_camera"
LONGEST = 40
"""Characters of a name."""

CONSENT = ConsentSpec(
    "face",
    "Face recognition",
    (
        "开启后，设备将采集人脸并在本机内生成和保存人脸模板，用于辨认您录入的人；模板不离开本机。不开启不影响其他功能。",
        "When this is on, the device takes up faces and makes and keeps templates of them, on the device itself, to "
        "tell those whom you enrol; templates do not leave it. The other functions work without it.",
    ),
    ("我单独同意处理人脸信息", "I separately agree to faces being processed"),
    at_set_up=True,
)


def with_faces(spec: KindSpec, model: str) -> KindSpec:
    """Return the words of a device of that kind that knows faces as well."""
    rules: RulesFacts = replace(
        spec.rules,
        model=(model, model),
        kinds=(
            f"{spec.rules.kinds[0]}；经单独同意后的人脸模板",
            f"{spec.rules.kinds[1]}; with separate consent, templates of faces",
        ),
    )
    sensors = (*spec.sensors, SensorSpec(SENSOR, "Face camera", "face"))
    return replace(spec, model=model, rules=rules, consents=(*spec.consents, CONSENT), sensors=sensors)


@dataclass(frozen=True)
class Decision:
    """What came of a look: who it is ("" for nobody known), why not, and how many seconds the decision took."""

    name: str
    reason: str = ""
    seconds: float = 0.35


class Faces(Behaviour):
    """Records `face/NAME`: templates of those who were enrolled, made and kept on the device."""

    slot = "faces"
    match: ClassVar[float] = MATCH
    """Similarity from which two templates are taken for the same person."""

    def start(self) -> None:
        self.device.get(Consents).when_withdrawn("face", self.forget)

    def may_look(self) -> bool:
        return self.device.get(Permissions).allowed(SENSOR)

    def see(self) -> tuple[Views, FaceBox | None]:
        """Take one exposure; return it and the face in it."""
        views = self.world.scene.render(CAMERA)
        return views, find_face(views.visible)

    def alive(self, views: Views, face: FaceBox) -> bool:
        return liveness.is_alive(views, face)

    def names(self) -> list[str]:
        return [each.partition("/")[2] for each in self.device.get(Storage).names("face/")]

    def whose(self, views: Views, face: FaceBox) -> str:
        """Return whose face it is by the nearest template; "" when none is near enough."""
        vector = template(views.visible, face)
        scores = {name: similarity(vector, self._load(name)) for name in self.names()}
        best = max(scores, key=lambda name: scores[name], default="")
        return best if best and scores[best] >= self.match else ""

    def forget(self) -> None:
        """Drop all templates."""
        for name in self.names():
            self.device.get(Storage).drop(f"face/{name}")

    def status(self) -> Mapping[str, Json]:
        return {"faces": len(self.names())}

    @verb("faces")
    def listed(self) -> Json:
        names: list[Json] = [*self.names()]
        return {"names": names}

    @verb("enrol-face")
    def enrol(self, name: str) -> Json:
        """Somebody holds the enrolment key while a person stands before the device."""
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST or "/" in name:
            raise VerbError("NAME", f"a name of at most {LONGEST} characters without a slash")
        if not self.may_look():
            raise VerbError("CONSENT", "nobody agreed to faces, or the face camera is off")
        views, face = self.see()
        if face is None or not self.alive(views, face):
            return {"enrolled": False, "reason": "no living face"}
        self.device.get(Storage).put(f"face/{name}", template(views.visible, face).astype("<f4").tobytes())
        return {"enrolled": True}

    def _load(self, name: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        return np.frombuffer(self.device.get(Storage).get(f"face/{name}") or b"", "<f4").astype(np.float32)


class Looking(Behaviour):
    """When it is woken looks for a face for a few seconds and says whose it is: `match`, `reject` or `timeout`."""

    slot = "looking"
    patience: ClassVar[float] = 6.0
    frame: ClassVar[float] = 0.15

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._until = 0
        self._busy = False

    @verb("wake")
    def wake(self) -> Json:
        if not self.device.get(Faces).may_look():
            self.device.log("timeout", reason="off")
            return {"looking": False}
        self._until = self.world.timeline.now() + int(self.patience * SECOND)
        if not self._busy:
            self._busy = True
            self.device.sense(SENSOR, True)
            self.device.after(self.frame, self._look)
        return {"looking": True}

    def decide(self) -> Decision | None:
        """Look once; None when nobody is there, or nothing can be said yet."""
        faces = self.device.get(Faces)
        views, face = faces.see()
        if face is None:
            return None
        if not faces.alive(views, face):
            return Decision("", "not alive")
        name = faces.whose(views, face)
        return Decision(name, "" if name else "unknown")

    def _look(self) -> None:
        decision = self.decide()
        if decision is not None:
            self.device.log("face")
            self.device.after(decision.seconds, lambda: self._tell(decision))
        elif self.world.timeline.now() < self._until:
            self.device.after(self.frame, self._look)
        else:
            self._end()
            self.device.log("timeout")

    def _tell(self, decision: Decision) -> None:
        self._end()
        if decision.name:
            self.device.log("match", user=decision.name)
        else:
            self.device.log("reject", reason=decision.reason)

    def _end(self) -> None:
        self._busy = False
        self.device.sense(SENSOR, False)


def looking_by(truth: Truth, seed: int, drawn: int) -> type[Looking]:
    """Return a looking that draws its decisions from `truth`; one stream of draws for the life of the world.

    Who a living person is, it finds in the picture, once for each holder and set of templates.
    """
    draws = Draws(truth, seed, drawn)

    class ByTruth(Looking):
        """Decides by the truth that the bench file states."""

        def __init__(self, device: Device) -> None:
            super().__init__(device)
            self._known: dict[tuple[int, tuple[str, ...]], str] = {}
            self._silent_until = 0

        def decide(self) -> Decision | None:
            content = self.world.scene.content()
            if content.kind in ("empty", "passer-by") or self.world.timeline.now() < self._silent_until:
                return None
            name = self._who() if content.kind == "live" else ""
            outcome = draws.outcome(content, bool(name))
            if outcome == "none":
                self._silent_until = self._until
                return None
            return Decision((name or content.subject) if outcome == "accepted" else "", "unknown", draws.seconds())

        def _who(self) -> str:
            faces = self.device.get(Faces)
            key = (self.world.holder.value, tuple(faces.names()))
            if key not in self._known:
                views, face = faces.see()
                self._known[key] = faces.whose(views, face) if face is not None else ""
            return self._known[key]

    return ByTruth


def slots_by(truth: Truth | None, seed: int, drawn: int) -> Mapping[str, type[Behaviour]]:
    """Return the two behaviours of a device that knows faces, deciding by `truth` where one is stated."""
    return {"faces": Faces, "looking": Looking if truth is None else looking_by(truth, seed, drawn)}
