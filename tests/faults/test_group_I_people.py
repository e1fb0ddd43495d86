"""Group I, the people at the bench: what they are asked on the page, who answers, and what counts as an answer."""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from pytest_conformance.bench.golden import Check, Judged, Ledger, now
from pytest_conformance.reports.reading import read_record

ROLE = """
  operator:
    driver: page-operator
    address: 127.0.0.1:0
    logins: {{anna: 'env:PIN_ANNA', bob: 'env:PIN_BOB'}}
    timeout: {timeout}
    {more}"""
PINS = {"PIN_ANNA": "4711", "PIN_BOB": "0815"}
ASKS = """
@clause("CN-FRT-8.a")
def test_it(powered, operator):
    assert operator.ask("Hold S1 before the device.")
    (HERE / "answered").touch()
    until = time.monotonic() + 30
    while time.monotonic() < until and not (HERE / "go").exists():
        time.sleep(0.02)
"""
ENTERS = """
@clause("CN-FRT-8.a")
def test_it(powered, operator):
    assert operator.enter("Temperature beside the device", "degC", 10, 40) == 23.5
"""


class Browser:
    """A browser that somebody has logged in with: keeps its cookie, reads pages, sends forms."""

    def __init__(self, url: str) -> None:
        self.where = urlsplit(url).netloc
        self.cookie = ""
        self.page = ""

    def send(self, path: str = "/", **fields: str) -> int:
        connection = http.client.HTTPConnection(self.where, timeout=10)
        headers = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(fields) if fields else None
        connection.request("POST" if fields else "GET", path, body=body, headers=headers)
        answer = connection.getresponse()
        self.page = answer.read().decode()
        self.cookie = (answer.getheader("Set-Cookie") or self.cookie).partition(";")[0]
        connection.close()
        return answer.status

    def log_in(self, name: str, pin: str = "") -> int:
        return self.send("/login", name=name, pin=pin or PINS[f"PIN_{name.upper()}"])

    def answer(self, line: str, **more: str) -> int:
        found = re.search(r'name="number" value="(\d+)"', self.page)
        assert found, self.page
        return self.send("/answer", number=found[1], answer=line, **more)


GOLDEN = """
golden:
  samples:
    - {name: GS, dut: mock-lock, clauses: [CN-FRT-8.a], must: PASS}
    - {name: KB, dut: mock-lock, clauses: [CN-FRT-8.a], must: FAIL}
"""


@pytest.fixture
def asked(begin: Any, bench_file: Any, until: Any) -> Callable[..., tuple[Any, Callable[..., Browser]]]:
    """Begin a run that asks something; return it, and what opens browsers on the page."""

    def start(
        source: str, *options: str, more: str = "", timeout: str = "60 s", **parts: Any
    ) -> tuple[Any, Callable[..., Browser]]:
        ran = begin(source, bench_file(roles=ROLE.format(more=more, timeout=timeout), **parts), *options, **PINS)
        ran.until_powered()
        (page,) = [each.data["serial"] for each in ran.events("descriptor") if each.data["of"] == "operator"]

        def browser(name: str = "") -> Browser:
            made = Browser(page)
            if name:
                assert made.log_in(name) == 200
                until(lambda: made.send() == 200 and 'name="number"' in made.page, 20, "the question")
            return made

        return ran, browser

    return start


def said(ran: Any) -> list[Any]:
    return [each.data for each in ran.events("operator")]


def test_I01_nobody_answers(asked: Any, far: Any, until: Any) -> None:
    """A question that nobody answers: a reminder on the page, then INCONCLUSIVE(operator); never a yes; power off."""
    ran, browser = asked(ASKS, more="reminder: 700 ms", timeout="6 s")
    anna = browser("anna")
    assert "Hold S1 before the device." in anna.page
    until(lambda: anna.send() and "Still waiting. Hold S1" in anna.page, 20, "the reminder")
    ran.end()

    assert ran.verdict("CN-FRT-8.a") == ("INCONCLUSIVE", "operator"), ran.out
    assert ran.events("verdict")[0].data["code"] == "OPR-ASK-001"
    assert said(ran) == [{"prompt": "Hold S1 before the device.", "answer": "none in time"}]
    assert not far.powered()


