"""A loaded catalogue, and a way to write small folders that join or break it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pytest_conformance.catalogue import Catalogue, load_catalogue


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Write a catalogue folder with one document of `clauses` (each overriding a plain row) and overlays."""

    def write(clauses: list[dict[str, Any]], **overlays: Any) -> Path:
        head = dict.fromkeys(("title_zh", "title_en", "issuer", "number", "issued", "status"), "x")
        document = {"document": {"id": "LAB-1", **head, "sources_seen": ["own rules"]}}
        rows = [{**PLAIN, **row} for row in clauses]
        dump(tmp_path / "rules.yaml", {**document, "clauses": rows})
        for name, content in overlays.items():
            dump(tmp_path / f"{name}.yaml", content)
        return tmp_path

    return write


PLAIN: dict[str, Any] = {
    "id": "LAB-1-1",
    "text_zh": "文",
    "text_en": "text",
    "text_status": "verbatim",
    "obligation": "must",
    "applies_to": ["lock"],
    "testable": "measured",
    "method": "Look.",
    "observables": ["device_ui"],
    "severity": "major",
}


def dump(path: Path, content: Any) -> None:
    yaml = YAML()
    yaml.width = 1000
    yaml.representer.ignore_aliases = lambda _: True
    with path.open("w", encoding="utf-8") as stream:
        yaml.dump(content, stream)
