"""A declaration as small as may be, and ways to change one line of it."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent

import pytest

from pytest_conformance.declaration import Declaration
from pytest_conformance.yamlfile import parse

SMALL = dedent("""\
    schema: conformance-declaration/1
    kind: camera
    model: Small Camera
    manufacturer: Example Optics (fictional)
    firmware: "1.10"
    hardware: rev A
    market: [CN]
    driver: camera
    rules_url: https://www.small.example/privacy
    samples:
      - {id: SC-1, serial: SN-1, mac: "02:00:00:00:00:01"}
      - {id: SC-2, serial: SN-2}
    features:
      product: camera
      legal_basis: consent
      collects_pi: true
      collects_sensitive_pi: true
      collects_face: false
      camera: true
      microphone: false
      networked: true
      cloud: true
      companion_app: true
      network_authentication: true
      preset_passwords: true
    consents:
      - scope: privacy_rules
        separate: false
        purpose: live view
        data: [video]
        asked: companion
        steps: 2
        withdrawal: {where: companion, path: [Settings, Privacy], steps: 3, within: 90 s, effect: stops}
      - scope: recording
        separate: true
        optional: true
        purpose: clips
        data: [clip]
        asked: companion
        steps: 2
        withdrawal: {where: companion, path: [Settings, Cloud], steps: 3, within: 60 s, effect: stops}
    personal_data:
      - {kind: video, purpose: live view, sensitive: true, basis: consent, consents: [privacy_rules], kept: [device],
         retention: 10 s, deleted_within: 10 s, rate: 25 per s, precision: {pixels: 1280 x 720}}
      - {kind: clip, purpose: clips, sensitive: true, basis: consent, consents: [recording], kept: [cloud],
         retention: until deleted, deleted_within: 60 s}
    endpoints:
      - {id: api, host: api.small.example, port: 443, protocol: https, purpose: clips, after: recording,
         kinds: [device_status, clip], mechanism: SecComMech-1}
      - {id: app, host: "*.app.small.example", port: 443, protocol: https, sender: phone, purpose: account, kinds: []}
      - {id: time, host: time.small.example, port: 123, protocol: ntp, transport: udp, purpose: time, kinds: [time]}
    sensors:
      - {name: camera, senses: video, purpose: live view, control: {where: companion, path: [Settings, Camera]}}
    interfaces:
      - {id: LogIntf-1, transport: tcp, port: 554, protocol: rtsp, status: enabled, purpose: live view,
         authentication: AuthMech-1}
    credentials:
      - {id: AuthMech-1, name: label, kind: preset_per_device, over: network, interface: LogIntf-1,
         length: {minimum: 12, maximum: 12}, alphabet: ABCDEFGHJKLMNPQRSTUVWXYZ23456789,
         lockout: {tries: 5, window: 5 min, duration: 300 s, alarm: false, survives_power_cycle: true}}
    functions:
      - {name: live_view, basic: true, offline: true, needs: [privacy_rules]}
    accounts:
      - {role: owner, user: owner@small.example}
    timing: {boot: 10 s, recovery: 20 s}
    ics:
      EN303645-5.1-1: yes
      EN303645-5.1-2A: {support: no, reason: not needed here}
      EN303645-5.3-14: {support: not_applicable, reason: software can be updated}
    ixit:
      1-AuthMech:
        - {id: AuthMech-1, description: password on the label}
      11-SecComMech:
        - {id: SecComMech-1, description: HTTPS, interface: [LogIntf-1]}
      28-LogIntf:
        - {id: LogIntf-1, description: RTSP, access: [PhyIntf-1]}
      15-PhyIntf:
        - {id: PhyIntf-1, description: Wi-Fi, debug_interface: no}
    """)

Changed = Callable[..., Declaration]


@pytest.fixture
def small_text() -> str:
    """Return the text of the small declaration."""
    return SMALL


@pytest.fixture
def declared() -> Changed:
    """Return the small declaration with `old` replaced by `new`, pair by pair; `old` must be there once."""

    def change(*replacements: tuple[str, str]) -> Declaration:
        text = SMALL
        for old, new in replacements:
            assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
            text = text.replace(old, new)
        return parse("small.yaml", text.encode()).validate(Declaration)

    return change
