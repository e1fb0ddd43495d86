"""The public fixtures of a bench run: bench, roles, device, declaration, judgement. Procedures bring their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_conformance.procedures.procedure import Recorder
from pytest_conformance.running.judging import Judgement
from pytest_conformance.running.session import JUDGEMENT, state_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_conformance.bench import Bench
    from pytest_conformance.catalogue import Catalogue
    from pytest_conformance.clock import Clock
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.record import Run


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest) -> Bench:
    """The assembled bench; its roles are `bench.role(name)` and the fixtures named like them."""
    state = state_of(request.config)
    if state.bench is None:
        raise state.refusal or RuntimeError("the bench is assembled when the first test runs")
    return state.bench


@pytest.fixture(scope="session")
def run(request: pytest.FixtureRequest) -> Run:
    """The record of this run: `run.event`, `run.evidence`, `run.step`."""
    return state_of(request.config).run


@pytest.fixture(scope="session")
def recorder(run: Run, bench: Bench) -> Recorder:
    """What performs procedures and records their observations."""
    return Recorder(run, bench)


@pytest.fixture(scope="session")
def clock(bench: Bench) -> Clock:
    """The bench clock; everything that waits, waits through it."""
    return bench.clock


@pytest.fixture(scope="session")
def declaration(request: pytest.FixtureRequest) -> Declaration:
    """What the supplier claims of the device."""
    return state_of(request.config).request.declaration


@pytest.fixture(scope="session")
def catalogue(request: pytest.FixtureRequest) -> Catalogue:
    """All documents and clauses."""
    return state_of(request.config).request.catalogue


@pytest.fixture(scope="session")
def profile(request: pytest.FixtureRequest) -> Profile:
    """Sample sizes, windows and limits of this run."""
    return state_of(request.config).request.profile


@pytest.fixture
def judgement(request: pytest.FixtureRequest) -> Judgement:
    """Measurements and evidence of this test: `judgement.require(name, value, limit, uncertainty=..., n=...)`."""
    return request.node.stash[JUDGEMENT]


def _role(name: str, text: str) -> Callable[..., Any]:
    def fixture(bench: Bench) -> Any:
        return bench.role(name)

    fixture.__doc__ = text
    return pytest.fixture(scope="session", name=name)(fixture)


supply = _role("supply", "The supply that feeds the device (drivers.roles.Supply).")
meter = _role("meter", "The meter on the device's supply line (drivers.roles.Meter).")
lux = _role("lux", "The illuminance meter at the device (drivers.roles.Lux).")
contact = _role("contact", "The contact on the bolt (drivers.roles.Contact).")
mover = _role("mover", "The turntable before the device (drivers.roles.Mover).")
display = _role("display", "The display that shows pictures to the device (drivers.roles.Display).")
watch = _role("watch", "The camera that looks at the device (drivers.roles.Watch).")
capture = _role("capture", "What records the device's packets (drivers.roles.Capture).")
uplink = _role("uplink", "The access point of the device (drivers.roles.Uplink).")
cloud = _role("cloud", "The stand-in for the supplier's cloud (drivers.roles.Cloud).")
label_reader = _role("label_reader", "The reader of printed labels (drivers.roles.LabelReader).")
gnss = _role("gnss", "The satellite simulator (drivers.roles.Gnss).")
