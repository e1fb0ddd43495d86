"""The companion channel through both of its doors, against the simulated app."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pytest_conformance.clock import RealClock
from pytest_conformance.devices.channels import companion as channel
from pytest_conformance.devices.channels.companion import (
    Companion,
    CompanionChannel,
    Screen,
    find_browser,
    open_companion,
    picture_or_refuse,
    wait_for_screen,
)
from pytest_conformance.drivers.context import DriverContext
from pytest_conformance.errors import DeviceError, LinkError, MethodError
from pytest_conformance.simulation.companion import (
    AppScreen,
    Button,
    Checkbox,
    Link,
    Paragraph,
    Picture,
    Routes,
    Session,
    Switch,
    TextInput,
    add_companion,
)
from pytest_conformance.simulation.world import Options, World


def _browser_missing() -> str:
    if find_browser() is None:
        return "no chromium on this machine (apt install chromium)"
    try:
        import playwright  # noqa: F401
    except ModuleNotFoundError:
        return "playwright is not installed (pip install pytest-conformance[companion])"
    return ""


MISSING = _browser_missing()
CHROMIUM = pytest.param("chromium", marks=pytest.mark.skipif(bool(MISSING), reason=MISSING))
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c4944415408d763f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
HOSTILE = "a<b>&amp;\"'\x1b[31m ../x \ud800 \u202e end"


class Phone:
    """An app with one screen of each sort, and what was sent to it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, str]]] = []
        self.camera = True
        self.loads = 0
        self.delay = 0.0
        self.routes = Routes()
        self.routes.on("/", self._home, self._act("/"))
        self.routes.on("/form", self._form, self._act("/done"))
        self.routes.on("/done", self._done)
        self.routes.on("/out", lambda _: AppScreen("/out", "Out", (), (Link("Shop", "http://127.0.0.2:9/"),)))
        self.routes.on("/slow", self._slow)

    def _home(self, session: Session) -> AppScreen:
        self.loads += 1
        controls = (
            Link("Go to form", "/form", "表单"),
            Switch("Camera", "camera", self.camera, "摄像头"),
            Button("Greyed", "greyed", enabled=False),
            Link("Twin", "/form"),
            Button("Twin", "twin"),
            Link("Nowhere", "/nowhere"),
            Link("Shop", "/out"),
            Link("Slow", "/slow"),
        )
        text = (
            f"Hello {session.person or 'nobody'}, load {self.loads}",
            Paragraph("个人信息处理规则", "zh-CN"),
            Paragraph("in the page but not on the screen", style="hidden"),
        )
        return AppScreen("/", "Home of <app>", text, controls)

    def _form(self, _: Session) -> AppScreen:
        controls = (
            TextInput("Name", "name", "Anna", note="姓名"),
            TextInput("Code", "code", kind="password"),
            Checkbox("I agree separately", "face", note="单独同意"),
            Checkbox("Pre-ticked", "ads", ticked=True),
            Button("Continue", "continue", "继续", primary=True),
            Button("Decline", "decline"),
            Picture("Live view", PNG, "image/png"),
        )
        return AppScreen("/form", "Form", (HOSTILE,), controls)

    def _done(self, session: Session) -> AppScreen:
        return AppScreen("/done", "Done", (f"person {session.person}",), (Link("Back", "/"),))

    def _slow(self, _: Session) -> AppScreen:
        time.sleep(0.8)
        return AppScreen("/slow", "Slow", ("came at last",))

    def _act(self, follows: str) -> Callable[[Session, Mapping[str, str]], str]:
        def act(session: Session, form: Mapping[str, str]) -> str:
            time.sleep(self.delay)
            self.sent.append((follows, dict(form)))
            self.camera = form.get("camera", "on" if self.camera else "off") == "on"
            session.person = form.get("name", session.person)
            return follows

        return act


@pytest.fixture(scope="module", params=["forms", CHROMIUM])
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, Companion]]:
    world = World(Options("mock-lock"))
    add_companion(world)
    address = str(world.start()["companion"]["address"])  # type: ignore[index,call-overload]
    companion = open_companion(address, RealClock(), tmp_path_factory.mktemp("app"), request.param)
    yield world, companion
    companion.close()
    world.stop()


@pytest.fixture
def app(opened: tuple[World, Companion]) -> Phone:
    phone = Phone()
    opened[0].app = phone.routes
    return phone


