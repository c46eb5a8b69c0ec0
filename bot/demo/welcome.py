"""The terminal's first screen: what this is, three lines to try, and how others come in."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from bot.demo.page import GUEST
from bot.demo.server import Server
from bot.report.text import listed

TRY = {
    "status": "what the machines do",
    "run memtest size=16M on bob": "a real memory test, some seconds",
    "reboot carol": "the bot says when she is back",
}
"""Lines to begin with, and what they do."""

LABEL = 12
"""Columns of the words on the left."""


def welcome(server: Server, room: str, targets: Sequence[str]) -> Iterator[Text]:
    """Its lines. The password is shown because nobody outside of this computer gets in."""
    yield Text()
    yield Text.assemble(
        ("You are in the lab's chat room", "bold"), f", with labbot, {listed(targets)}. Try:"
    )
    yield Text()
    for line, about in TRY.items():
        yield Text.assemble("    ", (f"{line:<30}", "yellow"), (about, "dim"))
    yield Text()
    yield Text("Tab completes, ↑ repeats, help tells more; Ctrl-D ends the demo.")
    yield Text()
    yield from _row("Browser", server.page or f"no page: {server.why_no_page}")
    yield from _row(
        "Any client",
        f"{GUEST}@{server.domain}, password {GUEST}, room {room}",
        f"server {server.host}, port {server.port}, STARTTLS, CA certificate",
        str(server.ca),
    )
    yield from _row(
        "profanity",
        f"/connect {GUEST}@{server.domain} server {server.host} port {server.port} tls trust",
        f"/join {room}",
    )
    yield Text()


def _row(label: str, *lines: str) -> Iterator[Text]:
    for index, line in enumerate(lines):
        yield Text.assemble((f"{label if index == 0 else '':<{LABEL}}", "dim"), line)
