"""What the check of processing rules finds and what it does not."""

from __future__ import annotations

import time

import pytest

from pytest_conformance.analysis.policy_cues import NAMES, SENSITIVE, SIMPLIFIED, TRADITIONAL
from pytest_conformance.analysis.policy_text import EXCERPT, LARGEST, check_rules

CHINESE = {
    "model": "本规则适用于示例智能门锁 L1。",
    "processor": "个人信息处理者：示例科技有限公司。",
    "contact": "联系方式：电话400-000-0000，邮箱privacy@example.com。",
    "purpose": "处理目的：开门身份识别。",
    "kinds": "处理的个人信息种类：人脸信息、开门记录。",
    "method": "处理方式：数据在本机加密存储。",
    "retention": "保存期限：保存至您删除用户之日，到期后立即删除。",
    "rights": "您可以在设置中查阅、复制、更正、删除您的个人信息，注销账号。",
    "withdrawal": "您可以随时撤回同意。",
    "third-parties": "对外提供：我们不向第三方提供您的个人信息。",
}
ENGLISH = {
    "model": "These rules apply to Example Lock L1.",
    "processor": "Personal information processor: Example Technology Co., Ltd.",
    "contact": "Contact: phone 400-000-0000, privacy@example.com.",
    "purpose": "Purpose of processing: recognising who opens the door.",
    "kinds": "Kinds of personal information: face information, opening records.",
    "method": "Method of processing: data stay encrypted on the device.",
    "retention": "Retention period: until you delete the user, then deleted at once.",
    "rights": "In Settings you can access, copy, correct and delete your information.",
    "withdrawal": "You may withdraw consent at any time.",
    "third-parties": "Third parties: nothing is given to them.",
}


def text(parts: dict[str, str], *without: str) -> str:
    return "\n".join(sentence for name, sentence in parts.items() if name not in without)


@pytest.mark.parametrize("parts", [CHINESE, ENGLISH], ids=["zh", "en"])
def test_complete_rules_miss_nothing(parts: dict[str, str]) -> None:
    assert check_rules(text(parts)).missing == ()


@pytest.mark.parametrize("parts", [CHINESE, ENGLISH], ids=["zh", "en"])
@pytest.mark.parametrize("name", NAMES)
def test_each_element_that_is_left_out_is_missed_and_no_other(parts: dict[str, str], name: str) -> None:
    assert check_rules(text(parts, name)).missing == (name,)


def test_a_bilingual_text_is_missed_an_element_that_neither_language_has() -> None:
    both = text(CHINESE, "retention") + "\n" + text(ENGLISH, "retention")
    assert check_rules(both).missing == ("retention",)


@pytest.mark.parametrize(("parts", "model"), [(CHINESE, "示例智能门锁L1"), (ENGLISH, "example lock  l1")])
def test_the_model_is_looked_for_whatever_its_spaces_and_case(parts: dict[str, str], model: str) -> None:
    assert check_rules(text(parts), model).missing == ()
    assert check_rules(text(parts, "model"), model).missing == ("model",)
    assert check_rules(text(parts), "Lock L2").missing == ("model",)


def test_without_a_model_the_rules_need_not_name_one() -> None:
    assert check_rules(text(CHINESE, "model")).missing == ()


def test_each_present_element_quotes_the_passage_that_shows_it() -> None:
    element = check_rules(text(CHINESE)).element("retention")
    assert element.passage.startswith("保存期限")
    with pytest.raises(KeyError):
        check_rules("").element("weather")


def test_the_content_of_a_label_may_stand_under_it() -> None:
    assert check_rules("处理目的\n开门身份识别").element("purpose").present
    assert check_rules("Retention period\n30 days after the last use").element("retention").present


@pytest.mark.parametrize(
    ("said", "name", "remark"),
    [
        ("处理目的：", "purpose", "empty"),
        ("处理目的：\n保存期限：30天", "purpose", "empty"),
        ("收集信息的目的", "purpose", "empty"),
        ("保存期限：合理期限", "retention", "vague"),
        ("Retention period: a reasonable period", "retention", "vague"),
        ("保存期限：待定", "retention", "placeholder"),
        ("Contact: TBD", "contact", "placeholder"),
        ("联系方式：请联系我们的客服", "contact", "empty"),
        ("您可以删除数据", "rights", "only one right"),
    ],
)
def test_a_word_without_substance_does_not_count(said: str, name: str, remark: str) -> None:
    element = check_rules(said).element(name)
    assert not element.present
    assert element.remark == remark


