"""What costs is asked back: whom, until when, and what happens if the lab has changed since."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from agent.wire.errors import Busy, Forbidden, Refusal
from agent.wire.parameter import RecipeInfo
from bot.commands import discover
from bot.config import Confirm
from bot.confirm import CODES, MOST, Cost, Questions, Stakes, changes, check_yes
from bot.consent import Consent
from bot.dialogue import Dialogue
from bot.grammar import NoSuch
from bot.jobs import Phase
from bot.occupant import Affiliation, Occupant
from bot.policy import Rights, Rule
from bot.reply import Reply
from tests.bot.lab_in_memory import ANN, MAX, MEMTEST, NOW, World, line, occupant, target

WIPE = RecipeInfo(name="wipe", summary="Writes zeros.", destructive=True, class_="storage")
BEN = occupant("ben", Affiliation.ADMIN)


# The core


def first(codes: Sequence[str]) -> str:
    return codes[0]


@pytest.fixture
def questions() -> Questions[str]:
    return Questions(within=60, pick=first)


def test_a_question_stands_until_its_time_is_over(questions: Questions[str]) -> None:
    asked = questions.ask(line("reboot bob now"), "x", Stakes(), two=False, now=100)
    assert questions.find(asked.code, 159.9).asked == "x"
    with pytest.raises(Refusal, match=f"{asked.code} is over: it stood for 1 min") as over:
        questions.find(asked.code, 160)
    assert over.value.hint == "Say it again: reboot bob now"
    with pytest.raises(Refusal, match="is over"):
        questions.find(asked.code, 10_000)


def test_what_was_never_asked_is_talk(questions: Questions[str]) -> None:
    with pytest.raises(NoSuch) as unknown:
        questions.find("7f", 0)
    assert unknown.value.likely is False


def test_the_same_line_is_the_same_question(questions: Questions[str]) -> None:
    said = line("reboot bob now")
    one = questions.ask(said, "x", Stakes(), two=False, now=0)
    assert questions.ask(said, "x", Stakes(), two=False, now=1) is one
    other = questions.ask(replace(said, id="2"), "x", Stakes(), two=False, now=1)
    assert other.code != one.code


def test_one_person_cannot_use_up_all_codes(questions: Questions[str]) -> None:
    codes = [
        questions.ask(replace(line("x"), id=str(n)), "x", Stakes(), two=False, now=0).code
        for n in range(MOST + 1)
    ]
    with pytest.raises(Refusal, match="you asked for 5 things since"):
        questions.find(codes[0], 1)
    assert all(questions.find(code, 1) for code in codes[1:])


def test_when_all_codes_are_out_it_says_so(questions: Questions[str]) -> None:
    for number in range(len(CODES)):
        questions.ask(line("x", occupant(f"p{number}")), "x", Stakes(), two=False, now=0)
    with pytest.raises(Busy, match="too many questions"):
        questions.ask(line("x"), "x", Stakes(), two=False, now=0)
    assert questions.ask(line("x"), "x", Stakes(), two=False, now=60).code in CODES


def test_whose_yes_it_takes(questions: Questions[str]) -> None:
    alone = questions.ask(line("x"), "x", Stakes(), two=False, now=0)
    check_yes(alone, ANN.jid)
    for other in (MAX.jid, None):
        with pytest.raises(Forbidden, match="is ann's to confirm"):
            check_yes(alone, other)
    both = questions.ask(line("y"), "x", Stakes(), two=True, now=0)
    check_yes(both, MAX.jid)
    with pytest.raises(Forbidden, match="needs a second person"):
        check_yes(both, ANN.jid)


def test_what_has_changed_for_the_worse_was_not_agreed_to() -> None:
    asked = Stakes(states={"a": "idle", "b": "runs job 1", "c": "away", "d": "idle", "e": "idle"})
    now = Stakes(states={"a": "runs job 2", "b": "idle", "c": "away", "d": "away"})
    assert changes(asked, now) == {"a": "runs job 2", "d": "away", "e": "no target any more"}


# In a lab


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Talk:
    """A lab of alice, who works on job 1 of max; bob; carol, who is away."""

    def __init__(self, *rules: Rule, **confirm: object) -> None:
        self.world = World(
            target("bob"), target("alice", "busy", job=1, doing="memtest", progress=0.43),
            target("carol", "away"),
        )  # fmt: skip
        for name in ("bob", "alice"):
            self.world.targets.catalogues[name] = {"memtest": MEMTEST, "wipe": WIPE}
        self.clock = Clock()
        self.standings = {by.jid or "": by.affiliation for by in (ANN, MAX, BEN)}
        rights = Rights(rules)
        settings = Confirm.model_validate(confirm)
        consent = Consent(rights, settings, standing=self.standing, clock=self.clock)
        self.dialogue = Dialogue(discover(), self.world.lab, rights, consent)

    async def standing(self, jid: str) -> Affiliation:
        return self.standings[jid]

    async def say(self, text: str, by: Occupant = ANN, *, bare: bool = False) -> Reply:
        reply = await self.dialogue.answer(line(text, by, addressed=not bare))
        assert reply is not None
        return reply

    async def ask(self, text: str, by: Occupant = ANN) -> str:
        reply = await self.say(text, by)
        assert reply.kind == "question", reply.text
        return str(reply.data["confirm"])

    async def begin(self, by: Occupant = MAX) -> None:
        """Job 1 is on, at alice."""
        await self.say("run memtest on alice", by)
        job = self.world.jobs.jobs[1]
        runs = tuple(replace(run, phase=Phase.RUNNING, began=NOW) for run in job.runs)
        self.world.jobs.jobs[1] = replace(job, runs=runs)

    def becomes(self, name: str, state: str, **known: object) -> None:
        self.world.targets.known[name] = target(name, state, **known)


async def test_a_reboot_under_a_run_says_what_is_lost_and_waits_for_a_yes() -> None:
    talk = Talk()
    await talk.begin()
    asked = await talk.say("reboot alice now", bare=True)
    code = asked.data["confirm"]
    assert asked.text == (f"alice runs job 1 of max: memtest, 43 %: say yes {code} within 1 min")
    assert asked.data["costs"] == [Cost.RUNNING]
    assert talk.world.targets.rebooted == []
    assert (await talk.say(f"YES {code}.", bare=True)).kind == "acknowledgement"
    assert talk.world.targets.rebooted == [("alice", True, "ann")]
    again = await talk.say(f"yes {code}")
    assert again.text == f"{code} is answered: it was done."
    assert len(talk.world.targets.rebooted) == 1


async def test_a_run_that_nobody_saw_is_not_lost_without_a_question() -> None:
    talk = Talk()
    await talk.say("reboot bob now")
    assert talk.world.targets.rebooted == [
        ("bob", False, "ann")
    ]  # bob itself refuses if it is busy


async def test_what_costs_nothing_is_never_asked_back() -> None:
    talk = Talk()
    await talk.begin()
    for text in ("reboot bob", "reboot bob now", "run memtest on all", "run memtest on carol"):
        assert (await talk.say(text)).kind == "acknowledgement", text
    assert (await talk.say("stop 1", MAX)).kind == "acknowledgement"  # one's own
    assert (await talk.say("stop 2", BEN)).kind == "acknowledgement"  # it has not begun


async def test_stopping_what_others_run_is_asked_back() -> None:
    talk = Talk()
    await talk.begin()
    asked = await talk.say("stop 1")
    assert asked.text.startswith("job 1 of max runs on alice: memtest, 43 %: say yes ")
    assert talk.world.jobs.stopped == []
    await talk.say(f"yes {asked.data['confirm']}")
    assert talk.world.jobs.stopped == [(1, "ann")]


async def test_what_destroys_is_asked_back_of_members_too() -> None:
    talk = Talk()
    asked = await talk.say("run memtest, wipe on bob, alice", MAX)
    assert asked.text.startswith("wipe destroys what is on bob and alice: say yes ")
    assert talk.world.jobs.jobs == {}
    assert (await talk.say(f"yes {asked.data['confirm']}", MAX)).data["job"] == 1
    assert talk.world.jobs.jobs[1].asker == "max"


async def test_a_recipe_that_destroys_elsewhere_is_taken_to_destroy_where_nobody_knows() -> None:
    talk = Talk()
    talk.world.targets.catalogues["carol"] = None
    assert (await talk.say("run wipe on carol")).kind == "question"
    assert (await talk.say("run memtest on carol")).kind == "acknowledgement"


async def test_many_targets_are_asked_back() -> None:
    talk = Talk(targets=2)
    assert (await talk.say("run memtest on bob, alice")).kind == "acknowledgement"
    asked = await talk.say("run memtest on all")
    assert asked.text.startswith("3 targets at once: alice, bob and carol: say yes ")
    assert asked.data["costs"] == [Cost.MANY]


async def test_somebody_else_cannot_say_yes_nor_no() -> None:
    talk = Talk()
    await talk.begin()
    code = await talk.ask("reboot alice now")
    impostor = replace(BEN, nick="ann")  # the nick says nothing
    for answer in ("yes", "no"):
        refused = await talk.say(f"{answer} {code}", impostor)
        assert refused.data["condition"] == "forbidden"
    assert talk.world.targets.rebooted == []
    assert (await talk.say(f"yes {code}", replace(ANN, nick="ann2"))).kind == "acknowledgement"


async def test_too_late_is_too_late() -> None:
    talk = Talk(within=5)
    await talk.begin()
    code = await talk.ask("reboot alice now")
    talk.clock.now = 5
    refused = await talk.say(f"yes {code}", bare=True)
    assert refused.text == f"{code} is over: it stood for 5 s. Say it again: reboot alice now"
    assert talk.world.targets.rebooted == []


async def test_no_means_no() -> None:
    talk = Talk()
    await talk.begin()
    code = await talk.ask("reboot alice now")
    assert (await talk.say(f"no {code}")).text == f"{code}: not done: reboot alice now"
    assert "is answered: no" in (await talk.say(f"yes {code}")).text
    assert talk.world.targets.rebooted == []


@pytest.mark.parametrize("text", ["yes 7f", "no 7f", "yes", "no", "yes please", "no way"])
async def test_a_bare_yes_to_no_question_is_talk(text: str) -> None:
    assert await Talk().dialogue.answer(line(text)) is None


async def test_a_yes_with_a_question_mark_is_none() -> None:
    talk = Talk()
    await talk.begin()
    code = await talk.ask("reboot alice now")
    assert (await talk.say(f"yes {code}?")).kind == "refusal"
    assert talk.world.targets.rebooted == []


async def test_a_right_that_is_gone_by_then_is_gone() -> None:
    talk = Talk()
    await talk.begin()
    code = await talk.ask("reboot alice now")
    demoted = replace(ANN, affiliation=Affiliation.MEMBER)
    assert "right to disrupt" in (await talk.say(f"yes {code}", demoted)).text
    assert talk.world.targets.rebooted == []


# Two people


async def test_two_people_are_two_and_both_may() -> None:
    talk = Talk(two=["running"])
    await talk.begin()
    asked = await talk.say("reboot alice now")
    code = asked.data["confirm"]
    assert f"somebody else who may do it says yes {code} within" in asked.text
    assert "needs a second person" in (await talk.say(f"yes {code}")).text
    assert "needs the right to disrupt" in (await talk.say(f"yes {code}", MAX)).text
    same = replace(ANN, nick="zoe")
    assert "needs a second person" in (await talk.say(f"yes {code}", same)).text
    assert talk.world.targets.rebooted == []
    assert (await talk.say(f"yes {code}", BEN)).kind == "acknowledgement"
    assert talk.world.targets.rebooted == [("alice", True, "ann")]


async def test_the_second_person_may_say_no_and_a_bystander_may_not() -> None:
    talk = Talk(two=["running"])
    await talk.begin()
    code = await talk.ask("reboot alice now")
    assert (await talk.say(f"no {code}", MAX)).kind == "refusal"
    assert "not done" in (await talk.say(f"no {code}", BEN)).text


async def test_who_asked_must_still_be_allowed_when_the_second_says_yes() -> None:
    talk = Talk(two=["running"])
    await talk.begin()
    code = await talk.ask("reboot alice now")
    talk.standings[ANN.jid or ""] = Affiliation.MEMBER
    refused = await talk.say(f"yes {code}", BEN)
    assert refused.text.startswith("ann may no longer reboot alice: it needs the right to disrupt")
    assert talk.world.targets.rebooted == []


# After the lab has changed


async def test_what_runs_is_what_was_named_less_what_has_changed() -> None:
    talk = Talk()
    code = await talk.ask("run wipe on bob, alice")
    talk.world.targets.known["zed"] = target("zed")
    talk.becomes("alice", "busy", job=7)
    done = await talk.say(f"yes {code}")
    assert done.text == "job 1: wipe on bob; not touched: alice runs job 7 now"
    assert done.data["untouched"] == {"alice": "runs job 7"}
    assert [run.target for run in talk.world.jobs.jobs[1].runs] == ["bob"]


async def test_a_target_that_is_gone_is_named() -> None:
    talk = Talk()
    code = await talk.ask("run wipe on bob, alice")
    del talk.world.targets.known["alice"]
    done = await talk.say(f"yes {code}")
    assert done.text == "job 1: wipe on bob; not touched: alice is no target any more"


async def test_all_means_those_that_were_there_when_it_was_asked() -> None:
    talk = Talk(targets=2)
    code = await talk.ask("run memtest on all")
    talk.world.targets.known["zed"] = target("zed")
    await talk.say(f"yes {code}")
    names = sorted(run.target for run in talk.world.jobs.jobs[1].runs)
    assert names == ["alice", "bob", "carol"]


async def test_another_job_is_not_what_was_agreed_to_lose() -> None:
    talk = Talk()
    await talk.begin()
    code = await talk.ask("reboot alice now")
    talk.becomes("alice", "busy", job=2, doing="stress")
    refused = await talk.say(f"yes {code}")
    assert refused.text.startswith("not done: alice runs job 2 now.")
    assert talk.world.targets.rebooted == []
    assert "is answered" in (await talk.say(f"yes {code}")).text


async def test_less_to_lose_is_agreed_to() -> None:
    talk = Talk()
    await talk.begin()
    code = await talk.ask("reboot alice now")
    talk.becomes("alice", "idle")
    assert (await talk.say(f"yes {code}")).kind == "acknowledgement"


async def test_the_room_may_be_told_whom_to_address() -> None:
    consent = Consent(Rights(), Confirm(), called=lambda: "labbot2: ")
    talk = Talk()
    dialogue = Dialogue(discover(), talk.world.lab, Rights(), consent)
    asked = await dialogue.answer(line("run wipe on bob", addressed=True))
    assert asked is not None
    assert f"say labbot2: yes {asked.data['confirm']} within" in asked.text
