"""What was asked of a run: options and their ini twins, read once and checked before anything is powered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_conformance.drivers import registry
from pytest_conformance.errors import UsageError
from pytest_conformance.plugin import asked_for

if TYPE_CHECKING:
    from pytest_conformance.bench.file import BenchFile
    from pytest_conformance.catalogue import Catalogue
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.record.keys import SigningKey


@dataclass(frozen=True)
class Request:
    """A run as it was asked for: files loaded and checked, nothing opened yet."""

    bench: BenchFile
    declaration: Declaration
    catalogue: Catalogue
    profile: Profile
    dut: str
    known_bad: tuple[str, ...]
    clauses: str
    record: Path
    accredited: bool
    require_all: bool
    key: SigningKey | None = None
    unsigned: str = ""
    """Why the record is not signed, where a key was named; "no key was named" where none was."""
    take_over: str = ""
    """Who takes the bench from the run that holds it, and why; "" for nobody."""


def read(config: pytest.Config) -> Request:
    """Load bench file, declaration, profile and catalogue as the options say.

    Raises UsageError for anything that is wrong with them (exit code 11).
    """
    from pytest_conformance.bench.file import find_bench, load_bench
    from pytest_conformance.catalogue import load_catalogue
    from pytest_conformance.declaration import find_declaration, load_declaration, require_sound
    from pytest_conformance.declaration.profile import find_profile, load_profile

    for later in ("replay", "resume"):
        if asked_for(config, later):
            raise UsageError(
                "USE-OPT-002", f"--{later} is not there yet", todo="run with --bench; the journal keeps what it needs"
            )
    here = config.invocation_params.dir
    bench = load_bench(find_bench(asked_for(config, "bench"), here))
    dut = asked_for(config, "dut") or bench.dut
    if not dut:
        raise UsageError(
            "USE-OPT-003", "no device is named", where=str(bench.path), todo="give --dut, or `dut:` in the bench file"
        )
    declaration = load_declaration(find_declaration(dut, here))
    catalogue = load_catalogue()
    require_sound(declaration, catalogue)
    require_fitting_driver(declaration)
    known_bad = tuple(each.strip() for each in asked_for(config, "known_bad").split(",") if each.strip())
    if known_bad and bench.mode != "mock":
        raise UsageError(
            "USE-OPT-001",
            f"--known-bad on bench {bench.name!r}, which is a {bench.mode} bench",
            expected="a mock bench: known-bad devices are simulated",
            todo="use --bench=mock",
        )
    key, unsigned = signing_key(config, bench.name)
    return Request(
        bench,
        declaration,
        catalogue,
        load_profile(find_profile(asked_for(config, "profile") or "standard", here)),
        Path(dut).stem if dut.endswith((".yaml", ".yml")) else dut,
        known_bad,
        asked_for(config, "clauses"),
        here / (asked_for(config, "record") or "runs"),
        bool(config.getoption("conformance_accredited") or config.getini("conformance_accredited")),
        bool(config.getoption("conformance_require_all") or config.getini("conformance_require_all")),
        key,
        unsigned,
        take_over=asked_for(config, "take_over"),
    )


def signing_key(config: pytest.Config, bench: str) -> tuple[SigningKey | None, str]:
    """Return the key to sign with, or None and why not: the run may record all the same (fault case E12)."""
    from datetime import UTC, datetime

    from pytest_conformance.record.keys import load_signing_key

    named = asked_for(config, "signing_key")
    if not named:
        return None, "no key was named"
    try:
        key = load_signing_key(config.invocation_params.dir / named)
    except UsageError as error:
        return None, str(error)
    refusal = key.public.refusal(bench, datetime.now(UTC))
    return (None, refusal) if refusal else (key, "")


def require_fitting_driver(declaration: Declaration) -> None:
    """Raise UsageError when the device driver that the declaration names is not there or is for another kind."""
    driver = registry.load(declaration.driver, group=registry.DEVICES, where=declaration.place(("driver",)))
    kind = getattr(driver, "kind", declaration.kind)
    if kind != declaration.kind:
        raise UsageError(
            "USE-DUT-002",
            f"the declaration is of a {declaration.kind}, but its driver {declaration.driver!r} is for a {kind}",
            where=declaration.place(("kind",)),
            expected=f"kind: {kind}, or the driver of a {declaration.kind}",
            todo="correct `kind` or `driver` in the declaration",
        )
