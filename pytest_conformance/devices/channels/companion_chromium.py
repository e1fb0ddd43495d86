"""The companion app in a real browser: Playwright and chromium on a thread of their own, loopback only."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

from pytest_conformance.clock import Clock
from pytest_conformance.devices.channels.companion import (
    ANSWER,
    FILLED,
    PRESSED,
    TICKED,
    Control,
    Kind,
    Screen,
    find_control,
    first_button,
    silent,
    strayed,
)
from pytest_conformance.devices.channels.companion_page import inline_image, lines
from pytest_conformance.errors import ConformanceError, InstrumentError

T = TypeVar("T")

PHONE = {"width": 390, "height": 844}
"""Viewport in CSS pixels."""
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
CONTROLS = "a[href], button, input:not([type=hidden]), textarea"
READ = """
(selector) => {
  const seen = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden';
  const named = (e) => e.getAttribute('aria-label')
    || (e.labels && e.labels.length ? e.labels[0].innerText : '')
    || (e.tagName === 'INPUT' ? (['submit', 'button'].includes(e.type) ? e.value : '') : e.innerText) || '';
  const kind = (e) => {
    if (e.tagName === 'A') return 'link';
    if (e.tagName === 'BUTTON') return e.getAttribute('role') === 'switch' ? 'switch' : 'button';
    if (e.tagName === 'TEXTAREA') return 'text';
    if (e.type === 'checkbox') return 'checkbox';
    if (['submit', 'button'].includes(e.type)) return 'button';
    return ['text', 'password', 'email', 'number', 'tel', 'search', 'url'].includes(e.type) ? 'text' : null;
  };
  const controls = [];
  document.querySelectorAll(selector).forEach((e, position) => {
    const what = kind(e);
    if (what === null || !seen(e)) return;
    const checked = what === 'checkbox' ? e.checked
      : what === 'switch' ? e.getAttribute('aria-checked') === 'true' : null;
    controls.push({position, kind: what, label: named(e), name: e.getAttribute('name') || '', checked,
                   value: what === 'text' ? e.value : '', enabled: !e.disabled});
  });
  const images = [...document.images].filter(seen).map((e) => ({label: e.alt, source: e.getAttribute('src') || ''}));
  return {title: document.title, text: document.body ? document.body.innerText : '', controls, images};
}
"""


TURN = 20
"""Milliseconds after a click in which a page begins to go elsewhere."""


@dataclass
class _Phone:
    """One person's browser context and the page in it."""

    context: Any
    page: Any
    status: int = 0
    at: int = 0
    url: str = ""
    """The last page that stood."""
    target: str = ""
    """Where the newest navigation, redirects included, led to."""


