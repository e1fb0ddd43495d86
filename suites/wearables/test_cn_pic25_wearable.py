"""CN-PIC25: the 2025 campaign, part 3, at a wearable: how often and how precisely it collects."""

from pytest_conformance import Limit, MethodError, clause
from pytest_conformance.procedures.traffic import POSITION, require_accounted

ENOUGH_PLACES = 5
"""Places of which the most precise position tells a grid from chance."""


@clause("CN-PIC25-3.b")
def test_nothing_is_collected_more_often_than_declared_nor_when_off(collection, declaration, judgement):
    for kind, rhythm in collection.rhythms.items():
        limit = Limit("1/h", upper=rhythm.declared * 3600)
        for what, count in (("readings", rhythm.readings), ("uploads", rhythm.uploads)):
            judgement.require(f"{kind}: {what} at least", rhythm.at_least(count) * 3600, limit, n=count)
        if rhythm.senses:
            assert not rhythm.off_readings, f"{kind}: {rhythm.off_readings} readings although it is off"
            assert not rhythm.off_uploads, f"{kind}: {rhythm.off_uploads} uploads although it is off"
    for rhythm in collection.rhythms.values():
        rhythm.require_decided(rhythm.readings)
        rhythm.require_decided(rhythm.uploads)
    collection.require_exercised(declaration)
    require_accounted(collection.off, smallest=POSITION)


@clause("CN-PIC25-3.c")
def test_nothing_is_sent_more_precisely_than_declared(collection, declaration, judgement):
    for kind, fine in collection.fineness.items():
        declared = declaration.precision(kind)
        if declared.decimal_places is not None:
            grid = 10.0**-declared.decimal_places
            if collection.places < ENOUGH_PLACES or not fine.distances:
                raise MethodError("MET-COL-003", f"{kind}: too few positions were sent to tell their precision")
            written = max(fine.decimals, default=0)
            judgement.require(f"{kind}: decimal places", written, Limit("1", upper=declared.decimal_places))
            farthest = max(fine.distances)
            judgement.report(f"{kind}: farthest from the simulated place", farthest, "deg", n=len(fine.distances))
            assert farthest > grid / 10, f"{kind}: every position sent lies within {farthest:g} degrees of the place"
        elif declared.sample_rate is not None:
            if not fine.sample_rates:
                raise MethodError("MET-COL-004", f"{kind}: no sound was sent whose sample rate can be read")
            limit = Limit("Hz", upper=declared.sample_rate)
            judgement.require(f"{kind}: samples a second", max(fine.sample_rates), limit, n=len(fine.sample_rates))
        else:
            raise MethodError("MET-COL-005", f"{kind}: no method reads the declared precision")
