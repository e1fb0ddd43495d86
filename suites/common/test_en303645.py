"""EN303645: ETSI EN 303 645 V3.1.3, provisions that every kind of device is measured by."""

from pytest_conformance import Limit, MethodError, clause

BEST_PRACTICE = ("TLS 1.2", "TLS 1.3")


@clause("EN303645-5.1-4")
def test_every_secret_of_a_user_can_be_changed(authentication):
    for name, change in authentication.changes.items():
        assert change.changed.ok, f"{name}: {change.changed.said}"
        assert change.new_works, f"{name}: the new value is refused"
        assert not change.old_works, f"{name}: the old value still works"
        assert change.new_works_after_power_cycle, f"{name}: the new value is refused after a power cycle"
        assert not change.old_works_after_power_cycle, f"{name}: the old value works again after a power cycle"
    if not authentication.changes:
        raise MethodError("MET-AUT-001", "the declaration lists no secret that a user can change")


@clause("EN303645-5.1-5")
def test_guessing_over_the_network_is_impracticable(authentication, declaration, profile, judgement):
    for name, tried in authentication.guessing.items():
        judgement.require(
            f"{name}: days to guess half of the space",
            tried.expected_days,
            Limit("d", lower=profile.limits.guess_time / 86_400),
            n=tried.tries,
        )
        if (declared := declaration.credential(name).lockout) is not None and tried.tries > declared.tries:
            assert tried.right_refused, f"{name}: no lock-out after {tried.tries} wrong values, though it is declared"
        if tried.right_refused:
            assert tried.survives_power_cycle, f"{name}: a power cycle ends the lock-out"
            assert tried.right_later, f"{name}: the right secret is refused for ever"
    if not authentication.guessing:
        raise MethodError("MET-AUT-002", "the declaration lists no mechanism over a network")


@clause("EN303645-5.5-1")
def test_every_flow_is_protected_as_declared(transport, declaration):
    encrypted = {(each.host, each.port) for each in declaration.endpoints if each.encrypted}
    for flow in transport.traffic.endpoints:
        declared = (flow.host, flow.port) in {(each.host, each.port) for each in declaration.endpoints}
        assert declared or not flow.plaintext or flow.scope != "internet", f"{flow.host}:{flow.port} is clear"
        if (flow.host, flow.port) in encrypted and flow.bytes_up:
            assert not flow.plaintext, f"{flow.host}:{flow.port} is clear though TLS is declared"
            assert flow.tls_version in BEST_PRACTICE, f"{flow.host}:{flow.port} speaks {flow.tls_version or 'no TLS'}"
    spoke = {(flow.host, flow.port) for flow in transport.traffic.endpoints}
    if not encrypted & spoke:
        raise MethodError("MET-TRN-001", "the device spoke to none of its declared endpoints", todo="exercise it")
    accepted = transport.certificates.accepted()
    assert not accepted, accepted[0]
    transport.certificates.require_tried()


@clause("EN303645-5.9-2")
def test_local_functions_outlive_the_network_and_power_comes_back(outage, declaration, judgement):
    for when in (outage.offline, outage.recovered):
        lost = [name for name, done in when.items() if not done.ok and outage.online[name].ok]
        assert not lost, f"no longer works: {', '.join(lost)}"
    judgement.require(
        "recovery time",
        outage.recovery,
        Limit("s", upper=declaration.timing.recovery),
        uncertainty=outage.uncertainty,
        n=1,
    )
    assert outage.state_kept, "after the power cut the device is in a less safe state"


@clause("EN303645-5.11-1")
def test_users_can_erase_their_data_from_the_device(erasure):
    assert erasure.ways, "no way to erase is declared"
    for way, erased in erasure.ways.items():
        assert erased.done.ok, f"{way}: {erased.done.said}"
        erased.require_planted()
        left = (*erased.in_storage, *erased.old_works, *erased.to_new_owner)
        assert not left, f"{way} left {', '.join(left)}"
