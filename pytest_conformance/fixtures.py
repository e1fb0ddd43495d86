"""The public fixtures of a bench run: bench, roles, device, declaration, judgement. Procedures bring their own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_conformance.drivers import registry
from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.procedure import Recorder
from pytest_conformance.running.judging import Judgement
from pytest_conformance.running.sample import SampleWatch
from pytest_conformance.running.session import JUDGEMENT, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_conformance.bench import Bench
    from pytest_conformance.catalogue import Catalogue
    from pytest_conformance.clock import Clock
    from pytest_conformance.declaration import Declaration
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.channels.companion import Companion
    from pytest_conformance.devices.roles import Recogniser
    from pytest_conformance.procedures.campaign import Campaigns
    from pytest_conformance.record import Run
    from pytest_conformance.stimulus.presenter import Presenter
    from pytest_conformance.stimulus.register import Artefacts, Subjects


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
def recorder(run: Run, bench: Bench, profile: Profile) -> Recorder:
    """What performs procedures and records their observations."""
    return Recorder(run, bench, profile.retries)


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


@pytest.fixture(scope="session")
def registers(request: pytest.FixtureRequest, bench: Bench) -> tuple[Subjects, Artefacts]:
    """The registers of subjects and of artefacts that carry the bench's name."""
    from pytest_conformance.stimulus.assembly import load_registers

    return load_registers(bench.name, request.config.invocation_params.dir)


@pytest.fixture(scope="session")
def presenter(bench: Bench, run: Run, registers: tuple[Subjects, Artefacts]) -> Presenter:
    """What shows subjects and artefacts to the device."""
    from pytest_conformance.stimulus.assembly import make_presenter

    subjects, artefacts = registers
    pictures = Path(subjects.document.name).parent / "pictures"
    made = make_presenter(bench, subjects, artefacts, pictures)
    run.shown = lambda: made.shown
    return made


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest, bench: Bench, declaration: Declaration, run: Run) -> Iterator[Any]:
    """The device under test, in the role of its kind (devices.roles.Device).

    In the end it is asked which templates of this run it still holds.
    """
    from pytest_conformance.stimulus.assembly import CARRIERS

    made = registry.load(declaration.driver, group=registry.DEVICES, where=declaration.place(("driver",)))
    device = made(bench, declaration)
    if hasattr(device, "presenter") and any(bench.has(role) for role in CARRIERS):
        device.presenter = request.getfixturevalue("presenter")
    if hasattr(device, "witness"):
        device.witness = request.getfixturevalue("witness")
    sample = SampleWatch(run, bench, state_of(request.config).request.sample, device)
    state_of(request.config).sample = sample
    yield device
    sample.ask_at_end()


@pytest.fixture(scope="session")
def campaign(
    request: pytest.FixtureRequest, bench: Bench, run: Run, profile: Profile, registers: tuple[Subjects, Artefacts]
) -> Campaigns:
    """Runs campaigns by their plan: `campaign.run("bio-itc-face-1", recogniser)` returns a CampaignObservation."""
    from pytest_conformance.procedures.campaign import Campaigns

    return Campaigns(bench, run, profile, registers, request.config.invocation_params.dir)


@pytest.fixture(scope="session")
def recogniser(device: Any) -> Recogniser:
    """The device as a recogniser of faces (devices.roles.Recogniser): its driver is one, or has one as `recogniser`."""
    from pytest_conformance.devices.roles import Recogniser

    found = device if isinstance(device, Recogniser) else getattr(device, "recogniser", None)
    if not isinstance(found, Recogniser):
        raise MethodError(
            "MET-DEV-004",
            f"the driver of this {device.kind} cannot show it faces for a campaign",
            where=type(device).__name__,
            expected="a device driver that is, or has as `recogniser`, a devices.roles.Recogniser",
            todo="extend the device driver",
        )
    return found


@pytest.fixture(scope="session")
def companion(bench: Bench) -> Companion:
    """The companion app of the device, on a person's phone."""
    channel: Companion = bench.channel("companion")
    return channel


def _kind(kind: str) -> Callable[..., Any]:
    def fixture(device: Any) -> Any:
        if device.kind != kind:
            raise MethodError("MET-DEV-003", f"the device is a {device.kind}, not a {kind}")
        return device

    fixture.__doc__ = f"The device under test, which must be a {kind}."
    return pytest.fixture(scope="session", name=kind)(fixture)


lock = _kind("lock")
camera = _kind("camera")
wearable = _kind("wearable")


@pytest.fixture
def judgement(request: pytest.FixtureRequest) -> Judgement:
    """Measurements and evidence of this test: `judgement.require(name, value, limit, uncertainty=..., n=...)`."""
    made: Judgement = request.node.stash[JUDGEMENT]
    return made


def _role(name: str, text: str) -> Callable[..., Any]:
    def fixture(bench: Bench) -> Any:
        return bench.role(name)

    fixture.__doc__ = text
    return pytest.fixture(scope="session", name=name)(fixture)


supply = _role("supply", "The supply that feeds the device (drivers.roles.Supply).")
meter = _role("meter", "The meter on the device's supply line (drivers.roles.Meter).")
lux = _role("lux", "The illuminance meter at the device (drivers.roles.Lux).")
skin = _role("skin", "The thermometer on the device's housing (drivers.roles.Skin).")
contact = _role("contact", "The contact on the bolt (drivers.roles.Contact).")
loopback = _role("loopback", "The loop-back box that calibrates what is timed (drivers.roles.Loopback).")
mover = _role("mover", "The turntable before the device (drivers.roles.Mover).")
display = _role("display", "The display that shows pictures to the device (drivers.roles.Display).")
watch = _role("watch", "The camera that looks at the device (drivers.roles.Watch).")
capture = _role("capture", "What records the device's packets (drivers.roles.Capture).")
uplink = _role("uplink", "The access point of the device (drivers.roles.Uplink).")
cloud = _role("cloud", "The stand-in for the supplier's cloud (drivers.roles.Cloud).")
operator = _role(
    "operator", "The person at the bench, who is asked to do or to type something (drivers.roles.Operator)."
)
label_reader = _role("label_reader", "The reader of printed labels (drivers.roles.LabelReader).")
gnss = _role("gnss", "The satellite simulator (drivers.roles.Gnss).")
