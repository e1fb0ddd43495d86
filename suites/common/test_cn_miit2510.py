"""CN-MIIT2510: the notice of October 2025 on twenty smart terminals, by type of violation."""

from pytest_conformance import clause
from pytest_conformance.analysis.policy_text import check_rules
from pytest_conformance.procedures.traffic import is_declared, require_accounted, require_spoken
from pytest_conformance.procedures.traps import require_traps


@clause("CN-MIIT2510-V1")
def test_processing_rules_are_published_on_the_device_and_before_pairing(pre_consent_traffic, declaration):
    assert pre_consent_traffic.rules_at("device"), "the rules cannot be reached from the device itself"
    in_app = pre_consent_traffic.rules_at("app")
    assert in_app, "the pairing flow shows no rules before binding"
    missing = check_rules(in_app[0].text, model=declaration.model).missing
    assert not missing, f"the rules in the app lack {', '.join(missing)}"


@clause("CN-MIIT2510-V3")
def test_nothing_personal_goes_to_the_cloud_against_the_rules(cloud_use, idle_traffic, declaration):
    for scope in cloud_use.scopes:
        leaked = cloud_use.declined.content(declaration.consent(scope).data)
        assert not leaked, f"{scope}: {leaked[0].kind} went to {leaked[0].host} with the consent off"
    strangers = (*cloud_use.traffic.undeclared(), *idle_traffic.traffic.undeclared())
    assert not strangers, f"{strangers[0].host or strangers[0].address} is not declared"
    plain = [
        each for each in cloud_use.traffic.endpoints if each.plaintext and each.scope == "internet" and each.bytes_up
    ]
    assert not plain, f"{plain[0].host}: sent without encryption"
    require_spoken(cloud_use.declined, declaration)
    require_accounted(cloud_use.declined, smallest=declaration.traffic.event_message)


@clause("CN-MIIT2510-V3")
def test_what_nobody_can_read_is_opened_in_between(cloud_use, declaration, request):
    if cloud_use.declined.opaque_up < declaration.traffic.event_message:
        return
    interception = request.getfixturevalue("interception")
    for scope in cloud_use.scopes:
        leaked = interception.intercepted.content(declaration.consent(scope).data)
        assert not leaked, f"{scope}: {leaked[0].kind} went to {leaked[0].host} with the consent off"
    interception.require_speaks_for_the_device()
    require_accounted(interception.intercepted, smallest=declaration.traffic.event_message)


@clause("CN-MIIT2510-V4")
def test_every_sensor_has_a_permission_that_means_what_it_says(permissions):
    for name, trial in permissions.trials.items():
        assert trial.before.present, f"{name}: no control on the device or in the app"
        assert trial.off.on is False, f"{name}: the switch does not stay off"
        assert not trial.sensed, f"{name}: it senses although it is off"
        assert not trial.leaked, f"{name}: {trial.leaked[0].kind} went to {trial.leaked[0].host} although it is off"
        assert not trial.kept, f"{name}: {trial.kept[0]} was stored although it is off"
        assert trial.after_power_cycle.on is False, f"{name}: it is on again after a power cycle"
        assert trial.works, f"{name}: it cannot be switched on again"


@clause("CN-MIIT2510-V6")
def test_no_field_is_collected_that_is_not_declared_nor_before_consent(
    pre_consent_traffic, idle_traffic, transport, declaration
):
    early = pre_consent_traffic.traffic.personal()
    assert not early, f"{early[0].matched or early[0].kind} went to {early[0].host} before any consent"
    for sent in (*transport.traffic.sent(), *idle_traffic.traffic.sent()):
        assert is_declared(sent, declaration), f"{sent.matched or sent.kind} to {sent.host} is not declared"
    for traffic in (pre_consent_traffic.traffic, idle_traffic.traffic):
        require_accounted(traffic, smallest=declaration.traffic.event_message)
    require_traps(idle_traffic.traps, "restart", "night")


@clause("CN-MIIT2510-V6")
def test_a_sensitive_event_adds_no_undeclared_volume(volume_experiment, declaration, judgement):
    allowance = declaration.traffic.event_message
    for each in volume_experiment.excesses:
        judgement.report(f"{each.host}: an event adds at least", each.lower, "byte", n=len(volume_experiment.events))
        judgement.report(f"{each.host}: an event adds at most", each.upper, "byte", n=len(volume_experiment.events))
    found = volume_experiment.beyond(allowance)
    assert not found, (
        f"each time that {volume_experiment.told}, {found[0].lower:.0f} bytes or more are added for {found[0].host} "
        f"(99 %: {found[0].lower:.0f}..{found[0].upper:.0f}, p {found[0].p_adjusted:.2g}); declared are {allowance}"
    )
    volume_experiment.require_bounded(allowance)
    require_accounted(volume_experiment.traffic, smallest=allowance)
