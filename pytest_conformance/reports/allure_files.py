"""The two files that stand beside Allure's results: environment.properties and categories.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pytest_conformance.record.files import write_atomically
from pytest_conformance.reports.reading import Record
from pytest_conformance.reports.wording import CAUSES, one_line

CATEGORIES: tuple[Mapping[str, object], ...] = (
    {"name": "Limit exceeded", "messageRegex": "Limit exceeded: .*", "matchedStatuses": ["failed"]},
    {"name": "Device finding", "messageRegex": "Device finding: .*", "matchedStatuses": ["failed"]},
    *(
        {
            "name": label if cause != "dut" else "Device did not cooperate",
            "messageRegex": f"{label}: .*",
            "matchedStatuses": ["broken"],
        }
        for cause, label in CAUSES.items()
    ),
    {"name": "Not applicable or not tested", "matchedStatuses": ["skipped"]},
)
"""Allure's categories, by the first words of a message (`wording.CAUSES`)."""


def environment(record: Record) -> dict[str, str]:
    """Return what the report says of the run as a whole: bench, mode, device, sample, firmware, profile."""
    header, device = record.header, record.device
    said = {
        "Run": header.get("id"),
        "Bench": header.get("bench"),
        "Mode": header.get("mode"),
        "Profile": header.get("profile"),
        "Device": device.get("model") or device.get("kind"),
        "Sample": device.get("sample"),
        "Firmware": device.get("firmware"),
        "Declaration": device.get("declaration_sha256"),
        "Journal.root": record.head,
        **{f"Door.{role}": about.get("door") for role, about in sorted(record.roles.items())},
    }
    return {name: one_line(value, 200) for name, value in said.items() if value}


def write_allure_files(record: Record, folder: Path) -> None:
    """Write environment.properties and categories.json into the folder of Allure's results."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{_escaped(name, key=True)} = {_escaped(value)}" for name, value in environment(record).items()]
    write_atomically(folder / "environment.properties", ("\n".join(lines) + "\n").encode("ascii"))
    write_atomically(folder / "categories.json", json.dumps(CATEGORIES, indent=1).encode("ascii") + b"\n")


def _escaped(text: str, *, key: bool = False) -> str:
    r"""Escape for a Java properties file: ASCII, `\\uXXXX` for the rest, separators escaped in keys."""
    text = text.replace("\\", "\\\\")
    if key:
        for separator in " =:#!":
            text = text.replace(separator, f"\\{separator}")
    units = text.encode("utf-16-be", "surrogatepass")
    codes = [int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2)]
    return "".join(chr(code) if 0x20 <= code < 0x7F else f"\\u{code:04x}" for code in codes)