@pytest.fixture
def companion(opened: tuple[World, Companion], app: Phone) -> Companion:
    companion = opened[1]
    companion.as_person("owner")
    companion.forget()
    companion.open("/")
    companion.reset_steps()
    return companion


@pytest.fixture(params=["forms", CHROMIUM])
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[World, Companion]]:
    """A world and companion of the test's own, for tests that break them."""
    world = World(Options("mock-lock"))
    add_companion(world)
    world.app = Phone().routes
    address = str(world.start()["companion"]["address"])  # type: ignore[index,call-overload]
    companion = open_companion(address, RealClock(), tmp_path, request.param)
    yield world, companion
    companion.close()
    world.stop()


def words(screen: Screen) -> str:
    return " ".join(screen.text.split())


def test_the_screen_tells_title_path_status_and_visible_text(companion: Companion) -> None:
    screen = companion.screen()
    assert (screen.path, screen.title, screen.status) == ("/", "Home of <app>", 200)
    assert "Hello nobody" in screen.text
    assert "个人信息处理规则" in screen.text
    assert screen.at > 0


def test_hidden_text_is_not_part_of_the_screen(companion: Companion) -> None:
    assert "not on the screen" not in companion.screen().text


def test_controls_are_listed_in_order_with_their_accessible_names(companion: Companion) -> None:
    listed = [(one.kind, one.label, one.checked, one.enabled) for one in companion.screen().controls]
    assert listed[:4] == [
        ("link", "Go to form", None, True),
        ("switch", "Camera", True, True),
        ("button", "Greyed", None, False),
        ("link", "Twin", None, True),
    ]


def test_boxes_and_fields_tell_their_state(companion: Companion) -> None:
    companion.open("/form")
    found = {one.label: one for one in companion.screen().controls}
    assert found["Name"].value == "Anna"
    assert found["I agree separately"].checked is False
    assert found["Pre-ticked"].checked is True
    assert found["Name"].checked is None


def test_a_press_on_a_link_leads_to_the_next_screen(companion: Companion) -> None:
    companion.press("Go to form")
    assert companion.screen().path == "/form"


def test_labels_are_found_whatever_their_case_and_spaces(companion: Companion) -> None:
    companion.press("  go  TO form ")
    assert companion.screen().path == "/form"


def test_a_form_sends_what_was_filled_ticked_and_pressed(companion: Companion, app: Phone) -> None:
    companion.open("/form")
    companion.fill("Name", "李雷 & co")
    companion.fill("Code", "1234")
    companion.tick("I agree separately")
    companion.press("Decline")
    assert app.sent == [("/done", {"name": "李雷 & co", "code": "1234", "face": "on", "ads": "on", "press": "decline"})]
    assert companion.screen().title == "Done"
    assert words(companion.screen()).startswith("Done person 李雷 & co")


def test_a_box_that_is_not_ticked_is_not_sent(companion: Companion, app: Phone) -> None:
    companion.open("/form")
    companion.tick("Pre-ticked", False)
    companion.press("Continue")
    assert app.sent == [("/done", {"name": "Anna", "code": "", "press": "continue"})]


def test_what_was_filled_shows_in_the_screen_before_it_is_sent(companion: Companion, app: Phone) -> None:
    companion.open("/form")
    companion.fill("Name", "Bob")
    companion.tick("I agree separately")
    found = {one.label: one for one in companion.screen().controls}
    assert found["Name"].value == "Bob"
    assert found["I agree separately"].checked is True
    assert app.sent == []


def test_submit_presses_the_first_button(companion: Companion, app: Phone) -> None:
    companion.open("/form")
    companion.submit()
    assert app.sent[0][1]["press"] == "continue"


def test_a_switch_acts_at_once(companion: Companion, app: Phone) -> None:
    companion.tick("Camera", False)
    assert app.sent == [("/", {"camera": "off"})]
    assert companion.screen().controls[1].checked is False
    companion.tick("Camera", True)
    assert app.camera is True


def test_a_switch_that_is_already_so_is_left_alone(companion: Companion, app: Phone) -> None:
    companion.tick("Camera", True)
    assert app.sent == []
    assert companion.steps == 0


def test_steps_count_what_a_person_does(companion: Companion) -> None:
    companion.press("Go to form")
    companion.fill("Name", "Bob")
    companion.tick("I agree separately")
    companion.tick("I agree separately")
    companion.screen()
    companion.reload()
    companion.open("/form")
    companion.submit()
    assert companion.steps == 5
    companion.reset_steps()
    assert companion.steps == 0


