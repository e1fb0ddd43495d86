"""What the simulated watch says of itself: rules, consents, sensors, hosts. The same facts as its declaration."""

from __future__ import annotations

from pytest_conformance.simulation.companion import RulesFacts
from pytest_conformance.simulation.devices.base import Facts
from pytest_conformance.simulation.devices.spec import ConsentSpec, KindSpec, SensorSpec

FACTS = Facts("Example Wearables (fictional)", "Mock Child Watch", "MCW2025090001", "3.1.0", "rev C")

RULES = RulesFacts(
    model=("Mock Child Watch 儿童手表", "Mock Child Watch"),
    kinds=(
        "监护人账号、儿童资料、步数；经监护人单独同意后的位置、心率、语音消息",
        "the guardian's account, the child's profile, steps; with the guardian's separate consent, location, heart "
        "rate and voice messages",
    ),
    purpose=(
        "让监护人了解孩子的位置并与孩子联系；运动时的心率",
        "show the guardian where the child is and talk to the child; heart rate during sport",
    ),
    method=(
        "步数和心率在手表内加密存储；经单独同意，位置和语音消息上传云端存储",
        "steps and heart rate are kept encrypted on the watch; with separate consent, location and voice messages are "
        "uploaded to the cloud and stored there",
    ),
    retention=(
        "位置和语音消息保存七天，其余保存至您注销账号之日",
        "seven days for location and voice, else until deleted",
    ),
)

LOCATION = ConsentSpec(
    "location",
    "Location",
    (
        "开启后，手表每十分钟确定一次孩子的大致位置（精确到约一百米），上传至云端存储七天，供监护人查看。"
        "位置属于敏感个人信息；不开启不影响看时间和计步。",
        "When this is on, the watch finds the child's approximate position (about 100 m) every ten minutes, uploads it "
        "to the cloud and stores it there for seven days for the guardian. Location is sensitive personal "
        "information. Time and step count work without it.",
    ),
    ("我作为监护人单独同意处理孩子的位置", "As the guardian I separately agree to the processing of the location"),
    at_set_up=True,
    page="Sensors",
    cloud=True,
)
HEALTH = ConsentSpec(
    "health",
    "Heart rate",
    (
        "开启后，手表佩戴时每五分钟测量一次心率，只加密存储在手表和监护人手机内，不上传云端。心率属于敏感个人信息。",
        "When this is on, the watch measures the heart rate every five minutes while it is worn. It is kept encrypted "
        "on the watch and on the guardian's phone only and is not uploaded. Heart rate is sensitive personal "
        "information.",
    ),
    ("我作为监护人单独同意处理孩子的心率", "As the guardian I separately agree to the processing of the heart rate"),
    at_set_up=True,
    page="Sensors",
)
VOICE = ConsentSpec(
    "voice_message",
    "Voice messages",
    (
        "开启后，孩子按住通话键时录制语音消息，上传至云端存储七天并发送给监护人。语音属于个人信息；不开启不影响其他功能。",
        "When this is on, the watch records a voice message while the child holds the talk key, uploads it to the "
        "cloud, stores it there for seven days and sends it to the guardian. The other functions work without it.",
    ),
    ("我作为监护人单独同意处理孩子的语音", "As the guardian I separately agree to the processing of voice messages"),
    at_set_up=True,
    page="Sensors",
    cloud=True,
)

SPEC = KindSpec(
    "wearable",
    "Mock Child Watch",
    RULES,
    (LOCATION, HEALTH, VOICE),
    (
        SensorSpec("location", "Location", "location"),
        SensorSpec("heart_rate", "Heart rate", "health"),
        SensorSpec("microphone", "Microphone", "voice_message"),
    ),
    {"api": "api.mock-watch.example"},
    secret_label="PIN",
    account_role="guardian",
)
