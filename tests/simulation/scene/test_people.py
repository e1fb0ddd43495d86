from pytest_conformance.simulation.scene.people import CHILDREN, person

SUBJECTS = [f"S{number}" for number in range(1, 9)]


def test_a_name_is_always_the_same_person() -> None:
    person.cache_clear()
    before = person("S1")
    person.cache_clear()
    assert person("S1") == before


def test_no_two_subjects_share_their_proportions() -> None:
    assert len({(person(s).eye_gap, person(s).mouth_height, person(s).skin) for s in SUBJECTS}) == len(SUBJECTS)


def test_children_are_smaller_with_lower_larger_eyes_and_no_beard() -> None:
    children = [person(s) for s in SUBJECTS if s in CHILDREN]
    adults = [person(s) for s in SUBJECTS if s not in CHILDREN]
    assert len(children) == 2
    assert max(c.half_height for c in children) < min(a.half_height for a in adults)
    assert min(c.eye_height / c.half_height for c in children) > max(a.eye_height / a.half_height for a in adults)
    assert max(c.nose_height for c in children) < min(a.nose_height for a in adults)
    assert all(c.beard == 0 and c.child for c in children)
    assert person("W1c").child
    assert not person("W1").child