def test_a_failed_press_is_no_step(companion: Companion) -> None:
    with pytest.raises(DeviceError):
        companion.press("No such thing")
    assert companion.steps == 0


def test_a_label_that_is_not_there_names_those_that_are(companion: Companion) -> None:
    with pytest.raises(DeviceError, match="link 'Go to form', switch 'Camera'") as caught:
        companion.press("Withdraw consent")
    assert caught.value.code == "DUT-APP-001"
    assert caught.value.cause == "dut"


def test_a_box_cannot_be_pressed_nor_a_link_be_ticked(companion: Companion) -> None:
    companion.open("/form")
    with pytest.raises(DeviceError):
        companion.press("Pre-ticked")
    companion.open("/")
    with pytest.raises(DeviceError):
        companion.tick("Go to form")


def test_a_greyed_control_is_told_from_a_missing_one(companion: Companion) -> None:
    with pytest.raises(DeviceError) as caught:
        companion.press("Greyed")
    assert caught.value.code == "DUT-APP-002"


def test_an_ambiguous_label_is_refused(companion: Companion) -> None:
    with pytest.raises(DeviceError) as caught:
        companion.press("Twin")
    assert caught.value.code == "DUT-APP-003"


def test_a_screen_without_buttons_cannot_be_submitted(companion: Companion) -> None:
    companion.open("/done")
    with pytest.raises(DeviceError) as caught:
        companion.submit()
    assert caught.value.code == "DUT-APP-001"


def test_a_screen_that_is_not_there_is_a_screen_with_its_status(companion: Companion) -> None:
    companion.press("Nowhere")
    screen = companion.screen()
    assert (screen.status, screen.title, screen.path) == (404, "Not found", "/nowhere")


def test_the_bench_does_not_follow_the_app_to_another_site(companion: Companion) -> None:
    companion.press("Shop")
    with pytest.raises(DeviceError) as caught:
        companion.press("Shop")
    assert caught.value.code == "DUT-APP-004"
    companion.open("/")
    assert companion.screen().path == "/"


def test_a_slow_screen_is_waited_for(companion: Companion) -> None:
    companion.press("Slow")
    assert companion.screen().title == "Slow"


def test_a_slow_answer_to_a_form_is_waited_for(companion: Companion, app: Phone) -> None:
    app.delay = 0.8
    companion.open("/form")
    companion.press("Continue")
    assert companion.screen().title == "Done"


def test_persons_have_sessions_of_their_own(companion: Companion) -> None:
    companion.open("/form")
    companion.fill("Name", "Olga")
    companion.press("Continue")
    companion.as_person("stranger")
    companion.open("/done")
    assert "Olga" not in companion.screen().text
    companion.as_person("owner")
    assert companion.screen().path == "/done"
    assert "person Olga" in companion.screen().text


def test_forget_is_an_app_installed_anew(companion: Companion) -> None:
    companion.open("/form")
    companion.fill("Name", "Olga")
    companion.press("Continue")
    companion.forget()
    companion.open("/done")
    assert "Olga" not in companion.screen().text


def test_hostile_text_is_shown_and_not_obeyed(companion: Companion) -> None:
    companion.open("/form")
    text = companion.screen().text
    assert "a<b>&amp;\"'\x1b[31m ../x" in text
    assert "end" in text
    assert companion.screen().title == "Form"


def test_a_picture_in_the_screen_comes_with_its_bytes(companion: Companion) -> None:
    companion.open("/form")
    (image,) = companion.screen().images
    assert (image.label, image.media_type, image.content) == ("Live view", "image/png", PNG)


