"""
The room in a browser: open the link of the demo's server, and be in.

Rules: the whole demo, on both servers, in one Chromium. Nothing may be asked of anybody but the
server. `make pictures` makes those that the documentation shows.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bot.demo import Server
from bot.demo.fetch import fetch
from bot.demo.page import GUEST, WEBSOCKET
from bot.demo.ports import claim_port
from bot.demo.speaker import Speaker
from bot.demo.stage import Stage, stage
from bot.demo.transcript import PERSON
from tests.bot.phone import answers
from tests.end_to_end.browser import Browser, Screen, browser
from tests.end_to_end.conftest import OwnServer

DESK = Screen(1280, 800)
PHONE = Screen(390, 844, scale=2, touch=True)
SMALL_PHONE = Screen(360, 740, scale=2, touch=True)

TABLE = "\n".join(f"{row}{'-' * 36}|" for row in range(3))
"""As wide as the bot's tables get: 38 columns."""

SAID = """[...document.querySelectorAll('[data-from$="/{nick}"] converse-chat-message-body')]"""
TEXTS = SAID + ".map(body => body.getAttribute('text'))"

ON_SCREEN = """(() => {{
  const box = {found}.at(-1)?.getBoundingClientRect();
  if (!box?.width) return false;
  const top = document.elementFromPoint(box.left + 5, box.top + 5);
  return box.right <= innerWidth && !!top?.closest('.chat-msg');
}})()"""


LOADED = """(() => {
  const image = document.querySelector("img.chat-image");
  if (!image) return null;
  image.onload = () => document.body.setAttribute("data-loaded", "1");
  if (!image.complete || !image.naturalWidth) return null;
  const box = image.getBoundingClientRect();
  return [image.naturalWidth, box.left, box.right, box.width];
})()"""
"""Of the first picture that somebody has said."""

POLICY = "Content Security Policy"

INTERNAL = ("data", "blob", "chrome")
"""Schemes of what a browser asks itself."""

UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Protocol": "xmpp",
    "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


@pytest.fixture(scope="session")
def running() -> Iterator[Browser]:
    """A browser, shared by all tests: to start one takes longer than to use it."""
    with browser() as one:
        yield one


@pytest.fixture
def chromium(running: Browser, lab: Stage) -> Iterator[Browser]:
    """A browser that has left when the lab goes."""
    yield running
    running.leave()


@pytest.fixture
async def lab(kind: type[Server], tmp_path: Path) -> AsyncIterator[Stage]:
    """The demo's lab."""
    await asyncio.to_thread(fetch)
    async with stage(
        tmp_path,
        kind.name,
        dress=lambda account, room: Speaker(account, room, PERSON, lambda _: None),
        say=lambda _: None,
    ) as ready:
        yield ready


class Visit:
    """Somebody who opens the page on a screen."""

    def __init__(self, browser: Browser, lab: Stage, screen: Screen) -> None:
        assert lab.server.page, lab.server.why_no_page
        self.browser = browser
        browser.size(screen)
        browser.open(lab.server.page)
        browser.until("document.activeElement.matches('.chat-textarea')")

    def heard(self, nick: str, text: str, *, times: int = 1) -> None:
        """Return when *nick* has said *text*, as many *times*, and it is to be seen."""
        self.browser.until(
            f"{TEXTS.format(nick=nick)}.filter(text => text.includes({text!r})).length >= {times}"
        )
        self.browser.until(ON_SCREEN.format(found=SAID.format(nick=nick)))

    def shoot(self, name: str) -> None:
        """Save a picture, if pictures are wanted."""
        if folder := os.environ.get("LABROOM_SHOTS"):
            self.browser.shoot(Path(folder) / name)

    def scrolls(self) -> list[str]:
        """What does not fit on the screen: the page in either direction, or a table's width."""
        found: list[str] = self.browser.value(
            "[document.documentElement, ...document.querySelectorAll('pre')].filter(e =>"
            " e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight ||"
            " e.getBoundingClientRect().right > innerWidth).map(e => e.outerHTML.slice(0, 80))"
        )
        return found

    def nothing_left_the_machine(self, *more: tuple[str, str]) -> None:
        """All requests went to the server, and the browser had nothing to complain of."""
        own = {(scheme, host) for scheme, host in self.browser.asked() if scheme not in INTERNAL}
        assert own == {("http", "localhost"), ("ws", "localhost"), *more}
        assert self.browser.complaints() == []


