"""Ready-made screens of typical flows, parametrised so that a known-bad app differs from a good one in one thing.

No behaviour lives here: what Agree or a switch does is the device builder's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_conformance.simulation.companion.screen import (
    CHINESE,
    AppScreen,
    Button,
    Checkbox,
    Control,
    Link,
    Paragraph,
    Picture,
    Switch,
    TextInput,
)

Text = Sequence[Paragraph | str]


@dataclass(frozen=True)
class Sensor:
    """One permission of the device: what the switch is called, the form name, its state."""

    name: str
    label: str
    on: bool
    note: str = ""


@dataclass(frozen=True)
class Member:
    """A user of the device as the app lists him."""

    id: str
    name: str
    enrolled: bool = False
    child: bool = False


def rules_screen(
    text: Text, *, path: str = "/rules", first_run: bool = True, decline: bool = True, title: str = "Before you start"
) -> AppScreen:
    """The processing rules. First run: with Agree (press=agree) and, unless left out, Decline (press=decline)."""
    controls: list[Control] = []
    if first_run:
        controls.append(Button("Agree", "agree", "同意", primary=True))
        if decline:
            controls.append(Button("Decline", "decline", "不同意"))
    else:
        controls.append(Link("Back", "/settings", "返回"))
    return AppScreen(path, title, tuple(text), tuple(controls))


@dataclass(frozen=True)
class ConsentStyle:
    """How a consent is asked for. The good one: a box of its own that is empty, and a way to say no."""

    box: bool = True
    """False: no box, going on is taken as consent."""
    ticked: bool = False
    """True: the box is ticked before anybody touched it."""
    bundled: tuple[str, ...] = ()
    """Further purposes that the same box covers."""
    decline: bool = True
    """False: there is only one way, forward."""
    notice: bool = True
    """False: asks without saying what for."""


def consent_screen(
    path: str,
    title: str,
    notice: Text,
    box: str,
    *,
    style: ConsentStyle | None = None,
    name: str = "consent",
    box_note: str = "",
) -> AppScreen:
    """One separate consent: notice, an empty box `name`, Continue (press=continue) and Decline (press=decline).

    Consent is given when Continue comes with the box ticked (or when the style has no box).
    """
    style = style or ConsentStyle()
    label = "; ".join([box, *style.bundled])
    controls: list[Control] = []
    if style.box:
        controls.append(Checkbox(label, name, style.ticked, box_note))
    controls.append(Button("Continue", "continue", "继续", primary=True))
    if style.decline:
        controls.append(Button("Decline", "decline", "不同意"))
    return AppScreen(path, title, tuple(notice) if style.notice else (), tuple(controls))


def face_consent_screen(
    model: str, *, style: ConsentStyle | None = None, path: str = "/consent/face", guardian: bool = False
) -> AppScreen:
    """The separate consent to process a face (Facial Recognition Measures art. 5 and 6); `guardian`: for a child."""
    whose, whose_zh = ("the face of your child", "您孩子的人脸信息") if guardian else ("your face", "您的人脸信息")
    notice = (
        Paragraph(
            f"{model}将处理{whose_zh}，用于开门识别。人脸信息属于敏感个人信息，只加密存储在本机内，不上传云端；"
            "您可以随时在“设置”中撤回同意，撤回后立即删除。您也可以选择密码等其他方式。",
            CHINESE,
            "notice",
        ),
        Paragraph(
            f"{model} will process {whose} to recognise you. This is sensitive personal information. It is kept "
            "encrypted on the device only and is not uploaded. You may withdraw at any time in Settings and it is then "
            "deleted at once. A PIN works as well.",
            style="notice",
        ),
    )
    box = f"I separately agree to the processing of {whose}"
    return consent_screen(
        path, "Face recognition", notice, box, style=style, name="face", box_note=f"我单独同意处理{whose_zh}"
    )


def cloud_consent_screen(
    what: tuple[str, str], *, style: ConsentStyle | None = None, path: str = "/consent/cloud"
) -> AppScreen:
    """The separate consent to send `what` (Chinese, English) to the cloud."""
    notice = (
        Paragraph(f"开启后，{what[0]}将上传至云端进行处理和存储。不开启不影响基本功能。", CHINESE, "notice"),
        Paragraph(
            f"When this is on, {what[1]} are uploaded to the cloud, processed and stored there. "
            "The basic functions work without it.",
            style="notice",
        ),
    )
    box = f"I separately agree to send {what[1]} to the cloud"
    return consent_screen(
        path, "Cloud service", notice, box, style=style, name="cloud", box_note=f"我单独同意将{what[0]}上传云端"
    )


def home_screen(model: str, links: Sequence[Link], text: Text = ()) -> AppScreen:
    """The first screen of an app that is set up."""
    return AppScreen("/", model, tuple(text), tuple(links))


def settings_screen(
    sensors: Sequence[Sensor], links: Sequence[Link] = (), *, path: str = "/settings", text: Text = ()
) -> AppScreen:
    """Permissions, one switch for each sensor (form: name=on|off), and links to the rest."""
    switches = [Switch(sensor.label, sensor.name, sensor.on, sensor.note) for sensor in sensors]
    return AppScreen(path, "Settings", tuple(text), (*switches, *links))


def members_screen(members: Sequence[Member], *, path: str = "/users", add: bool = True) -> AppScreen:
    """The users of the device, each a link to its own screen, and Add user."""
    links: list[Control] = [
        Link(member.name, f"{path}/{member.id}", "已录入人脸" if member.enrolled else "") for member in members
    ]
    if add:
        links.append(Link("Add user", f"{path}-add", "添加用户"))
    return AppScreen(path, "Users", () if members else ("There are no users yet.",), tuple(links))


def add_member_screen(*, path: str = "/users-add", ask_age: bool = True, problem: str = "") -> AppScreen:
    """Name and age of a new user; Save (press=save). The form holds `name` and `age`."""
    controls: list[Control] = [TextInput("Name", "name", note="姓名")]
    if ask_age:
        controls.append(TextInput("Age", "age", kind="number", note="年龄"))
    controls.append(Button("Save", "save", "保存", primary=True))
    return AppScreen(path, "Add user", (Paragraph(problem, style="notice"),) if problem else (), tuple(controls))


def member_screen(
    member: Member, *, path: str = "/users", enrol: bool = True, withdraw: bool = True, delete: bool = True
) -> AppScreen:
    """One user: Enrol face (press=enrol), Withdraw face consent (press=withdraw), Delete user (press=delete)."""
    controls: list[Control] = []
    if enrol and not member.enrolled:
        controls.append(Button("Enrol face", "enrol", "录入人脸", primary=True))
    if withdraw and member.enrolled:
        controls.append(Button("Withdraw face consent", "withdraw", "撤回人脸同意并删除"))
    if delete:
        controls.append(Button("Delete user", "delete", "删除用户"))
    state = "A face is enrolled." if member.enrolled else "No face is enrolled."
    text = (f"{state} This user is a child." if member.child else state,)
    return AppScreen(f"{path}/{member.id}", member.name, text, (*controls, Link("Back", path, "返回")))


def guardian_screen(*, path: str = "/consent/guardian", field: str = "Guardian code", problem: str = "") -> AppScreen:
    """Ask a parent or guardian to confirm: `code` in the form, Confirm (press=confirm), Decline (press=decline)."""
    text = (
        Paragraph("处理不满十四周岁未成年人的个人信息，须取得其父母或者其他监护人的同意。", CHINESE, "notice"),
        Paragraph("A parent or guardian must agree before a child under 14 can be enrolled.", style="notice"),
        *((problem,) if problem else ()),
    )
    controls = (
        TextInput(field, "code", kind="password", note="监护人验证码"),
        Button("Confirm", "confirm", "确认", primary=True),
        Button("Decline", "decline", "不同意"),
    )
    return AppScreen(path, "Guardian consent", text, controls)


def sign_in_screen(*, path: str = "/sign-in", problem: str = "") -> AppScreen:
    """Account and password; Sign in (press=sign-in). The form holds `account` and `password`."""
    controls = (
        TextInput("Account", "account", note="账号"),
        TextInput("Password", "password", kind="password", note="密码"),
        Button("Sign in", "sign-in", "登录", primary=True),
    )
    return AppScreen(path, "Sign in", (problem,) if problem else (), controls)


def account_screen(account: str, *, path: str = "/account", delete: bool = True) -> AppScreen:
    """The account: Sign out (press=sign-out) and Delete account (press=delete-account)."""
    controls: list[Control] = [Button("Sign out", "sign-out", "退出登录")]
    if delete:
        controls.append(Button("Delete account", "delete-account", "注销账号"))
    return AppScreen(path, "Account", (account,), (*controls, Link("Back", "/settings", "返回")))


def share_screen(shared_with: Sequence[str], *, path: str = "/share") -> AppScreen:
    """Share the device: `person` in the form with Share (press=share); Stop sharing with each (press=stop:NAME)."""
    stops = [Button(f"Stop sharing with {person}", f"stop:{person}", "停止共享") for person in shared_with]
    add = (TextInput("Share with", "person", note="共享给"), Button("Share", "share", "共享", primary=True))
    return AppScreen(path, "Sharing", (), (*stops, *add, Link("Back", "/settings", "返回")))


def confirm_screen(path: str, question: str, question_zh: str = "") -> AppScreen:
    """Ask once more: Confirm (press=confirm) or Cancel (press=cancel)."""
    text = (question, Paragraph(question_zh, CHINESE)) if question_zh else (question,)
    return AppScreen(
        path, "Are you sure?", text, (Button("Confirm", "confirm", "确认"), Button("Cancel", "cancel", "取消"))
    )


def live_screen(picture: bytes | None, *, path: str = "/live", media_type: str = "image/jpeg") -> AppScreen:
    """The camera's picture now, or the word that there is none."""
    shown: tuple[Control, ...] = () if picture is None else (Picture("Live view", picture, media_type),)
    text = () if shown else ("There is no picture at the moment.",)
    return AppScreen(path, "Live view", text, (*shown, Link("Back", "/", "返回")))


def message_screen(path: str, title: str, text: Text, back: str = "/", *, status: int = 200) -> AppScreen:
    """Say something and lead back."""
    return AppScreen(path, title, tuple(text), (Link("Back", back, "返回"),), status)
