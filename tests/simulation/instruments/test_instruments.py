from __future__ import annotations

import json

import pytest

from pytest_conformance.simulation.instruments import add_instruments

NAMES = [
    "supply",
    "outlet",
    "meter",
    "gnss",
    "contact",
    "loopback",
    "mover",
    "label_reader",
    "lux",
    "skin",
    "climate",
    "rangefinder",
]


def test_every_instrument_is_in_the_manifest_with_an_address_on_loopback(world):
    add_instruments(world)
    manifest = json.loads(json.dumps(world.start()))
    assert list(manifest) == NAMES
    for entry in manifest.values():
        assert "127.0.0.1" in entry["address"] or entry["address"].startswith("/dev/pts/")


@pytest.mark.parametrize("name", NAMES)
def test_a_far_end_can_be_killed_stopped_and_asked_what_it_saw(world, name):
    add_instruments(world)
    world.start()
    far_end = world.far_end(name)
    far_end.kill()
    far_end.kill()
    far_end.stop()
    json.dumps(far_end.seen())
