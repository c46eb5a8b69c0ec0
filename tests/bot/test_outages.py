"""What the room hears of who is gone: one line for a rack, three for one that flaps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.outages import Cause, Gone, Notice, Outages
from bot.report.outage import notice

NOW = datetime(2026, 11, 25, 14, 2, tzinfo=UTC)


@pytest.fixture
def lab() -> Outages:
    return Outages(hold=3, restart=5, flapping=60, steady=600)


def gone(
    target: str,
    at: float,
    cause: Cause = Cause.SILENT,
    *,
    location: str = "",
    job: int | None = None,
    doing: str = "",
    echoes: bool | None = None,
) -> Gone:
    return Gone(
        target=target, cause=cause, since=NOW + timedelta(seconds=at), seconds=6, at=at,
        location=location, job=job, doing=doing, echoes=echoes,
    )  # fmt: skip


def lose(lab: Outages, target: str, at: float, *rest: Cause, **known: Any) -> list[Notice]:
    return lab.gone(gone(target, at, *rest, **known), at)


def said(notices: list[Notice]) -> list[str]:
    return [notice(each).text for each in notices]


def test_one_that_is_silent_is_told_at_once_if_nobody_else_is_in_doubt(lab: Outages) -> None:
    assert lose(lab, "bob", 10) == []
    assert lab.tick(10, doubt=True) == []
    assert said(lab.tick(10.5, doubt=False)) == [
        "bob is down: no answer for 6 s, so powered off, cut off or hung"
    ]
    assert lab.tick(20, doubt=False) == []


def test_nobody_waits_longer_than_told(lab: Outages) -> None:
    lose(lab, "bob", 10)
    assert lab.deadline == 13
    assert lab.tick(12.9, doubt=True) == []
    assert len(lab.tick(13, doubt=True)) == 1


@pytest.mark.parametrize(
    ("echoes", "words"),
    [
        (True, "but its machine answers ICMP: it hangs, or its agent does"),
        (False, "nor of its machine to ICMP: powered off or cut off"),
    ],
)
def test_what_the_machine_answers_is_said(lab: Outages, *, echoes: bool, words: str) -> None:
    lose(lab, "bob", 10, echoes=echoes)
    assert said(lab.tick(10, doubt=False)) == [f"bob is down: no answer for 6 s, {words}"]


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (Cause.SILENT, "bob is down: no answer for 6 s, so powered off, cut off or hung. "
         "Job 17 (memtest, 43 %) is stranded until it is back"),
        (Cause.CRASHED, "bob's agent crashed or was killed: its connection was reset. "
         "Job 17 (memtest, 43 %) goes on without it, if the machine is well"),
        (Cause.FAILED, "bob's agent gave up after an error of its own: its log says why. "
         "Job 17 (memtest, 43 %) goes on without it, if the machine is well"),
        (Cause.STOPPED, "bob's agent was stopped. "
         "Job 17 (memtest, 43 %) goes on without it, if the machine is well"),
        (Cause.SHUTDOWN, "bob shuts down. "
         "Job 17 (memtest, 43 %) dies with it; I say how when it is back"),
        (Cause.REBOOTING, "bob reboots, and not by my order. "
         "Job 17 (memtest, 43 %) dies with it; I say how when it is back"),
        (Cause.OVERDUE, "bob is not back from its reboot. "
         "Job 17 (memtest, 43 %) is stranded until it is back"),
        (Cause.MISSED, "bob is gone: it left while I was away. "
         "Job 17 (memtest, 43 %) is stranded until it is back"),
    ],
)  # fmt: skip
def test_each_cause_has_its_words_and_what_becomes_of_the_run(
    lab: Outages, cause: Cause, text: str
) -> None:
    lose(lab, "bob", 10, cause, job=17, doing="memtest, 43 %")
    [told] = lab.tick(20, doubt=False)
    reply = notice(told)
    assert reply.text == text
    assert reply.data["cause"] == cause.value
    assert (reply.data["targets"], reply.data["there"], reply.data["worked_on"]) == (
        ["bob"],
        False,
        [17],
    )


def test_a_rack_is_one_line_and_one_when_it_is_back(lab: Outages) -> None:
    names = [f"pc{number:02}" for number in range(1, 15)]
    for number, name in enumerate(names):
        lose(lab, name, 10 + number / 10, location="rack 3", job=17 if number < 3 else None)
        assert lab.tick(10 + number / 10, doubt=True) == []
    assert said(lab.tick(11.5, doubt=False)) == [
        "rack 3: 14 silent since 14:02 UTC: pc[01-14]. They worked on job 17"
    ]
    for number, name in enumerate(names[:-1]):
        assert lab.back(name, 200 + number, rebooted=True) == []
    assert said(lab.back(names[-1], 215, rebooted=False)) == [
        "rack 3: pc[01-14] are back after 3 min 24 s, 13 with a new boot id"
    ]
    assert lab.deadline == float("inf")


def test_who_does_not_come_back_with_its_rack_is_named_and_told_of_later(lab: Outages) -> None:
    for name in ("pc1", "pc2", "pc3"):
        lose(lab, name, 10, location="rack 3")
    lab.tick(10, doubt=False)
    assert lab.back("pc1", 100, rebooted=True) == []
    assert lab.back("pc3", 101, rebooted=True) == []
    assert lab.tick(129, doubt=False) == []
    assert said(lab.tick(130, doubt=False)) == [
        "rack 3: pc[1,3] are back after 1 min 31 s, all with a new boot id; still gone: pc2"
    ]
    assert said(lab.back("pc2", 500, rebooted=True)) == [
        "pc2 is back after 8 min 10 s, with a new boot id"
    ]


def test_different_causes_are_different_lines(lab: Outages) -> None:
    lose(lab, "bob", 10, Cause.SHUTDOWN)
    lose(lab, "carl", 10, Cause.CRASHED)
    assert len(lab.tick(11, doubt=False)) == 2


def test_an_agent_that_was_only_restarted_is_no_news(lab: Outages) -> None:
    lose(lab, "bob", 10, Cause.STOPPED)
    assert lab.tick(14.9, doubt=False) == []
    assert lab.back("bob", 14.9, rebooted=False) == []
    assert lab.tick(100, doubt=False) == []


def test_an_agent_that_crashed_and_is_back_at_once_is_two_lines(lab: Outages) -> None:
    lose(lab, "bob", 10, Cause.CRASHED)
    assert said(lab.back("bob", 10.5, rebooted=False)) == [
        "bob's agent crashed or was killed: its connection was reset",
        "bob is back after 0.5 s",
    ]


def test_a_machine_that_was_only_cut_off_is_told_from_one_that_lost_power(lab: Outages) -> None:
    for name in ("bob", "carl"):
        lose(lab, name, 10)
        lab.tick(10, doubt=False)
    assert said(lab.back("bob", 53, rebooted=False)) == [
        "bob is back after 43 s, not rebooted: it was cut off, or hung"
    ]
    assert said(lab.back("carl", 53, rebooted=True)) == [
        "carl is back after 43 s, with a new boot id"
    ]


def test_a_reboot_that_nobody_saw_is_told(lab: Outages) -> None:
    assert said(lab.back("bob", 10, rebooted=True)) == ["bob has rebooted: it has a new boot id"]
    assert lab.back("bob", 20, rebooted=False) == []


def test_one_that_flaps_every_20_s_for_10_minutes_is_three_lines_and_then_the_truth(
    lab: Outages,
) -> None:
    lines = []
    for began in range(0, 600, 20):
        lines += said(lose(lab, "bob", began))
        lines += said(lab.tick(began + 3, doubt=False))
        lines += said(lab.back("bob", began + 10, rebooted=False))
        lines += said(lab.tick(began + 19, doubt=False))
    assert lines == [
        "bob is down: no answer for 6 s, so powered off, cut off or hung",
        "bob is back after 10 s, not rebooted: it was cut off, or hung",
        "bob flaps: gone again 10 s after it came back. I say no more of it until it is steady",
    ]
    assert lab.tick(590 + 599, doubt=False) == []
    assert said(lab.tick(590 + 600, doubt=False)) == [
        "bob is steady again, after it was gone 30 times in 9 min 40 s"
    ]
    lose(lab, "bob", 5000)
    assert len(lab.tick(5000, doubt=False)) == 1  # and all is as before


def test_one_that_flapped_and_is_gone_for_good_is_told_gone_and_back(lab: Outages) -> None:
    lose(lab, "bob", 0)
    lab.tick(0, doubt=False)
    lab.back("bob", 10, rebooted=False)
    lose(lab, "bob", 20)
    assert said(lab.tick(620, doubt=False)) == [
        "bob is gone since 14:02 UTC, after it was gone 2 times in 10 s"
    ]
    assert said(lab.back("bob", 700, rebooted=True)) == [
        "bob is back after 11 min 20 s, with a new boot id"
    ]


def test_what_was_not_told_when_we_lost_the_room_is_not_told(lab: Outages) -> None:
    lose(lab, "bob", 10)
    lab.nobody()
    assert lab.tick(20, doubt=False) == []


NAMES = ("pc1", "pc2", "bob")
EVENTS = st.tuples(
    st.sampled_from(["gone", "back", "rebooted", "tick", "nobody"]),
    st.sampled_from(NAMES),
    st.sampled_from(Cause),
    st.floats(0, 200),
)


class Truth:
    """Who is there, and who was told to be."""

    def __init__(self) -> None:
        self.lab = Outages(hold=3, restart=5, flapping=60, steady=600)
        self.now = 0.0
        self.there = dict.fromkeys(NAMES, True)
        self.told = dict.fromkeys(NAMES, True)

    def happens(self, what: str, name: str, cause: Cause) -> list[Notice]:
        if what == "tick":
            return self.lab.tick(self.now, doubt=False)
        if what == "nobody":
            self.lab.nobody()
        elif what == "gone" and self.there[name]:
            self.there[name] = False
            return self.lab.gone(gone(name, self.now, cause), self.now)
        elif what in ("back", "rebooted") and not self.there[name]:
            self.there[name] = True
            return self.lab.back(name, self.now, rebooted=what == "rebooted")
        return []

    def hear(self, notices: list[Notice]) -> None:
        for each in notices:
            self.told |= {one.target: False for one in each.gone}
            self.told |= {one.target: True for one in each.back}


@given(st.lists(EVENTS, max_size=80))
def test_the_last_word_is_the_truth(events: list[tuple[str, str, Cause, float]]) -> None:
    """In the end everybody who is there, and was told gone, was told back."""
    truth = Truth()
    for what, name, cause, later in events:
        truth.now += later
        truth.hear(truth.happens(what, name, cause))
    for _ in range(3):
        truth.now += 1000
        truth.hear(truth.lab.tick(truth.now, doubt=False))
    assert all(truth.told[name] for name in NAMES if truth.there[name])
    assert truth.lab.deadline == float("inf")
