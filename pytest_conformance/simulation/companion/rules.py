"""The words of the processing rules that a simulated app or device shows, from facts, with parts that can be left out.

Which elements rules must have: Personal Information Protection Law art. 17, Network Data Regulations art. 21, Facial
Recognition Measures art. 5.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pytest_conformance.simulation.companion.screen import CHINESE, ENGLISH, Paragraph

ELEMENTS = ("model", "processor", "contact", "purpose", "kinds", "method", "retention", "rights", "third-parties")
"""Names of the parts that `leave_out` takes."""


@dataclass(frozen=True)
class RulesFacts:
    """What the rules say, each as (Chinese, English)."""

    model: tuple[str, str]
    kinds: tuple[str, str]
    purpose: tuple[str, str]
    method: tuple[str, str] = (
        "数据在本机加密存储，不上传云端",
        "data are kept encrypted on the device and not uploaded",
    )
    retention: tuple[str, str] = (
        "保存至您删除用户或撤回同意之日，到期后立即删除",
        "until you delete the user or withdraw consent, then deleted at once",
    )
    third_parties: tuple[str, str] = ("我们不向第三方提供您的个人信息", "we share nothing with third parties")
    processor: tuple[str, str] = ("示例科技有限公司", "Example Technology Co., Ltd")
    contact: tuple[str, str] = ("电话400-000-0000，邮箱privacy@example.com", "phone 400-000-0000, privacy@example.com")


def rules_text(facts: RulesFacts, leave_out: Collection[str] = ()) -> tuple[Paragraph, ...]:
    """Return the rules as paragraphs, Chinese first; `leave_out` names `ELEMENTS` that are missing from both.

    Raises ValueError when an element is unknown.
    """
    if unknown := set(leave_out) - set(ELEMENTS):
        raise ValueError(f"rules have no part {sorted(unknown)}; there are {', '.join(ELEMENTS)}")
    parts = {
        "model": (
            f"本规则适用于{facts.model[0]}。",
            f"These rules apply to {facts.model[1]}.",
        ),
        "processor": (
            f"个人信息处理者：{facts.processor[0]}。",
            f"Personal information processor: {facts.processor[1]}.",
        ),
        "contact": (f"联系方式：{facts.contact[0]}。", f"Contact: {facts.contact[1]}."),
        "purpose": (f"处理目的：{facts.purpose[0]}。", f"Purpose of processing: {facts.purpose[1]}."),
        "kinds": (f"处理的个人信息种类：{facts.kinds[0]}。", f"Kinds of personal information: {facts.kinds[1]}."),
        "method": (f"处理方式：{facts.method[0]}。", f"Method of processing: {facts.method[1]}."),
        "retention": (f"保存期限：{facts.retention[0]}。", f"Retention period: {facts.retention[1]}."),
        "rights": (
            "您的权利：您可以在“设置”中查阅、复制、更正、删除您的个人信息，撤回同意或者注销账号。",
            "Your rights: in Settings you can access, copy, correct and delete your information, withdraw consent or "
            "delete your account.",
        ),
        "third-parties": (f"对外提供：{facts.third_parties[0]}。", f"Third parties: {facts.third_parties[1]}."),
    }
    kept = [text for element, text in parts.items() if element not in leave_out]
    chinese = (Paragraph("个人信息处理规则", CHINESE, "heading"), *(Paragraph(zh, CHINESE) for zh, _ in kept))
    english = (
        Paragraph("Personal information processing rules", ENGLISH, "heading"),
        *(Paragraph(en, ENGLISH) for _, en in kept),
    )
    return chinese + english
