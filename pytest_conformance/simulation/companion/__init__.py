"""The simulated phone's companion app: a real web page whose screens and actions a device builder provides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_conformance.simulation.companion.flows import (
    ConsentStyle,
    Member,
    Sensor,
    account_screen,
    add_member_screen,
    cloud_consent_screen,
    confirm_screen,
    consent_screen,
    face_consent_screen,
    guardian_screen,
    home_screen,
    live_screen,
    member_screen,
    members_screen,
    message_screen,
    rules_screen,
    settings_screen,
    share_screen,
    sign_in_screen,
)
from pytest_conformance.simulation.companion.routes import Routes
from pytest_conformance.simulation.companion.rules import ELEMENTS, RulesFacts, rules_text
from pytest_conformance.simulation.companion.screen import (
    CHINESE,
    ENGLISH,
    App,
    AppScreen,
    Button,
    Checkbox,
    Control,
    Link,
    Paragraph,
    Picture,
    Session,
    Switch,
    TextInput,
)
from pytest_conformance.simulation.companion.server import CompanionFarEnd

if TYPE_CHECKING:
    from pytest_conformance.simulation.world import World

__all__ = [
    "CHINESE",
    "ELEMENTS",
    "ENGLISH",
    "App",
    "AppScreen",
    "Button",
    "Checkbox",
    "CompanionFarEnd",
    "ConsentStyle",
    "Control",
    "Link",
    "Member",
    "Paragraph",
    "Picture",
    "Routes",
    "RulesFacts",
    "Sensor",
    "Session",
    "Switch",
    "TextInput",
    "account_screen",
    "add_companion",
    "add_member_screen",
    "cloud_consent_screen",
    "confirm_screen",
    "consent_screen",
    "face_consent_screen",
    "guardian_screen",
    "home_screen",
    "live_screen",
    "member_screen",
    "members_screen",
    "message_screen",
    "rules_screen",
    "rules_text",
    "settings_screen",
    "share_screen",
    "sign_in_screen",
]


def add_companion(world: World) -> None:
    """Add the far end "companion". The device builder sets `world.app` before or after the start."""
    world.add(CompanionFarEnd(world))
