import pytest

from pytest_conformance.simulation.devices import known_bad as register
from pytest_conformance.simulation.devices.base import Behaviour, Device, Facts
from pytest_conformance.simulation.devices.behaviours import COMMON, Identity
from pytest_conformance.simulation.devices.known_bad import ANY, choose, known_bad, table
from pytest_conformance.simulation.world import World


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "_VARIANTS", {})

    @known_bad("says-nothing", kind="sample", slot="identity", breaks=["EN303645-5.1-1"])
    class Mute(Identity):
        """Says nothing of itself.

        More about it here.
        """

    @known_bad("lies", kind="sample", slot="identity", breaks=["CN-X"])
    class Liar(Identity):
        """Says that it is another."""

    @known_bad("forgets", kind=ANY, slot="storage", breaks=["CN-X", "CN-Y"])
    class Forgetful(Behaviour):
        """Forgets."""


def test_the_table_lists_what_each_variant_does_and_breaks() -> None:
    assert {
        "name": "says-nothing",
        "kind": "sample",
        "slot": "identity",
        "breaks": ["EN303645-5.1-1"],
        "does": "Says nothing of itself.",
    } in table()
    assert len(table()) == 3


def test_a_device_with_variants_of_its_own_has_these_alone() -> None:
    known_bad("dims", kind="odd-sample", slot="identity", breaks=["CN-X"])(
        type("Dim", (Identity,), {"__doc__": "Dims."})
    )

    (row,) = table("odd-sample")

    assert row == {
        "name": "dims",
        "kind": "sample",
        "own": "odd-sample",
        "slot": "identity",
        "breaks": ["CN-X"],
        "does": "Dims.",
    }
    assert "dims" in {each["name"] for each in table()}
    with pytest.raises(LookupError):
        choose("sample", ["dims"])


def test_variants_are_swapped_into_their_slots(world: World) -> None:
    device = Device(world, "sample", Facts("a", "b", "c", "d"), COMMON, ("lies", "forgets"))
    world.rail.set(5)
    world.timeline.advance(2.1)
    assert type(device.behaviour("identity")).__name__ == "Liar"
    assert type(device.behaviour("storage")).__name__ == "Forgetful"


def test_an_unknown_name_lists_near_ones() -> None:
    with pytest.raises(LookupError, match="'says-nothing'"):
        choose("sample", ["say-nothing"])


def test_a_variant_of_another_kind_is_unknown_but_one_of_any_kind_fits() -> None:
    with pytest.raises(LookupError, match="no known-bad lock"):
        choose("lock", ["lies"])
    assert set(choose("lock", ["forgets"])) == {"storage"}


def test_two_on_one_slot_are_refused() -> None:
    with pytest.raises(LookupError, match="both replace"):
        choose("sample", ["lies", "says-nothing"])


def test_a_variant_must_say_what_it_does_wrong() -> None:
    with pytest.raises(ValueError, match="docstring"):

        @known_bad("mute", kind="sample", slot="identity", breaks=[])
        class Undocumented(Identity):
            pass


def test_a_name_is_taken_once_for_a_kind() -> None:
    with pytest.raises(ValueError, match="already"):

        @known_bad("lies", kind="sample", slot="identity", breaks=[])
        class Other(Identity):
            """Also lies."""
