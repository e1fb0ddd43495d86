"""How the maker of the simulated devices learnt to tell faces apart; run it as a module to write the model anew."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_conformance.simulation.devices.faces import LENGTH, MODEL, find_face, raw_features
from pytest_conformance.simulation.scene.bodies import Head, Pose
from pytest_conformance.simulation.scene.renderer import CameraModel, Light, Placed, expose, render

Map = NDArray[np.floating[Any]]


def train() -> tuple[Map, Map]:
    """Learn mean and projection from people who never stand before the device (the maker's training set)."""
    camera, rng = CameraModel(200, 200), np.random.default_rng(5)
    groups: list[Map] = []
    for name in [f"T{number}" for number in range(20)] + [f"T{number}c" for number in range(8)]:
        seen: list[Map] = []
        for frame in range(4):
            pose = Pose(*(rng.uniform(-1, 1, 3) * (8, 5, 4)))
            light = Light(direction=(float(rng.uniform(-0.5, 0.5)), -0.35, 0.85))
            placed = Placed(Head(name, pose), float(rng.uniform(430, 540)))
            view = expose(render([placed], camera, light), camera, frame).visible
            if (face := find_face(view)) is not None:
                seen.append(raw_features(view, face))
        if len(seen) > 1:
            groups.append(np.stack(seen))
    return _discriminant(groups)


def _discriminant(groups: list[Map]) -> tuple[Map, Map]:
    """Whiten what varies within a person, keep the 128 directions in order of what differs between persons."""
    means = np.stack([group.mean(0) for group in groups])
    within = np.concatenate([group - group.mean(0) for group in groups]).astype(np.float64)
    scatter = within.T @ within / len(within)
    scatter += np.eye(len(scatter)) * (0.35 * np.trace(scatter) / len(scatter))
    values, vectors = np.linalg.eigh(scatter)
    whiten = vectors / np.sqrt(values)
    between = (means - means.mean(0)) @ whiten
    spread = between.T @ between / len(between)
    spread += np.eye(len(spread)) * 1e-3
    _, directions = np.linalg.eigh(spread)
    return means.mean(0).astype(np.float32), (whiten @ directions[:, ::-1][:, :LENGTH]).astype(np.float32)


if __name__ == "__main__":
    learnt_mean, learnt_projection = train()
    np.savez_compressed(MODEL, mean=learnt_mean.astype(np.float16), projection=learnt_projection.astype(np.float16))
