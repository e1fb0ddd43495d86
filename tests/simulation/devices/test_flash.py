import pytest

from pytest_conformance.simulation.devices.flash import ERASED, Flash, FlashFullError


def test_records_are_read_back_and_replaced() -> None:
    flash = Flash(4096)
    flash.write("a", b"one")
    flash.write("b", b"two")
    flash.write("a", b"three")
    assert flash.names() == ["b", "a"]
    assert flash.read("a") == b"three"
    assert b"one" not in flash.memory


def test_deleting_overwrites_the_bytes_and_the_name() -> None:
    flash = Flash(4096)
    flash.write("secret-name", b"secret-data")
    flash.write("after", b"kept")
    assert flash.delete("secret-name")
    assert b"secret" not in flash.memory
    assert flash.read("after") == b"kept"
    assert flash.read("secret-name") is None
    assert not flash.delete("secret-name")


def test_a_careless_delete_leaves_the_bytes() -> None:
    flash = Flash(4096)
    flash.write("a", b"secret-data")
    flash.delete("a", overwrite=False)
    assert flash.read("a") is None
    assert b"secret-data" in flash.memory


def test_room_of_deleted_records_is_used_again_and_nothing_stays_behind() -> None:
    flash = Flash(1024)
    for number in range(50):
        flash.write("note", bytes([number]) * 200)
    assert flash.read("note") == bytes([49]) * 200
    assert flash.dump().count(bytes([48]) * 8) == 0


def test_too_much_is_refused_and_nothing_is_lost() -> None:
    flash = Flash(1024)
    flash.write("a", b"1" * 400)
    with pytest.raises(FlashFullError):
        flash.write("b", b"2" * 800)
    assert flash.read("a") == b"1" * 400


def test_a_flipped_bit_makes_the_record_unreadable() -> None:
    flash = Flash(4096)
    flash.write("a", b"data-data")
    flash.memory[flash.memory.index(b"data-data")] ^= 1
    assert flash.read("a") is None


def test_dump_and_erase() -> None:
    flash = Flash(4096)
    flash.write("a", b"x")
    assert flash.dump(0, 2) == b"\xa5\x5a"
    flash.erase()
    assert set(flash.dump()) == {ERASED}
    with pytest.raises(ValueError, match="outside"):
        flash.dump(4000, 200)


@pytest.mark.parametrize("name", ["", "x" * 201])
def test_a_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Flash(4096).write(name, b"")