def test_only_the_browser_has_pixels(companion: Companion) -> None:
    screen = companion.screen()
    if companion.door == "chromium":
        assert picture_or_refuse(screen)[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(picture_or_refuse(screen)[16:20], "big") == 780
        assert companion.screen(picture=False).picture is None
    else:
        with pytest.raises(MethodError) as caught:
            picture_or_refuse(screen)
        assert caught.value.code == "MET-COM-001"
        assert caught.value.cause == "method"


def test_waiting_for_a_screen_looks_again_until_it_comes(companion: Companion) -> None:
    found = wait_for_screen(companion, RealClock(), lambda screen: "load 4" in screen.text, 5.0)
    assert found is not None
    assert companion.steps == 0


def test_waiting_for_a_screen_that_never_comes_ends(companion: Companion) -> None:
    assert wait_for_screen(companion, RealClock(), lambda _: False, 0.1) is None


def test_an_app_without_a_device_says_so(opened: tuple[World, Companion], companion: Companion) -> None:
    opened[0].app = None
    companion.reload()
    assert companion.screen().title == "No device"


def test_an_app_that_crashes_is_a_screen_with_status_500(companion: Companion, app: Phone) -> None:
    app.routes.on("/form", lambda _: 1 / 0)  # type: ignore[arg-type,return-value]
    companion.press("Go to form")
    assert companion.screen().status == 500


def test_an_app_killed_in_mid_run_is_a_link_error(own: tuple[World, Companion]) -> None:
    world, companion = own
    world.far_end("companion").kill()
    with pytest.raises(LinkError) as caught:
        companion.press("Go to form")
    assert caught.value.code == "BEN-LNK-031"
    assert caught.value.cause == "bench"


def test_an_app_killed_while_it_answers_is_a_link_error(own: tuple[World, Companion]) -> None:
    world, companion = own
    threading.Timer(0.3, world.far_end("companion").kill).start()
    with pytest.raises(LinkError):
        companion.press("Slow")


def test_an_app_that_is_not_there_is_a_link_error(own: tuple[World, Companion], tmp_path: Path) -> None:
    with pytest.raises(LinkError) as caught:
        open_companion("http://127.0.0.1:9/", RealClock(), tmp_path, own[1].door)  # type: ignore[arg-type]
    assert caught.value.code == "BEN-LNK-031"


def test_closing_twice_is_safe(own: tuple[World, Companion]) -> None:
    own[1].close()
    own[1].close()


def test_auto_takes_the_browser_where_there_is_one(
    own: tuple[World, Companion], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = own[1].screen(picture=False) and own[0].far_end("companion")
    assert address is not None
    monkeypatch.setattr(channel, "find_browser", lambda: None)
    url = f"http://127.0.0.1:{own[0].far_end('companion')._server.server_address[1]}/"  # type: ignore[attr-defined]
    context = DriverContext("companion", RealClock(), tmp_path)
    assert CompanionChannel.open(CompanionChannel.Settings(address=url), context).door == "forms"


def test_asking_for_a_browser_that_is_not_there_is_a_method_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "find_browser", lambda: None)
    with pytest.raises(MethodError, match="apt install chromium") as caught:
        open_companion("http://127.0.0.1:9/", RealClock(), tmp_path, "chromium")
    assert caught.value.code == "MET-COM-002"


class _Raw(BaseHTTPRequestHandler):
    answer = b""

    def do_GET(self) -> None:
        self.wfile.write(self.answer)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "BEN-LNK-031"),
        (b"\x16\x03\x01 not http\r\n\r\n", "BEN-LNK-031"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:9/\r\nContent-Length: 0\r\n\r\n", "DUT-APP-004"),
    ],
    ids=["silence", "no HTTP", "elsewhere"],
)
@pytest.mark.parametrize("door", ["forms", CHROMIUM])
def test_a_page_that_is_no_page_is_an_error_of_the_tree(answer: bytes, code: str, door: str, tmp_path: Path) -> None:
    handler = type("Handler", (_Raw,), {"answer": answer})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        try:
            with pytest.raises((LinkError, DeviceError)) as caught:
                open_companion(address, RealClock(), tmp_path, door)  # type: ignore[arg-type]
        finally:
            server.shutdown()
    assert caught.value.code == code


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_closed_browser_leaves_no_process(opened: tuple[World, Companion], tmp_path: Path) -> None:
    before = _children()
    address = f"http://127.0.0.1:{opened[0].far_end('companion')._server.server_address[1]}/"  # type: ignore[attr-defined]
    companion = open_companion(address, RealClock(), tmp_path, "chromium")
    started = _children() - before
    assert started
    companion.close()
    assert RealClock().wait_for(lambda: not (_children() & started), 5.0)


def _children() -> set[int]:
    """Return the processes below this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if stat[0] != "Z":
                parents[int(entry.name)] = int(stat[1])
    found = {os.getpid()}
    while grown := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= grown
    return found - {os.getpid()}
