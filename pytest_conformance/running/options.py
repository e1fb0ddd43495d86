"""What was asked of a run: options and their ini twins, read once and checked before anything is powered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    from pytest_conformance.declaration.order import Order
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.record.keys import SigningKey
    from pytest_conformance.record.timestamps import Authority
    from pytest_conformance.running.recorded import Recorded


OPTIONS = ("bench", "dut", "profile", "clauses", "known_bad")
"""What a run is asked for; a run that goes on, or is judged again, takes it from the record."""


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
    golden: str = ""
    """The golden sample that this run judges; "" where a device is tested."""
    authority: Authority | None = None
    """Who is asked for a time stamp of the signature."""
    unsigned: str = ""
    """Why the record is not signed, where a key was named; "no key was named" where none was."""
    vault: Path | None = None
    """Folder of the keys that seal faces; None in a replay, which sees none."""
    asked: Mapping[str, str | bool] = field(default_factory=dict)
    """Options by name, as they were asked for."""
    replay: Recorded | None = None
    """The run whose observations are judged again."""
    resume: Recorded | None = None
    """The run that goes on."""
    order: Order | None = None
    """The order that the run belongs to."""
    take_over: str = ""
    """Who takes the bench from the run that holds it, and why; "" for nobody."""

    @property
    def sample(self) -> str:
        """The sample that is tested: the first one of the declaration; "" when it names none."""
        return self.declaration.samples[0].id if self.declaration.samples else ""


def read(config: pytest.Config) -> Request:
    """Load bench file, declaration, profile and catalogue as the options say.

    Raises UsageError for anything that is wrong with them (exit code 11).
    """
    from pytest_conformance.catalogue import load_catalogue
    from pytest_conformance.declaration import require_sound

    here = config.invocation_params.dir
    asked, replay, resume = _asked(config)
    bench, dut, declaration, profile = _files(asked, replay or resume, here, judging=replay is not None)
    catalogue = load_catalogue()
    require_sound(declaration, catalogue)
    if replay is None:
        require_fitting_driver(declaration)
    known_bad = tuple(each.strip() for each in str(asked["known_bad"]).split(",") if each.strip())
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
        profile,
        Path(dut).stem if dut.endswith((".yaml", ".yml")) else dut,
        known_bad,
        str(asked["clauses"]),
        here / (asked_for(config, "record") or "runs"),
        bool(asked["accredited"]),
        bool(asked["require_all"]),
        key,
        unsigned=unsigned,
        vault=None if replay else vault_folder(config, bench.mode),
        asked=asked,
        replay=replay,
        resume=resume,
        order=_order(config),
        take_over=asked_for(config, "take_over"),
        golden=golden_sample(config, bench, accredited=bool(asked["accredited"])),
        authority=time_stamp_authority(config, key),
    )


def _order(config: pytest.Config) -> Order | None:
    """Return the order that was named."""
    from pytest_conformance.declaration.order import load_order

    named = asked_for(config, "order")
    return load_order(config.invocation_params.dir / named) if named else None


def _asked(config: pytest.Config) -> tuple[dict[str, str | bool], Recorded | None, Recorded | None]:
    """Return what was asked for, by the names of the options, and the run to judge again or to go on with."""
    asked: dict[str, str | bool] = {name: asked_for(config, name) for name in OPTIONS}
    for flag in ("accredited", "require_all"):
        key = f"conformance_{flag}"
        asked[flag] = bool(config.getoption(key) or config.getini(key))
    replay, resume = asked_for(config, "replay"), asked_for(config, "resume")
    if replay and (resume or asked["bench"]):
        raise UsageError(
            "USE-OPT-004",
            "--replay judges without a bench",
            expected="--replay RUN alone",
            todo="leave --bench and --resume out",
        )
    if not replay and not resume:
        return asked, None, None
    recorded = _earlier(config, replay or resume)
    return recorded.merged(asked, resuming=bool(resume)), *((recorded, None) if replay else (None, recorded))


def _earlier(config: pytest.Config, name: str) -> Recorded:
    from pytest_conformance.commands.naming import find_run
    from pytest_conformance.running.recorded import read_recorded

    here = config.invocation_params.dir
    given = here / name
    return read_recorded(
        find_run(str(given) if given.exists() else name, here / (asked_for(config, "record") or "runs"))
    )


def _files(
    asked: Mapping[str, str | bool], recorded: Recorded | None, here: Path, *, judging: bool
) -> tuple[BenchFile, str, Declaration, Profile]:
    """Load bench file, declaration and profile: as named, or as they were when the run to be judged was recorded."""
    from pytest_conformance.bench.file import find_bench, load_bench
    from pytest_conformance.declaration import find_declaration, load_declaration
    from pytest_conformance.declaration.profile import find_profile, load_profile

    if recorded is not None and judging:
        profile = recorded.file("profile")
        if asked["profile"] != (recorded.asked.get("profile") or ""):
            profile = find_profile(str(asked["profile"]), here)
        declaration = load_declaration(recorded.file("declaration"))
        return load_bench(recorded.file("bench")), str(asked["dut"]), declaration, load_profile(profile)
    bench = load_bench(find_bench(str(asked["bench"]), here))
    dut = str(asked["dut"] or bench.dut or "")
    if not dut:
        raise UsageError(
            "USE-OPT-003", "no device is named", where=str(bench.path), todo="give --dut, or `dut:` in the bench file"
        )
    declaration = load_declaration(find_declaration(dut, here))
    return bench, dut, declaration, load_profile(find_profile(str(asked["profile"] or "standard"), here))


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


def golden_sample(config: pytest.Config, bench: BenchFile, *, accredited: bool) -> str:
    """Return the golden sample that is judged, "" for none.

    Raises UsageError USE-GLD-001 when the bench has none of that name, or the run is to be accredited.
    """
    name = asked_for(config, "golden")
    if not name:
        return ""
    if bench.golden is None or bench.golden.sample(name) is None or accredited:
        raise UsageError(
            "USE-GLD-001",
            f"{name!r} is no golden sample of bench {bench.name!r}, or the run is to be accredited",
            where=bench.path,
            expected="a name under `golden:` in the bench file, and no --accredited: a golden sample is no product",
            todo="conformance golden gives the option; leave it out to test a device",
        )
    return name


def time_stamp_authority(config: pytest.Config, key: SigningKey | None) -> Authority | None:
    """Return who is asked for a time stamp; None where nobody is named, or nothing is signed.

    Raises UsageError USE-TSA-004 when only one of address and roots is named, and as `timestamps.authority`.
    """
    url, roots = asked_for(config, "time_stamp"), asked_for(config, "time_stamp_roots")
    if bool(url) != bool(roots):
        raise UsageError(
            "USE-TSA-004",
            "a time stamp needs the authority's address and its roots",
            expected="--time-stamp URL and --time-stamp-roots FILE",
            todo="name both: an answer that nobody can check is worth nothing",
        )
    if not url or key is None:
        return None
    from pytest_conformance.record.timestamps import authority

    return authority(url, config.invocation_params.dir / roots)


def vault_folder(config: pytest.Config, mode: str) -> Path:
    """Return where the keys of faces lie: as named, or of this user; on a mock bench beside the folder of records."""
    from pytest_conformance.record.vault import default_folder

    here = config.invocation_params.dir
    named = asked_for(config, "vault")
    if named:
        return here / named
    if mode != "mock":
        return default_folder()
    return (here / (asked_for(config, "record") or "runs")).parent / ".conformance-vault"
