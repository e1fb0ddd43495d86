"""What the simulated camera says of itself: rules, consents, sensors, hosts. The same facts as its declaration."""

from __future__ import annotations

from pytest_conformance.simulation.companion import RulesFacts
from pytest_conformance.simulation.devices.base import Facts
from pytest_conformance.simulation.devices.spec import ConsentSpec, KindSpec, SensorSpec

FACTS = Facts("Example Optics", "Mock Home Camera", "MHC2025080001", "2.0.7", "rev A")
SAMPLES = (
    ("MHC2025080001", "02:4d:43:00:20:01"),
    ("MHC2025080002", "02:4d:43:00:20:02"),
    ("MHC2025080003", "02:4d:43:00:20:03"),
)
"""Serial number and MAC of the units whose labels lie before the label reader."""

CAMERA, MICROPHONE = "camera", "microphone"
CLOUD = "cloud_recording"

RULES = RulesFacts(
    model=("Mock Home Camera 家用摄像机", "Mock Home Camera"),
    kinds=(
        "账号、画面（包括在本机内判断画面中是否有人脸）、移动侦测事件；经您单独同意后的声音和云端录像",
        "account, pictures (the camera itself looks whether a face is in them), motion events; with your separate "
        "consent, sound and recordings in the cloud",
    ),
    purpose=("实时查看和移动侦测提醒", "live view and messages about motion"),
    method=(
        "画面在本机内持续处理以侦测移动，工作时红色指示灯常亮；未经单独同意不上传云端",
        "pictures are processed continuously on the camera to find motion, and its red lamp is lit meanwhile; without "
        "separate consent they are not uploaded",
    ),
    retention=(
        "画面在本机内保存10秒；账号保存至您注销之日；云端录像保存7天",
        "pictures 10 seconds on the camera; the account until you cancel it; recordings in the cloud 7 days",
    ),
)

SOUND_CONSENT = ConsentSpec(
    "microphone",
    "Microphone",
    (
        "开启后，摄像机将采集声音，供您在本地网络内实时收听，工作时红色指示灯常亮。不开启不影响查看画面。",
        "When this is on, the camera takes up sound for you to listen to on your own network, and its red lamp is lit "
        "meanwhile. The pictures can be seen without it.",
    ),
    ("我单独同意采集声音", "I separately agree to sound being taken up"),
    at_set_up=True,
    page="Sensors",
)
CLOUD_CONSENT = ConsentSpec(
    CLOUD,
    "Recording in the cloud",
    (
        "开启后，每当侦测到移动，摄像机将在后台录制短片（可能包含人脸）并上传至云端存储7天。不开启不影响实时查看等基本功能。",
        "When this is on, the camera records a short clip in the background whenever something moves (faces may be in "
        "it) and uploads it to the cloud, where it is kept for 7 days. Live view and the other basic functions work "
        "without it.",
    ),
    ("我单独同意将录像上传云端", "I separately agree to send recordings to the cloud"),
    at_set_up=True,
    cloud=True,
)

SPEC = KindSpec(
    "camera",
    "Mock Home Camera",
    RULES,
    (SOUND_CONSENT, CLOUD_CONSENT),
    (SensorSpec(CAMERA, "Camera"), SensorSpec(MICROPHONE, "Microphone", "microphone")),
    {"api": "api.mock-camera.example", "mqtt": "mqtt.mock-camera.example"},
)
