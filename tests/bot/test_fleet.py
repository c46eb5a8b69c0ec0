"""The targets: which there are, where they are, and what they are called."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.wire.errors import Away
from agent.wire.query import Standing
from agent.wire.target import TargetState
from agent.wire.vocabulary import RunId
from bot.fleet import Fleet
from bot.lab import Target
from bot.reboot import Reboot
from bot.store.targets import Remembered

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
BOB = "bob@lab.example"
BUSY = TargetState(
    name="Bob's\x1b server", state="busy", boot="b1", session="s1", step="memtest",
    run=RunId("k3x9q2ab", 17), controller="labbot@lab.example", progress=43, queue=2,
)  # fmt: skip


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet("labbot@lab.example", "k3x9q2ab", lambda jid: jid.endswith("@lab.example"))
    fleet.member(BOB)
    return fleet


def only(fleet: Fleet) -> Target:
    (target,) = fleet.all()
    return target


def test_a_target_is_what_it_says(fleet: Fleet) -> None:
    assert fleet.arrived(f"{BOB}/agent", BUSY, NOW)
    target = only(fleet)
    assert (target.present, target.state, target.since) == (True, "busy", NOW)
    assert (target.job, target.progress, target.queue) == (17, 0.43, 2)
    assert target.friendly == "Bob's server"


def test_who_is_away_does_nothing(fleet: Fleet) -> None:
    fleet.arrived(f"{BOB}/agent", BUSY, NOW)
    fleet.left(f"{BOB}/agent", LATER)
    target = only(fleet)
    assert (target.present, target.state, target.since) == (False, "away", LATER)
    assert (target.job, target.doing, target.progress, target.queue) == (None, "", None, 0)
    with pytest.raises(Away, match="bob is away since 12:05"):
        fleet.reach("bob")


def test_another_bot_s_job_is_not_ours(fleet: Fleet) -> None:
    fleet.arrived(f"{BOB}/agent", replace(BUSY, run=RunId("anotherdb", 17)), NOW)
    assert fleet.all()[0].job is None  # it has another number here
    fleet.arrived(f"{BOB}/agent", TargetState(run=BUSY.run, controller="x@lab.example"), NOW)
    assert (only(fleet).job, only(fleet).other) == (None, "x")


def test_another_bot_of_our_name_is_called_by_its_whole_address(fleet: Fleet) -> None:
    other = "labbot@other.example"
    fleet.arrived(f"{BOB}/agent", TargetState(run=BUSY.run, controller=other), NOW)
    assert only(fleet).other == other
    fleet.arrived(f"{BOB}/agent", BUSY, NOW)
    assert (only(fleet).job, only(fleet).other) == (17, "")


def test_only_a_new_session_wants_to_be_met(fleet: Fleet) -> None:
    assert fleet.arrived(f"{BOB}/agent", BUSY, NOW)
    assert not fleet.arrived(f"{BOB}/agent", TargetState(session="s1"), NOW)
    assert fleet.arrived(f"{BOB}/agent", TargetState(session="s2"), NOW)
    fleet.nobody(LATER)  # we lost the room
    assert fleet.arrived(f"{BOB}/agent", TargetState(session="s2"), LATER)


def test_an_old_session_that_leaves_late_takes_nobody_with_it(fleet: Fleet) -> None:
    fleet.arrived(f"{BOB}/old", BUSY, NOW)
    fleet.arrived(f"{BOB}/agent", BUSY, NOW)
    fleet.left(f"{BOB}/old", LATER)
    assert only(fleet).present


def test_since_when_counts_from_the_change(fleet: Fleet) -> None:
    fleet.arrived(f"{BOB}/agent", BUSY, NOW)
    fleet.arrived(f"{BOB}/agent", BUSY, LATER)
    target = only(fleet)
    assert (target.since, target.heard) == (NOW, LATER)


def test_two_of_one_name_are_called_by_their_whole_address(fleet: Fleet) -> None:
    fleet.member("bob@other.example")
    fleet.member("alice@lab.example")
    assert list(fleet.names()) == ["alice", BOB, "bob@other.example"]
    assert fleet.name(BOB) == BOB
    assert fleet.name("alice@lab.example") == "alice"


def test_strangers_do_not_belong_and_the_admitted_do(fleet: Fleet) -> None:
    assert not fleet.belongs("eve@evil.example")
    fleet.load([Remembered(jid="eve@evil.example")])
    assert fleet.belongs("eve@evil.example")
    assert fleet.belongs("new@lab.example")


def test_a_meeting_tells_how_far_the_clocks_are_apart(fleet: Fleet) -> None:
    standing = Standing("e" * 12, "b1", NOW, "0.1.0", "", ())
    assert fleet.synced(BOB, standing, LATER).epoch == "e" * 12
    assert fleet.member(BOB).behind == timedelta(minutes=5)


def order(boot: str = "b1") -> Reboot:
    return Reboot(by="ann", boot=boot, ordered=NOW, deadline=LATER)


def test_a_reboot_is_proven_by_another_boot_id_and_told_once(fleet: Fleet) -> None:
    fleet.arrived(f"{BOB}/agent", BUSY, NOW)
    fleet.rebooting(BOB, order())
    assert fleet.proven(BOB) is None  # it has not gone down yet
    fleet.left(f"{BOB}/agent", NOW)
    assert only(fleet).state == "rebooting"
    assert fleet.proven(BOB) is None
    fleet.arrived(f"{BOB}/agent", TargetState(boot="", session="s2"), NOW)
    assert fleet.proven(BOB) is None  # it does not say
    fleet.arrived(f"{BOB}/agent", TargetState(boot="b2", session="s3"), NOW)
    assert fleet.proven(BOB) is not None
    assert fleet.proven(BOB) is None
    assert fleet.overdue(LATER) == []


def test_a_reboot_that_nothing_proves_is_overdue_once_and_may_be_proven_yet(fleet: Fleet) -> None:
    fleet.rebooting(BOB, order())
    assert fleet.overdue(LATER - timedelta(seconds=1)) == []
    assert [jid for jid, _ in fleet.overdue(LATER)] == [BOB]
    assert fleet.overdue(LATER) == []
    assert only(fleet).state == "away"
    fleet.arrived(f"{BOB}/agent", TargetState(boot="b2", session="s3"), LATER)
    proven = fleet.proven(BOB)
    assert proven is not None
    assert proven.late


def test_a_target_that_agreed_is_leaving_until_it_is_proven_or_overdue(fleet: Fleet) -> None:
    fleet.arrived(f"{BOB}/agent", BUSY, NOW)
    fleet.rebooting(BOB, replace(order(), agreed=False))
    assert not fleet.member(BOB).leaving
    fleet.rebooting(BOB, order())
    assert fleet.member(BOB).leaving
    fleet.overdue(LATER)
    assert not fleet.member(BOB).leaving


def test_that_it_goes_may_be_known_before_it_has_answered(fleet: Fleet) -> None:
    fleet.arrived(f"{BOB}/agent", replace(BUSY, state="rebooting"), NOW)
    fleet.rebooting(BOB, order())
    fleet.arrived(f"{BOB}/agent", replace(BUSY, state="idle"), NOW)
    assert fleet.stayed(BOB) is not None


def test_a_target_that_went_and_is_as_it_was_has_not_rebooted(fleet: Fleet) -> None:
    fleet.arrived(f"{BOB}/agent", BUSY, NOW)
    fleet.rebooting(BOB, order())
    fleet.arrived(f"{BOB}/agent", BUSY, NOW)  # said before it was asked, and late
    assert fleet.stayed(BOB) is None
    fleet.arrived(f"{BOB}/agent", replace(BUSY, state="rebooting"), NOW)
    assert fleet.stayed(BOB) is None
    fleet.arrived(f"{BOB}/agent", replace(BUSY, state="idle"), NOW)
    assert fleet.stayed(BOB) is not None
    assert fleet.stayed(BOB) is None
    assert fleet.overdue(LATER) == []
