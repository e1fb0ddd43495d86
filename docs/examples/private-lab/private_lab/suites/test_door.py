"""The laboratory's own clause tests: what its door switch adds to the shipped suites."""

from pytest_conformance import clause


@clause("EN303645-5.9-2")
def test_the_door_stays_shut_while_power_is_away(device, door):
    device.power_on()
    assert device.identity().model.startswith("VL-")
    device.power_off()
    assert door.closed(), "without power the door opens by itself"
