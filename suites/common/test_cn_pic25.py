"""CN-PIC25: the 2025 campaign against unlawful handling of personal information, part 3 (smart terminals)."""

from pytest_conformance import MethodError, clause
from pytest_conformance.analysis.policy_text import check_rules
from pytest_conformance.procedures.traps import require_traps


@clause("CN-PIC25-3.a")
def test_the_device_itself_gives_its_rules_before_it_collects_anything(pre_consent_traffic, declaration, judgement):
    rules = pre_consent_traffic.rules_at("device")
    assert rules, "neither the device's screen nor its voice gave processing rules"
    missing = check_rules(rules[0].text, model=declaration.model).missing_on_device
    assert not missing, f"the rules on the device lack {', '.join(missing)}"
    first = pre_consent_traffic.first_personal_data
    assert first is None or rules[0].at < first, "personal data left before the rules were shown"


@clause("CN-PIC25-3.g")
def test_cloud_processing_is_named_before_and_refusing_stops_it(cloud_use, withdrawal_traffic, declaration):
    if not cloud_use.scopes:
        raise MethodError("MET-CLD-001", "cloud is declared, but no consent names it", todo="declare the scope")
    for scope in cloud_use.scopes:
        kinds = declaration.consent(scope).data
        assert not cloud_use.declined.content(kinds), f"{scope}: content went to the cloud although it was declined"
        if cloud_use.given.content(kinds):
            prompts = [each for each in cloud_use.asked if each.scope == scope]
            assert prompts, f"{scope}: content went to the cloud and nobody was asked"
            assert check_rules(prompts[0].text).names_cloud, f"{scope}: the prompt does not name cloud processing"
        later = withdrawal_traffic.withdrawn.content(kinds)
        assert not later, f"{scope}: content went to the cloud after the withdrawal"
    cloud_use.require_exercised()
    withdrawal_traffic.require_exercised()
    require_traps(withdrawal_traffic.traps, "restart", "night")
