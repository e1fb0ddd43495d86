"""The words by which the elements of processing rules are known, Chinese and English. Data of `policy_text`."""

from __future__ import annotations

import re

NAMES = ("processor", "contact", "purpose", "kinds", "method", "retention", "rights", "withdrawal", "third-parties")
"""Elements that any rules must have: Personal Information Protection Law art. 17, Network Data Regulations art. 21."""

SENSITIVE = ("necessity", "impact")
"""What must be added for sensitive information: Personal Information Protection Law art. 30, Facial Recognition
Measures art. 5."""

ON_DEVICE = ("processor", "purpose", "kinds")
"""What a short notice on a small screen must say itself when it leads to the full rules."""

CUES: dict[str, tuple[str, ...]] = {
    "processor": (
        "个人信息处理者",
        "网络数据处理者",
        "运营者",
        "运营主体",
        "公司名称",
        "有限公司",
        "有限责任公司",
        "股份公司",
        "processor",
        "controller",
        "operated by",
        "provided by",
        "co., ltd",
        "gmbh",
        " inc.",
        " llc",
    ),
    "contact": (
        "联系方式",
        "联系我们",
        "联系电话",
        "客服",
        "邮箱",
        "contact",
        "e-mail",
        "email",
        "phone",
        "hotline",
        "write to",
    ),
    "purpose": ("目的", "用于", "用来", "以便", "purpose", "in order to", "used to", "used for", "so that"),
    "kinds": (
        "种类",
        "类型",
        "收集您的",
        "收集的信息",
        "收集的个人信息",
        "处理您的",
        "kinds of",
        "categories of",
        "types of",
        "we collect",
        "we process",
        "is collected",
        "are collected",
        "will process your",
    ),
    "method": (
        "处理方式",
        "存储在",
        "存储于",
        "本机",
        "本地",
        "云端",
        "加密",
        "上传",
        "method",
        "is stored",
        "are stored",
        "kept on",
        "encrypted",
        "upload",
        "on the device",
        "cloud",
    ),
    "retention": (
        "保存期限",
        "保留期限",
        "存储期限",
        "留存期限",
        "保存至",
        "保留至",
        "存储至",
        "保存时间",
        "保存",
        "保留",
        "留存",
        "retention",
        "retain",
        "kept for",
        "kept until",
        "keep ",
        "stored for",
        "stored until",
    ),
    "withdrawal": ("撤回", "撤销同意", "取消授权", "withdraw", "revoke"),
    "third-parties": (
        "第三方",
        "对外提供",
        "共享",
        "委托处理",
        "接收方",
        "third part",
        "share",
        "disclose",
        "recipient",
        "on our behalf",
    ),
    "necessity": (
        "必要性",
        "必要",
        "必需",
        "necessary",
        "necessity",
        "required to",
        "needed to",
        "cannot work without",
    ),
    "impact": ("权益的影响", "对您的影响", "影响", "风险", "impact", "effect on", "risk", "consequence"),
}

RIGHTS: tuple[tuple[str, ...], ...] = (
    ("查阅", "查看", "访问", "access", "view", "see your"),
    ("复制", "导出", "转移", "copy", "export", "transfer", "portab"),
    ("更正", "补充", "修改", "correct", "rectif", "amend"),
    ("删除", "delete", "erase"),
    ("限制处理", "拒绝处理", "restrict", "object to"),
    ("注销", "close your account", "delete your account", "cancel your account"),
)
"""Each line is one right; two of them at least make the element."""

LINKS = (
    "二维码",
    "扫码",
    "扫描",
    "app内",
    "手机应用",
    "网址",
    "https://",
    "http://",
    "www.",
    "qr code",
    "scan ",
    "in the app",
)
"""How a short notice leads to the full rules."""

CLOUD = ("云端", "云服务", "云存储", "云平台", "服务器", "cloud", "server")
LOOKALIKES = ("适用于", "不仅", "不但", "不只", "not only")
"""Words that hold a cue or a denial and mean neither."""
DENIALS = ("不", "未", "无需", "无须", "绝非", "not ", "n't ", "never", "without ", "no ")
PLACEHOLDERS = (
    "待定",
    "待补充",
    "此处填写",
    "xxx",
    "tbd",
    "tbc",
    "to be defined",
    "lorem ipsum",
    "____",
    "【】",
    "[ ]",
    "n/a",
)
VAGUE = (
    "合理期限",
    "合理的期限",
    "必要期限",
    "必要的期限",
    "一定期限",
    "reasonable period",
    "reasonable time",
    "as required",
)
"""Periods that say nothing: a period, or a way to tell it, is due (Network Data Regulations art. 21)."""

PERIOD = re.compile(
    r"\d{1,6}\s?(?:个)?(?:分钟|小时|天|日|周|星期|月|年|minute|hour|day|week|month|year)"
    r"|[一二两三四五六七八九十半百]{1,4}(?:个)?(?:分钟|小时|天|日|周|星期|月|年)"
    r"|(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|thirty|ninety) (?:minute|hour|day|week|month|year)"
    r"|之日|为止|期间|立即删除|覆盖|until|as long as|at once|immediately|overwritten"
)
REACHED = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,5}"
    r"|\+?\d[\d ()-]{5,20}\d"
    r"|https?://[\w.-]{3,253}"
    r"|在线客服|意见反馈|contact form",
    re.ASCII,
)
"""A way to reach somebody: mail, telephone, web address, form."""

TRADITIONAL = frozenset(
    "個資訊處種類權關於說與實們為後時間閱複製刪設備應當國務據儲鎖開門識別臉視頻錄電話聯繫郵箱號碼註銷監護採傳雲戶軟體隱"
    "條議選擇詳細讓轉輸過發現進還這樣嗎對會來點達無"
)
"""Characters of the traditional script beside those of the simplified one; where both agree they say nothing."""
SIMPLIFIED = frozenset(
    "个资讯处种类权关于说与实们为后时间阅复制删设备应当国务据储锁开门识别脸视频录电话联系邮箱号码注销监护采传云户软体隐"
    "条议选择详细让转输过发现进还这样吗对会来点达无"
)
