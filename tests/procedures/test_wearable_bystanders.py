from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.traffic import Sighting, merged
from pytest_conformance.procedures.wearable_bystanders import Bystanders

NOTHING = merged("own-voice", [])
VOICE = Sighting("voice", "wav/16000", "", 9, "up", "internet", "device", "h", "a", 443, (), (), 70, "test phrase")


def test_a_wearable_that_sends_no_voice_at_all_proves_nothing() -> None:
    with pytest.raises(MethodError) as caught:
        Bystanders((), NOTHING, NOTHING, ()).require_hearing()
    assert caught.value.code == "MET-BYS-001"
    Bystanders((), NOTHING, replace(NOTHING, objects=(VOICE,)), ()).require_hearing()
    with pytest.raises(MethodError):
        Bystanders((), NOTHING, replace(NOTHING, objects=(replace(VOICE, direction="down"),)), ()).require_hearing()
