"""The users of the lock: names, ages, PINs, and their face templates and pictures in the storage."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_conformance.simulation.devices.base import Behaviour
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.faces import MATCH, similarity
from pytest_conformance.simulation.devices.owner import Consents, Owner
from pytest_conformance.simulation.farend import Json

OWNER = "1"


class Users(Behaviour):
    """Records `user/ID`, `face/ID` (template), `picture/ID` (enrolment picture, dropped once the template is made)."""

    slot = "users"

    def start(self) -> None:
        consents = self.device.get(Consents)
        consents.when_withdrawn("face", lambda: self.forget_faces(children=False))
        consents.when_withdrawn("guardian_face", lambda: self.forget_faces(children=True))

    def status(self) -> Mapping[str, Json]:
        return {"templates": len(self._storage.names("face/"))}

    # --- people

    def ids(self) -> list[str]:
        return [name.partition("/")[2] for name in self._storage.names("user/")]

    def load(self, user: str) -> dict[str, Any]:
        raw = self._storage.get(f"user/{user}")
        return dict(json.loads(raw)) if raw else {}

    def add(self, name: str, age: int, pin: str) -> str:
        """Add a user and return his id."""
        user = str(max((int(each) for each in self.ids()), default=1) + 1)
        pin_hash = self.device.get(Owner).hashed(pin) if pin else ""
        self._storage.put(f"user/{user}", json.dumps({"name": name, "age": age, "pin": pin_hash}).encode())
        return user

    def delete(self, user: str) -> None:
        """Delete a user with everything that is kept about him."""
        self.drop_face(user)
        self._storage.drop(f"user/{user}")

    def is_child(self, user: str) -> bool:
        return 0 < int(self.load(user).get("age", 0) or 0) < 14

    def with_pin(self, pin: str) -> str | None:
        """Return whose PIN it is; None when it is nobody's."""
        if self.device.get(Owner).knows(pin):
            return OWNER
        hashed = self.device.get(Owner).hashed(pin)
        for user in self.ids():
            kept = str(self.load(user).get("pin", ""))
            if kept and hmac.compare_digest(kept, hashed):
                return user
        return None

    # --- faces

    def keep_face(self, user: str, vector: NDArray[np.float32]) -> None:
        self._storage.put(f"face/{user}", vector.astype("<f4").tobytes())

    def has_face(self, user: str) -> bool:
        return self._storage.get(f"face/{user}") is not None

    def drop_face(self, user: str) -> None:
        """Forget template and picture of `user`, also what went to the cloud."""
        from pytest_conformance.simulation.devices.lock.entry import Reports

        self.device.get(Reports).forget(user)
        self._storage.drop(f"face/{user}")
        self._storage.drop(f"picture/{user}")

    def forget_faces(self, *, children: bool) -> None:
        """Forget the faces of all children, or of all others."""
        for name in self._storage.names("face/"):
            user = name.partition("/")[2]
            if self.is_child(user) is children:
                self.drop_face(user)

    def whose(self, vector: NDArray[np.float32]) -> str | None:
        """Return the user whose template is nearest, if near enough."""
        best, found = MATCH, None
        for name in self._storage.names("face/"):
            raw = self._storage.get(name)
            if raw is None:
                continue
            score = similarity(vector, np.frombuffer(raw, "<f4"))
            if score >= best:
                best, found = score, name.partition("/")[2]
        return found

    @property
    def _storage(self) -> Storage:
        return self.device.get(Storage)
