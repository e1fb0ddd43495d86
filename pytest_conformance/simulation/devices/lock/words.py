"""What the simulated lock says of itself: rules, consents, sensors, hosts. The same facts as its declaration."""

from __future__ import annotations

from pytest_conformance.simulation.companion import RulesFacts
from pytest_conformance.simulation.devices.base import Facts
from pytest_conformance.simulation.devices.spec import ConsentSpec, KindSpec, SensorSpec

FACTS = Facts("Example Lockworks", "Mock Lock 3D", "ML3D2025070001", "1.4.2", "rev B")

RULES = RulesFacts(
    model=("Mock Lock 3D 智能门锁", "Mock Lock 3D"),
    kinds=(
        "账号、开锁记录、密码；经您单独同意后的人脸信息",
        "account, record of unlocks, PIN; with your separate consent, face information",
    ),
    purpose=("管理门锁用户和开锁记录；人脸识别开锁", "manage the users of the lock and its record; unlock by face"),
)

FACE = ConsentSpec(
    "face",
    "Withdraw face consent",
    (
        "Mock Lock 3D将处理您的人脸信息，用于开门识别。人脸信息属于敏感个人信息，只加密存储在本机内，不上传云端；"
        "您可以随时撤回同意，撤回后立即删除。您也可以使用密码或钥匙。",
        "Mock Lock 3D will process your face to recognise you at the door. Face information is sensitive personal "
        "information. It is kept encrypted on the lock only and is not uploaded. You may withdraw at any time and it "
        "is then deleted at once. A PIN or a key works as well.",
    ),
    ("我单独同意处理我的人脸信息", "I separately agree to the processing of my face"),
)
GUARDIAN_FACE = ConsentSpec(
    "guardian_face",
    "Withdraw the consent for a child's face",
    (
        "处理不满十四周岁未成年人的人脸信息，须取得其父母或者其他监护人的同意。",
        "A parent or guardian must agree before the face of a child under 14 is processed.",
    ),
    ("我作为监护人单独同意", "As the guardian I separately agree"),
)
CLOUD_FACE = ConsentSpec(
    "cloud_face",
    "Face pictures in the cloud",
    (
        "开启后，开门者的人脸照片将上传至云端存储七天。不开启不影响开锁等基本功能。",
        "When this is on, a picture of the face of whoever opens the door is uploaded to the cloud and kept there for "
        "seven days. Unlocking and the other basic functions work without it.",
    ),
    ("我单独同意将人脸照片上传云端", "I separately agree to send face pictures to the cloud"),
    at_set_up=True,
    cloud=True,
)

SPEC = KindSpec(
    "lock",
    "Mock Lock 3D",
    RULES,
    (FACE, GUARDIAN_FACE, CLOUD_FACE),
    (SensorSpec("face_camera", "Face camera"),),
    {"api": "api.mock-lock.example", "mqtt": "mqtt.mock-lock.example"},
    secret_label="PIN",
)
GUARDIAN_CODE = "246810"
"""What the guardian got by message; the bench knows it as the account's secret."""
