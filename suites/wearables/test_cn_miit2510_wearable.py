"""CN-MIIT2510: what the notice of October 2025 says of over-collection, at a wearable that can hear."""

from pytest_conformance import clause
from pytest_conformance.procedures.traffic import require_accounted
from pytest_conformance.procedures.wearable_bystanders import VOICE


@clause("CN-MIIT2510-V6")
def test_voices_of_people_nearby_are_neither_taken_nor_sent(bystanders):
    voices = bystanders.nearby.sent("voice", "audio", scope="")
    assert not voices, f"a voice of somebody nearby went to {voices[0].host}"
    assert not bystanders.listened, f"{bystanders.listened[0]} listens although nobody holds the talk key"
    bystanders.require_hearing()
    require_accounted(bystanders.nearby, smallest=VOICE)
