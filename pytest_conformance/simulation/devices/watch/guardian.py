"""What the guardian controls: time, apps, spending, and which content a child may open."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from pytest_conformance.simulation.devices.base import Device, verb
from pytest_conformance.simulation.devices.behaviours import Storage
from pytest_conformance.simulation.devices.owner import Kept, Owner
from pytest_conformance.simulation.devices.ui import Panel
from pytest_conformance.simulation.devices.watch.senses import HeartRate, Steps
from pytest_conformance.simulation.farend import Json
from pytest_conformance.simulation.timeline import SECOND, Timer

APPS: Mapping[str, str] = {"game": "Games", "video": "Videos", "browser": "Browser"}
"""Apps that the guardian can forbid and that count as screen time, with their labels."""
BAD_WORDS = re.compile(
    "gambl|casino|betting|lottery|cigarette|tobacco|vape|alcohol|vodka|beer|drunk|drugs|cannabis|pills|knife|gun|weapon"
    "|explosive|bomb|porn|nude|adult|sexual|suicid|harm myself|self-harm|anorexia|starve|fist fight|beating|gore"
    "|torture|cult|curse|fortune|choking|dare|train surf|hate|racist|bully|blackmail|meet a stranger|terror"
)
"""What makes the filter block a query or address."""


class Controls(Kept):
    """The guardian's decisions: minutes a day (0: no limit), forbidden apps, money a month, content filter on."""

    slot = "controls"
    record = "controls"

    def minutes(self) -> int:
        return int(self.load().get("minutes", 0))

    def allowed(self, app: str) -> bool:
        """Tell whether the guardian allows `app`."""
        return app not in self.load().get("forbidden", [])

    def opens(self, app: str) -> bool:
        """Tell whether the watch opens `app`."""
        return self.allowed(app)

    def budget(self) -> int:
        return int(self.load().get("budget", 0))

    def set_minutes(self, minutes: int) -> None:
        self.save({**self.load(), "minutes": minutes})

    def allow(self, app: str, on: bool) -> None:
        forbidden = set(self.load().get("forbidden", [])) - {app}
        self.save({**self.load(), "forbidden": sorted(forbidden if on else forbidden | {app})})

    def set_budget(self, money: int) -> None:
        self.save({**self.load(), "budget": money})


class Filter(Kept):
    """Tells harmful from harmless by words."""

    slot = "filter"

    def harmful(self, query: str) -> bool:
        """Tell whether a child should not see what `query` finds."""
        return BAD_WORDS.search(query.lower()) is not None


class Use(Kept):
    """What the child does on the watch: opens functions and apps, searches, buys; counts the time of the day."""

    slot = "use"
    record = "use"
    look: ClassVar[float] = 10.0
    """Seconds between two looks at the time that is left."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.open_app = ""
        self._opened_at = 0
        self._timer: Timer | None = None

    def status(self) -> Mapping[str, Json]:
        return {"open": self.open_app, "used_seconds": self.used_seconds(), "spent": self.spent()}

    def used_seconds(self) -> int:
        """Return for how long apps were open today."""
        running = (self.world.timeline.now() - self._opened_at) // SECOND if self.open_app else 0
        return int(self.load().get("seconds", 0)) + running

    def spent(self) -> int:
        return int(self.load().get("spent", 0))

    def over(self) -> bool:
        """Tell whether the time of the day is used up."""
        limit = self.device.get(Controls).minutes() * 60
        return bool(limit) and self.used_seconds() >= limit

    @verb("open")
    def open(self, name: str) -> Json:
        """The child opens a function ("time", "steps", "heart") or an app."""
        pages = {"time": self._time, "steps": self._steps, "heart": self._heart}
        if name in pages:
            self.device.get(Panel).show(name, name, pages[name]())
        elif name not in APPS:
            self.device.get(Panel).show("missing", "没有此应用 / There is no such app", name)
        elif not self.device.get(Controls).opens(name):
            self.device.get(Panel).show("forbidden", "监护人已禁用 / Your guardian has switched this off", name)
        elif self.over():
            self._show_over()
        else:
            self._begin(name)
        return {}

    @verb("close")
    def close(self) -> Json:
        """The child leaves what is open."""
        self._finish()
        self.device.get(Panel).show("time", "time", self._time())
        return {}

    @verb("search")
    def search(self, query: str) -> Json:
        """The child looks for something, or opens an address, in the browser."""
        self.open("browser")
        if self.open_app == "browser":
            harmful = self.device.get(Filter).harmful(query)
            title = "内容已拦截 / This page is blocked" if harmful else "Page"
            self.device.get(Panel).show("blocked" if harmful else "page", title, query)
        return {}

    @verb("buy")
    def buy(self, item: str, price: int) -> Json:
        """The child tries to buy something."""
        if self.may_buy(price):
            self.save({**self.load(), "spent": self.spent() + price})
            self.device.get(Panel).show("bought", "已购买 / Bought", item)
        else:
            self.device.get(Panel).show("refused", "超出限额 / Above your guardian's limit", item)
        return {}

    def may_buy(self, price: int) -> bool:
        """Tell whether the guardian's budget covers `price`."""
        return self.spent() + price <= self.device.get(Controls).budget()

    # --- inside

    def _begin(self, name: str) -> None:
        self._finish()
        self.open_app, self._opened_at = name, self.world.timeline.now()
        self._timer = self.device.every(self.look, self._watch)
        self.device.get(Panel).show("app", APPS[name], name)

    def _finish(self) -> None:
        if self.open_app:
            self.save({**self.load(), "seconds": self.used_seconds()})
        self.open_app = ""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self) -> None:
        if self.over():
            self._finish()
            self._show_over()

    def _show_over(self) -> None:
        self.device.get(Panel).show("time-over", "时间到了 / Time is over")

    def _time(self) -> str:
        minutes = self.device.uptime_ms // 60_000
        return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"

    def _steps(self) -> str:
        return str(self.device.get(Steps).total)

    def _heart(self) -> str:
        history = self.device.get(HeartRate).history()
        return f"{history[-1]} / min" if history else "--"


class Pin(Kept):
    """The guardian's PIN on the watch itself: lets the guardian end a time limit; five wrong ones, then 300 s pause."""

    slot = "pin"
    record = "pin-lockout"
    tries: ClassVar[int] = 5
    seconds: ClassVar[float] = 300.0

    @verb("pin")
    def typed(self, digits: str) -> Json:
        """Somebody types the guardian's PIN on the watch."""
        now, state = self.world.timeline.now(), self.load()
        if now < int(state.get("until", 0)):
            result = "refused"
        elif self.device.get(Owner).knows(digits):
            self.device.get(Storage).drop(self.record)
            result = "ok"
        else:
            wrong = int(state.get("wrong", 0)) + 1
            self.save({"until": now + int(self.seconds * SECOND)} if wrong >= self.tries else {"wrong": wrong})
            result = "wrong"
        self.device.get(Panel).show(f"pin-{result}", f"PIN {result}")
        return {"result": result}