def test_I02_browsers_come_and_go(asked: Any, far: Any, until: Any) -> None:
    """A page loaded again, a connection that breaks, a second browser: the question stays, and one answer counts."""
    ran, browser = asked(ASKS)
    anna = browser("anna")
    assert Browser(f"http://{anna.where}/").log_in("bob", "4711") == 403, "somebody else's PIN"
    anna.send()
    assert "Hold S1 before the device." in anna.page, "loaded again"
    broken = socket.create_connection(anna.where.split(":"))  # type: ignore[arg-type]
    broken.sendall(b"POST /answer HTTP/1.1\r\nContent-Length: 500\r\n\r\nanswer=")
    broken.close()
    bob = browser("bob")
    bob.answer("")
    assert "done: recorded" in bob.page
    until(lambda: (ran.here / "answered").exists(), 20, "the answer")
    anna.send()
    assert "bob answered: done." in anna.page
    (ran.here / "go").touch()
    ran.end()

    assert ran.verdict("CN-FRT-8.a") == ("PASS", None), ran.out
    assert said(ran) == [{"prompt": "Hold S1 before the device.", "answer": "done", "person": "bob"}]
    assert not far.powered()


def test_I03_two_answers_that_contradict(asked: Any, until: Any) -> None:
    """Done, says one; skip, says the other: the first one counts, the second is recorded and shown as a conflict."""
    ran, browser = asked(ASKS)
    anna, bob = browser("anna"), browser("bob")
    anna.answer("")
    until(lambda: (ran.here / "answered").exists(), 20, "the answer")
    bob.answer("s")
    assert "Conflict: anna answered" in bob.page
    (ran.here / "go").touch()
    ran.end()

    assert ran.verdict("CN-FRT-8.a") == ("PASS", None), ran.out
    first, second = said(ran)
    assert (first["person"], first["answer"]) == ("anna", "done")
    assert (second["person"], second["answer"], second["conflict"]) == ("bob", "skip", "anna answered 'done' first")
    assert any(each.startswith("conflict: anna answered") for each in read_record(ran.folder).notes)
    assert "conflict: anna answered" in (ran.folder / "report.html").read_text("utf-8")


def test_I04_a_person_who_is_not_authorised(asked: Any, until: Any, tmp_path: Path) -> None:
    """Not authorised for the clause, or logged in too long ago: no answer; overridden, the run is not accredited."""
    calibrated = "calibration: {certificate: c, body: b, due: 2999-01-01}"
    Ledger(tmp_path / "state", "own").add_check(Check("opening", now(), "anna", (Judged("GS", "PASS", "run"),)))
    ran, browser = asked(
        ASKS,
        "--accredited",
        more="session: 3 s\n    methods: {anna: ['EN303645-*'], bob: ['CN-*']}",
        supply=calibrated,
        rest=f"validated: {version('pytest-conformance')}\n{GOLDEN}",
    )
    bob = browser("bob")
    anna = browser("anna")
    anna.answer("")
    assert "anna is not authorised for CN-FRT-8.a" in anna.page
    until(lambda: bob.send() == 200 and 'name="pin"' in bob.page, 20, "the end of the log-in")
    assert bob.send("/answer", number="1", answer="") == 403
    assert "has expired" in bob.page
    assert not (ran.here / "answered").exists()
    anna = browser("anna")
    anna.answer("", override="nobody else is here")
    until(lambda: (ran.here / "answered").exists(), 20, "the answer")
    (ran.here / "go").touch()
    ran.end()

    assert ran.verdict("CN-FRT-8.a") == ("PASS", None), ran.out
    refused, accepted = said(ran)
    assert refused["refused"] == "not authorised: CN-FRT-8.a"
    assert (accepted["person"], accepted["override"]) == ("anna", "nobody else is here")
    assert ran.events("start")[0].data["header"]["accredited"] is True
    record = read_record(ran.folder)
    assert record.header["accredited"] is False
    assert any(each.startswith("not accredited: anna is not authorised") for each in record.notes)


def test_I06_values_that_are_typed(asked: Any, far: Any) -> None:
    """A decimal comma, other digits, another unit, none, what is not plausible: asked again; every entry is kept."""
    ran, browser = asked(ENTERS)
    anna = browser("anna")
    wrong = ["23,5 degC", "２３.5 degC", "23.5 V", "23.5", "95 degC"]
    for line in wrong:
        anna.answer(line)
        assert 'class="said"' in anna.page, line
    assert "95 degC is not plausible" in anna.page
    anna.answer("23.5 degC")
    ran.end()

    assert ran.verdict("CN-FRT-8.a") == ("PASS", None), ran.out
    entries = said(ran)
    assert [each["answer"] for each in entries] == [*wrong, "23.5 degC"]
    assert [bool(each.get("refused")) for each in entries] == [True] * len(wrong) + [False]
    assert {each["person"] for each in entries} == {"anna"}
    assert not far.powered()
