"""The companion app without a browser: its forms over plain HTTP, with a cookie jar for each person. No pixels."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Collection
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import IO
from urllib.parse import unquote, urlencode, urljoin, urlsplit

from pytest_conformance.clock import Clock
from pytest_conformance.devices.channels.companion import (
    ANSWER,
    FILLED,
    LARGEST_PAGE,
    PRESSED,
    TICKED,
    Kind,
    Screen,
    find_control,
    first_button,
    silent,
    strayed,
)
from pytest_conformance.devices.channels.companion_page import Field, Page, read_page


@dataclass
class _Phone:
    """One person's phone: cookies and the page that it shows, as far as it was filled in."""

    opener: urllib.request.OpenerDirector
    url: str = ""
    status: int = 0
    at: int = 0
    page: Page = field(default_factory=Page)


class FormsCompanion:
    """See `companion.Companion`."""

    door = "forms"

    def __init__(self, address: str, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._phones: dict[str, _Phone] = {}
        self.person = "owner"
        self.steps = 0
        self._go(address)

    def open(self, path: str = "/") -> None:
        self.steps += 1
        self._go(urljoin(self._address, path))

    def screen(self, *, picture: bool = True) -> Screen:
        phone = self._phone()
        return Screen(
            path=unquote(urlsplit(phone.url).path),
            title=phone.page.title,
            text=phone.page.text,
            controls=tuple(control for _, control in phone.page.shown()),
            images=tuple(phone.page.images),
            status=phone.status,
            at=phone.at,
        )

    def reload(self) -> None:
        self._go(self._phone().url)

    def press(self, label: str) -> None:
        one = self._find(label, PRESSED)
        self.steps += 1
        if one.kind == "link":
            self._go(urljoin(self._phone().url, one.target))
        else:
            self._send(one)

    def tick(self, label: str, on: bool = True) -> None:
        one = self._find(label, TICKED)
        if one.checked == on:
            return
        self.steps += 1
        if one.kind == "switch":
            self._send(one)
        else:
            one.checked = on

    def fill(self, label: str, text: str) -> None:
        one = self._find(label, FILLED)
        self.steps += 1
        one.value = text

    def submit(self) -> None:
        self.press(first_button(self.screen()))

    def as_person(self, name: str) -> None:
        self.person = name
        if name not in self._phones or not self._phones[name].status:
            self._go(self._address)

    def reset_steps(self) -> None:
        self.steps = 0

    def forget(self) -> None:
        self._phones.clear()
        self._go(self._address)

    def close(self) -> None:
        self._phones.clear()

    def _phone(self) -> _Phone:
        if self.person not in self._phones:
            opener = urllib.request.build_opener(
                urllib.request.ProxyHandler({}),
                urllib.request.HTTPCookieProcessor(CookieJar()),
                _Inside(self._address),
            )
            self._phones[self.person] = _Phone(opener, self._address)
        return self._phones[self.person]

    def _find(self, label: str, kinds: Collection[Kind]) -> Field:
        position = find_control(self.screen(), label, kinds)
        return self._phone().page.shown()[position][0]

    def _send(self, pressed: Field) -> None:
        """Send the form of `pressed` as a browser would: fields in order, of the buttons only the pressed one."""
        phone = self._phone()
        sent: list[tuple[str, str]] = []
        for one in phone.page.fields:
            if one.form != pressed.form or not one.name or not one.enabled:
                continue
            if one is pressed or one.kind in ("text", "hidden") or (one.kind == "checkbox" and one.checked):
                sent.append((one.name, one.value))
        body = urlencode(sent, errors="replace")
        form = phone.page.forms[pressed.form] if pressed.form >= 0 else None
        if form is None:
            return
        target = urljoin(phone.url, form.action)
        if form.method == "post":
            self._go(target, body.encode("ascii"))
        else:
            self._go(f"{target.partition('?')[0]}?{body}")

    def _go(self, url: str, body: bytes | None = None) -> None:
        if _origin(url) != _origin(self._address):
            raise strayed(self._address, url)
        phone = self._phone()
        try:
            with self._answer(phone, url, body) as answer:
                content = answer.read(LARGEST_PAGE + 1)
                phone.url, phone.status = answer.geturl(), answer.status
                charset = answer.headers.get_content_charset() or "utf-8"
        except (OSError, http.client.HTTPException) as error:
            raise silent(self._address, str(error) or type(error).__name__) from error
        if len(content) > LARGEST_PAGE:
            raise silent(self._address, f"the page is larger than {LARGEST_PAGE} bytes")
        phone.page = read_page(content.decode(charset, "replace"))
        phone.at = self._clock.now()

    def _answer(self, phone: _Phone, url: str, body: bytes | None) -> http.client.HTTPResponse:
        try:
            answer: http.client.HTTPResponse = phone.opener.open(url, body, ANSWER)
        except urllib.error.HTTPError as error:
            return error  # type: ignore[return-value]
        return answer


class _Inside(urllib.request.HTTPRedirectHandler):
    """Follows redirects within the app only."""

    def __init__(self, address: str) -> None:
        self._address = address

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if _origin(newurl) != _origin(self._address):
            raise strayed(self._address, newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