def test_a_later_passage_with_substance_outweighs_an_empty_one() -> None:
    assert check_rules("保存期限：待定。保存期限：30天。").element("retention").present


def test_what_the_rules_apply_to_is_no_purpose() -> None:
    assert not check_rules("本规则适用于示例智能门锁。").element("purpose").present


@pytest.mark.parametrize("period", ["三十天", "7 天", "6个月", "两年", "90 days", "until you delete it"])
def test_a_period_or_a_rule_for_it_is_a_retention(period: str) -> None:
    assert check_rules(f"保存期限：{period}。").element("retention").present


def test_sensitive_information_calls_for_necessity_and_impact() -> None:
    assert check_rules(text(CHINESE)).missing_for_sensitive == SENSITIVE
    more = "处理人脸信息的必要性：不处理则无法识别。对您权益的影响：泄露可能造成人身财产风险。"
    assert check_rules(text(CHINESE) + more).missing_for_sensitive == ()


def test_a_short_notice_that_leads_to_the_rules_need_not_say_all() -> None:
    short = "示例科技有限公司收集您的人脸信息，用于开门。"
    assert "retention" in check_rules(short).missing_on_device
    assert check_rules(short + "扫描二维码查看完整规则。").missing_on_device == ()
    assert check_rules("扫描二维码查看完整规则。").missing_on_device == ("processor", "purpose", "kinds")


@pytest.mark.parametrize(
    ("said", "names", "denies"),
    [
        ("开启后，照片将上传至云端存储七天。", True, False),
        ("When this is on, pictures are uploaded to the cloud.", True, False),
        ("数据在本机加密存储，不上传云端。", False, True),
        ("Nothing is sent to any server: data are never in the cloud.", True, True),
        ("不仅存储在本机，还上传云端。", True, False),
        ("Pictures are not uploaded to the cloud.", False, True),
        ("人脸信息存储在本机。", False, False),
    ],
)
def test_naming_the_cloud_is_told_from_denying_it(said: str, names: bool, denies: bool) -> None:
    found = check_rules(said)
    assert (found.names_cloud, found.denies_cloud) == (names, denies)


@pytest.mark.parametrize(
    ("said", "language"),
    [
        (text(CHINESE), "zh-Hans"),
        (text(CHINESE) + text(ENGLISH), "zh-Hans"),
        ("個人資訊處理規則：我們為開門識別處理您的臉部資訊，並會儲存。", "zh-Hant"),
        (text(ENGLISH), "latin"),
        (text(ENGLISH) + "中文", "latin"),
        ("Правила обработки персональных данных", "other"),
        ("", "none"),
        (" \n 123 ", "none"),
    ],
)
def test_the_language_is_told(said: str, language: str) -> None:
    assert check_rules(said).readability.language == language


def test_lengths_are_counted() -> None:
    facts = check_rules("一二三。ab cd.\n四").readability
    assert (facts.characters, facts.han, facts.sentences, facts.longest_sentence) == (12, 4, 3, 5)


def test_an_empty_text_misses_everything() -> None:
    assert check_rules("").missing == NAMES
    assert check_rules("").missing_on_device == NAMES


def test_a_text_beyond_the_cap_is_cut_and_said_so() -> None:
    found = check_rules("。" * LARGEST + text(CHINESE))
    assert found.truncated
    assert found.missing == NAMES
    assert not check_rules(text(CHINESE)).truncated


def test_passages_are_quoted_short() -> None:
    assert len(check_rules("用于" + "开" * 10_000).element("purpose").passage) == EXCERPT


@pytest.mark.parametrize(
    "piece",
    [
        "用于",
        "保存期限",
        "a@",
        "1 ",
        "1-",
        "http://",
        "保存 合理期限",
        "。",
        "：",
        "Retention: ",
        "cloud, ",
        "\u0000\x1b[0m",
        "一个",
        "a.",
        "9",
    ],
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    begun = time.monotonic()
    check_rules(piece * (LARGEST // len(piece)), "x" * 1000)
    assert time.monotonic() - begun < 3.0


def test_the_two_scripts_are_written_pairwise() -> None:
    assert len(TRADITIONAL - SIMPLIFIED) > 60
    assert len(SIMPLIFIED - TRADITIONAL) == len(TRADITIONAL - SIMPLIFIED)