async def test_the_link_is_the_room_on_a_desk_and_on_a_phone(lab: Stage, chromium: Browser) -> None:
    desk = await asyncio.to_thread(Visit, chromium, lab, DESK)
    await asyncio.to_thread(run_a_test, desk, 1, "bob")
    assert "labbot" in chromium.value("document.querySelector('.occupant-list').innerText")
    desk.shoot("browser-1280.png")
    assert desk.scrolls() == []
    desk.nothing_left_the_machine()

    phone = await asyncio.to_thread(Visit, chromium, lab, PHONE)
    await asyncio.to_thread(run_a_test, phone, 2, "carol")
    phone.shoot("browser-390.png")
    lab.person.say(f"```\n{TABLE}\n```")
    lab.person.say("https://pictures.example/cat.png")
    await asyncio.to_thread(phone.heard, PERSON, "cat.png")
    assert phone.scrolls() == []
    chromium.size(SMALL_PHONE)
    assert phone.scrolls() == []
    phone.nothing_left_the_machine()


async def test_what_people_see_most_fits_a_phone(lab: Stage, chromium: Browser) -> None:
    phone = await asyncio.to_thread(Visit, chromium, lab, PHONE)
    for name, reply in (await answers()).items():
        lab.person.say(reply.body)  # as the bot would, in a lab of forty
        await asyncio.to_thread(phone.heard, PERSON, reply.text)
        assert phone.scrolls() == [], name
        if name in ("status", "forty"):  # the last shows them all
            phone.shoot(f"phone-{name}.png")


async def test_a_chart_is_shown_in_the_room_and_fits_a_phone(lab: Stage, chromium: Browser) -> None:
    """Where the browser has been told to trust the demo's authority, which is its own."""
    chromium.trust_anybody(True)
    try:
        phone = await asyncio.to_thread(Visit, chromium, lab, PHONE)
        natural, left, right, width = await asyncio.to_thread(draw_a_chart, phone)
        phone.shoot("chart-390.png")
        assert phone.scrolls() == []
        other = claim_port()
        for nobodys in (f"https://localhost:{other}/a.png", "https://pictures.example/a.png"):
            lab.person.say(nobodys)
            await asyncio.to_thread(phone.heard, PERSON, nobodys)
        blocked = phone.browser.complaints()
    finally:
        chromium.trust_anybody(False)
    assert natural == 2 * PHONE.width
    assert 0 <= left < right <= PHONE.width
    assert width >= 0.7 * PHONE.width
    assert blocked
    assert all(str(other) in each and POLICY in each for each in blocked)  # nobody was asked
    phone.nothing_left_the_machine(("https", "localhost"))


def draw_a_chart(visit: Visit) -> list[float]:
    """The width of the bot's picture, and where it is on the screen once it is there."""
    visit.browser.type("run memtest size=1M 6 times on bob")
    visit.heard("labbot", f"{GUEST}: job 1 pass")
    visit.browser.type("chart 1")
    visit.heard("labbot", "of 6 runs")
    shown: list[float] = visit.browser.until(LOADED)
    return shown


def run_a_test(visit: Visit, job: int, target: str) -> None:
    """What everybody tries first; *job* is its number."""
    visit.browser.type("status")
    visit.heard("labbot", "3 targets: 3 idle", times=job)
    visit.browser.type(f"run memtest size=8M on {target}")
    visit.heard("labbot", f"job {job}: memtest size=8M on {target}")
    visit.heard("labbot", f"{GUEST}: job {job} pass: memtest size=8M on {target}")


def test_no_other_page_of_the_same_browser_gets_in(own_server: OwnServer) -> None:
    fetch()
    page = urlsplit(str(own_server(page_for="lab@rooms.localhost").page))
    own, evil = f"http://{page.netloc}", "http://evil.example"
    with closing(HTTPConnection("127.0.0.1", int(page.port or 0), timeout=10)) as connection:

        def ask(path: str, origin: str, **headers: str) -> HTTPResponse:
            headers |= {"Host": page.netloc, "Origin": origin}
            connection.request("GET", path, headers=headers)
            return connection.getresponse()

        read = ask("/", evil)
        assert GUEST in read.read().decode()
        assert read.getheader("Access-Control-Allow-Origin") is None
        refused = ask(WEBSOCKET, evil, **UPGRADE)
        refused.read()
        assert refused.status == HTTPStatus.FORBIDDEN
        assert ask(WEBSOCKET, own, **UPGRADE).status == HTTPStatus.SWITCHING_PROTOCOLS


def test_without_converse_the_server_says_what_to_do(
    own_server: OwnServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABROOM_CONVERSE", str(tmp_path / "nothing"))
    server = own_server(page_for="lab@rooms.localhost")
    assert server.page is None
    assert server.why_no_page.startswith("Converse.js ")
    assert server.why_no_page.endswith("python -m bot.demo.fetch")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert server.why_no_page.startswith("npm is not installed: apt-get install npm, then ")
