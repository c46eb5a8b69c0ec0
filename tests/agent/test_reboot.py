"""A ticket is good once, for whom it was given, and not for long."""

import asyncio
import sys

import pytest

from agent.reboot import BadTicket, Tickets, restart
from tests.virtual_time import virtual

BOT, OTHER = "labbot@lab.example", "otherbot@lab.example"


@pytest.fixture
def tickets() -> Tickets:
    return Tickets(lifetime=10)


def test_a_fresh_ticket_is_good_to_the_last_second(tickets: Tickets) -> None:
    tickets.spend(tickets.issue(BOT, 100), BOT, 110)


def test_a_ticket_is_good_once(tickets: Tickets) -> None:
    ticket = tickets.issue(BOT, 100)
    tickets.spend(ticket, BOT, 101)
    with pytest.raises(BadTicket, match="no valid ticket"):
        tickets.spend(ticket, BOT, 102)


def test_a_late_order_is_refused_with_how_late(tickets: Tickets) -> None:
    ticket = tickets.issue(BOT, 100)
    with pytest.raises(BadTicket, match="on its way for 300 s, and may be for 10 s"):
        tickets.spend(ticket, BOT, 400)
    with pytest.raises(BadTicket):
        tickets.spend(ticket, BOT, 101)


def test_a_foreign_ticket_is_no_good_and_is_void_then(tickets: Tickets) -> None:
    ticket = tickets.issue(BOT, 100)
    with pytest.raises(BadTicket, match="no valid ticket"):
        tickets.spend(ticket, OTHER, 101)
    with pytest.raises(BadTicket):
        tickets.spend(ticket, BOT, 101)


def test_no_ticket_is_no_good_at_any_time(tickets: Tickets) -> None:
    with pytest.raises(BadTicket):
        tickets.spend("", "", 0)
    with pytest.raises(BadTicket):
        tickets.spend("", BOT, 0)
    spent = tickets.issue(BOT, 0)
    tickets.spend(spent, BOT, 1)
    with pytest.raises(BadTicket):
        tickets.spend("", BOT, 2)


def test_only_the_newest_ticket_is_good(tickets: Tickets) -> None:
    old = tickets.issue(BOT, 100)
    tickets.issue(BOT, 101)
    with pytest.raises(BadTicket):
        tickets.spend(old, BOT, 102)


def test_tickets_cannot_be_guessed(tickets: Tickets) -> None:
    issued = {tickets.issue(BOT, 100) for _ in range(1000)}
    assert len(issued) == 1000
    assert min(map(len, issued)) >= 16


@virtual
async def test_a_command_that_works_has_time_to_take_us_down(
    capsys: pytest.CaptureFixture[str],
) -> None:
    began = asyncio.get_running_loop().time()
    await restart([sys.executable, "-c", "pass"], patience=300)
    assert asyncio.get_running_loop().time() - began == 300
    assert "reboot.stayed_up" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ([sys.executable, "-c", "raise SystemExit('not permitted')"], "not permitted"),
        (["/nonexistent/reboot"], "No such file"),
    ],
)
async def test_a_command_that_fails_says_why(
    command: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in await restart(command, patience=300)
    output = capsys.readouterr().out
    assert "reboot.failed" in output
    assert said in output