class ChromiumCompanion:
    """See `companion.Companion`. Playwright's synchronous API is bound to the thread that started it: all of it
    happens on one worker thread, so that the caller's thread may hold any event loop or none."""

    door = "chromium"

    def __init__(self, address: str, clock: Clock, browser: str) -> None:
        self._address = address
        self._clock = clock
        self._executable = browser
        self._phones: dict[str, _Phone] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="companion")
        self._playwright: Any = None
        self._browser: Any = None
        self._closed = False
        self.person = "owner"
        self.steps = 0
        try:
            self._do(self._launch)
            self._do(lambda: self._go(address))
        except BaseException:
            self.close()
            raise

    def open(self, path: str = "/") -> None:
        self.steps += 1
        self._do(lambda: self._go(urljoin(self._address, path)))

    def screen(self, *, picture: bool = True) -> Screen:
        return self._do(lambda: self._screen(picture)[0])

    def reload(self) -> None:
        self._do(lambda: self._go(self._phone().url or self._address))

    def press(self, label: str) -> None:
        self._do(lambda: self._press(label))

    def tick(self, label: str, on: bool = True) -> None:
        self._do(lambda: self._tick(label, on))

    def fill(self, label: str, text: str) -> None:
        self._do(lambda: self._fill(label, text))

    def submit(self) -> None:
        self._do(lambda: self._press(first_button(self._screen(False)[0])))

    def as_person(self, name: str) -> None:
        self.person = name
        if name not in self._phones or not self._phones[name].url:
            self._do(lambda: self._go(self._address))

    def reset_steps(self) -> None:
        self.steps = 0

    def forget(self) -> None:
        self._do(self._forget)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            self._worker.submit(self._shut).result(ANSWER)
        except Late:
            pass
        finally:
            self._worker.shutdown(wait=False, cancel_futures=True)

    def _do(self, act: Callable[[], T]) -> T:
        """Run `act` on the worker thread; what the browser reports becomes a LinkError."""
        if self._closed:
            raise silent(self._address, "the channel was closed")
        from playwright.sync_api import Error

        try:
            return self._worker.submit(act).result(4 * ANSWER)
        except Late:
            raise silent(self._address, "the browser hangs") from None
        except Error as error:
            raise silent(self._address, str(error).partition("\n")[0]) from error

    def _launch(self) -> None:
        from playwright.sync_api import Error, sync_playwright

        host = urlsplit(self._address).hostname or "127.0.0.1"
        flags = [*FLAGS, f"--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE {host}"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")
        self._playwright = sync_playwright().start()
        try:
            self._browser = self._playwright.chromium.launch(
                executable_path=self._executable, args=flags, headless=True, timeout=30_000
            )
        except Error as error:
            raise InstrumentError(
                "BEN-INS-031",
                f"the browser did not start: {str(error).partition(chr(10))[0]}",
                where=self._executable,
                expected="chromium running without a window",
                todo="run it by hand with --headless --dump-dom about:blank, or set door: forms for the companion",
            ) from error

    def _shut(self) -> None:
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()

    def _forget(self) -> None:
        for phone in self._phones.values():
            phone.context.close()
        self._phones.clear()
        self._go(self._address)

    def _phone(self) -> _Phone:
        if self.person not in self._phones:
            context = self._browser.new_context(
                viewport=PHONE, device_scale_factor=2, locale="en", service_workers="block"
            )
            context.set_default_timeout(ANSWER * 1000)
            phone = _Phone(context, context.new_page())
            phone.page.on("request", lambda request: self._asked(phone, request))
            phone.page.on("response", lambda response: self._answered(phone, response))
            self._phones[self.person] = phone
        return self._phones[self.person]

    def _asked(self, phone: _Phone, request: Any) -> None:
        if request.is_navigation_request() and request.frame == phone.page.main_frame:
            phone.target = str(request.url)

    def _answered(self, phone: _Phone, response: Any) -> None:
        if response.request.is_navigation_request() and response.frame == phone.page.main_frame:
            phone.status = response.status

    def _go(self, url: str) -> None:
        if not _inside(url, self._address):
            raise strayed(self._address, url)
        from playwright.sync_api import Error

        phone = self._phone()
        phone.target = url
        try:
            phone.page.goto(url, wait_until="load")
        except Error as error:
            raise self._failed(phone, str(error).partition("\n")[0]) from error
        self._settled(phone)

    def _settled(self, phone: _Phone) -> None:
        """Wait until the page stands; an error page of the browser is an app that does not answer."""
        phone.page.wait_for_load_state("load")
        url = str(phone.page.url)
        if not _inside(url, self._address):
            raise self._failed(phone, "the browser shows its own error page")
        phone.url, phone.at = url, self._clock.now()

    def _failed(self, phone: _Phone, why: str) -> ConformanceError:
        if phone.target and not _inside(phone.target, self._address):
            return strayed(self._address, phone.target)
        return silent(self._address, why)

    def _screen(self, picture: bool) -> tuple[Screen, list[int]]:
        """Return the screen, and for each control its position among the page's controls."""
        phone = self._phone()
        if not _inside(str(phone.page.url), self._address):
            raise silent(self._address, "the browser shows its own error page")
        read = phone.page.evaluate(READ, CONTROLS)
        found = read["controls"]
        controls = tuple(
            Control(
                one["kind"], " ".join(one["label"].split()), one["name"], one["checked"], one["value"], one["enabled"]
            )
            for one in found
        )
        screen = Screen(
            path=unquote(urlsplit(phone.page.url).path),
            title=" ".join(read["title"].split()),
            text=lines(read["text"]),
            controls=controls,
            images=tuple(inline_image(one["source"], one["label"]) for one in read["images"]),
            picture=phone.page.screenshot(full_page=True, animations="disabled") if picture else None,
            status=phone.status,
            at=phone.at,
        )
        return screen, [one["position"] for one in found]

    def _find(self, label: str, kinds: Collection[Kind]) -> tuple[Control, Any]:
        screen, positions = self._screen(False)
        number = find_control(screen, label, kinds)
        return screen.controls[number], self._phone().page.locator(CONTROLS).nth(positions[number])

    def _press(self, label: str) -> None:
        _, element = self._find(label, PRESSED)
        self.steps += 1
        self._click(element)

    def _tick(self, label: str, on: bool) -> None:
        control, element = self._find(label, TICKED)
        if control.checked == on:
            return
        self.steps += 1
        if control.kind == "switch":
            self._click(element)
        else:
            element.set_checked(on)

    def _fill(self, label: str, text: str) -> None:
        _, element = self._find(label, FILLED)
        self.steps += 1
        element.fill(text)

    def _click(self, element: Any) -> None:
        """Click and wait for the screen that follows, when the click leads to one."""
        phone = self._phone()
        phone.target = ""
        element.click()
        phone.page.wait_for_timeout(TURN)
        self._settled(phone)


def _inside(url: str, address: str) -> bool:
    return urlsplit(url)[:2] == urlsplit(address)[:2]
