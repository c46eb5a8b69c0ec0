"""Whom the bot trusts: questions before what costs, rights that are withdrawn, nicks that lie."""

from slixmpp import JID

from tests.end_to_end.conftest import Furnish, Join, enter
from tests.end_to_end.lab import WITHIN, Lab, answer, at_work, facts, gone, idle, order, result
from tests.end_to_end.person import Person

TWO = '[confirm]\ntwo = ["running"]\n'
OVER_AT_ONCE = "[confirm]\nwithin = 0.001\n"
NOBODY_RUNS = '[[rights]]\nwho = ["ben-TAG@DOMAIN"]\nmay = ["run"]\non = ["bob-*"]\ndeny = true\n'


async def comes(lab: Lab, join: Join, who: str, nick: str) -> Person:
    person = await join(who, account=lab.name(who), enter=False)
    await enter(lab, person, nick)
    return person


async def busy(furnish: Furnish, *, settings: str = "") -> tuple[Lab, Person]:
    """A lab whose bob, a machine, is at work for ann."""
    lab, ann = await furnish(settings=settings)
    gate = lab.add_waiting()
    await lab.start("bob", machine=True)
    await idle(ann, lab.name("bob"))
    await order(ann, f"run wait on {lab.name('bob')}")
    await gate.reached()
    await at_work(ann, lab.name("bob"))
    return lab, ann


async def ask(person: Person, line: str) -> str:
    asked = await answer(person, line)
    assert facts(asked)["kind"] == "question", asked
    return str(facts(asked)["confirm"])


async def leaves(lab: Lab, ann: Person, who: str) -> None:
    lab.machines[who].end(grace=10)
    await gone(ann, lab.name(who))


def boot(lab: Lab) -> str:
    return (lab.folder / lab.name("bob") / "boot_id").read_text()


async def test_a_confirmation_by_somebody_else_does_nothing(furnish: Furnish, join: Join) -> None:
    lab, ann = await busy(furnish)
    bob, before = lab.name("bob"), boot(lab)
    ben = await comes(lab, join, "ben", "Ann")  # what people read is not who it is

    asked = await answer(ann, f"reboot {bob} now")
    code = facts(asked)["confirm"]
    assert f"{bob} runs job 1 of ann: wait" in asked.body
    refused = await answer(ben, f"yes {code}")
    assert facts(refused)["condition"] == "forbidden"
    assert boot(lab) == before

    assert facts(await answer(ann, f"yes {code}"))["kind"] == "acknowledgement"
    await ann.heard(f"{bob} is back after", nick="labbot", within=WITHIN)
    assert boot(lab) != before
    assert "is answered" in (await answer(ann, f"yes {code}")).body


async def test_a_confirmation_that_comes_too_late_does_nothing(furnish: Furnish) -> None:
    lab, ann = await busy(furnish, settings=OVER_AT_ONCE)
    bob, before = lab.name("bob"), boot(lab)
    code = await ask(ann, f"reboot {bob} now")
    late = await answer(ann, f"yes {code}")
    assert f"{code} is over: it stood for" in late.body
    assert f"Say it again: reboot {bob} now" in late.body
    assert boot(lab) == before
    assert "reboot.ordered" not in lab.site.bot_log.read_text()


async def test_a_confirmation_is_of_the_targets_that_were_named(
    furnish: Furnish,
) -> None:
    lab, ann = await furnish()
    lab.add_script("wipe", "echo wiped\n", destructive=True)
    for who in ("bob", "alice"):
        await lab.start(who)
        await idle(ann, lab.name(who))
    asked = await answer(ann, "run wipe on all")
    alice, bob = lab.name("alice"), lab.name("bob")
    assert f"wipe destroys what is on {alice} and {bob}" in asked.body
    await leaves(lab, ann, "alice")
    await lab.start("carl")  # comes in only now: "all" did not mean it
    await idle(ann, lab.name("carl"))

    done = await answer(ann, f"yes {facts(asked)['confirm']}")
    assert done.body == f"job 1: wipe on {bob}; not touched: {alice} is away now"
    told = await result(ann, 1)
    assert [run["target"] for run in facts(told)["runs"]] == [bob]
    assert lab.printed(1, "bob") == b"wiped\n"


async def test_two_people_are_needed_where_the_settings_say_so(
    furnish: Furnish, join: Join
) -> None:
    lab, ann = await busy(furnish, settings=TWO)
    bob, before = lab.name("bob"), boot(lab)
    ben = await comes(lab, join, "ben", "ben")
    code = await ask(ann, f"reboot {bob} now")
    assert "needs a second person" in (await answer(ann, f"yes {code}")).body
    assert "needs the right to disrupt" in (await answer(ben, f"yes {code}")).body
    assert boot(lab) == before
    await ann.muc.set_affiliation(JID(lab.room), "admin", jid=JID(ben.jid.bare))
    await ben.sees(
        lambda seen: seen.presence["muc"]["affiliation"] == "admin", nick="ben", within=WITHIN
    )
    assert facts(await answer(ben, f"yes {code}"))["kind"] == "acknowledgement"
    await ann.heard(f"{bob} is back after", nick="labbot", within=WITHIN)


async def test_a_right_withdrawn_while_the_target_was_away(furnish: Furnish, join: Join) -> None:
    lab, ann = await furnish("bob")
    bob = lab.name("bob")
    ben = await comes(lab, join, "ben", "ben")
    await leaves(lab, ann, "bob")
    job = await order(ben, f"run memtest size=1M on {bob}")
    await ann.muc.set_affiliation(JID(lab.room), "none", jid=JID(ben.jid.bare))
    await gone(ann, "ben")

    await lab.start("bob")
    told = await result(ann, job)
    assert facts(told)["verdict"] == "refused"
    assert f"ben may no longer run memtest on {bob}" in told.body
    assert lab.journal(job, "bob") == []
    assert list((lab.folder / bob / "state" / "runs").rglob("request.json")) == []


async def test_a_right_withdrawn_while_the_run_waited_behind_another(
    furnish: Furnish, join: Join
) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting()
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    ben = await comes(lab, join, "ben", "ben")
    first = await order(ann, f"run wait on {bob}")
    await gate.reached()
    second = await order(ben, f"run memtest size=1M on {bob}")
    await ann.sees(
        lambda seen: 'queue="1"' in seen.xml or "queue='1'" in seen.xml,
        nick=bob, since=0, within=WITHIN,
    )  # fmt: skip
    await ann.muc.set_affiliation(JID(lab.room), "none", jid=JID(ben.jid.bare))
    told = await result(ann, second)
    # Refused, if the bot had not yet read that the target has it.
    assert facts(told)["verdict"] in ("aborted", "refused")
    assert "ben may no longer" in told.body
    gate.open()
    assert facts(await result(ann, first))["verdict"] == "pass"


async def test_a_right_withdrawn_in_the_settings(furnish: Furnish, join: Join) -> None:
    lab, ann = await furnish("bob")
    bob = lab.name("bob")
    ben = await comes(lab, join, "ben", "ben")
    await leaves(lab, ann, "bob")
    job = await order(ben, f"run memtest size=1M on {bob}")
    assert lab.bot is not None
    lab.bot.end(grace=10)
    await gone(ann, "labbot")
    lab.set(NOBODY_RUNS)
    await lab.start_bot()
    await lab.start("bob")
    told = await result(ann, job)
    assert facts(told)["verdict"] == "refused"
    assert "rights.0 of my settings denies it" in told.body
    refused = await answer(ben, f"labbot: run memtest size=1M on {bob}")
    assert "rights.0 of my settings denies it" in refused.body
    assert "rights.0" in (await answer(ben, "whoami")).body


async def test_a_nick_that_lies_gives_nothing_and_is_pointed_out(
    furnish: Furnish, join: Join
) -> None:
    lab, ann = await furnish("bob", machines=True)
    bob, before = lab.name("bob"), boot(lab)
    spoof = bob.replace("o", "\u043e", 1)  # a Cyrillic o
    ben = await comes(lab, join, "ben", spoof)
    said = await ann.heard(lambda heard: "alike" in facts(heard), since=0, within=WITHIN)
    assert said.body == (
        f'"{spoof}" here is {ben.jid.bare}, and not the target {bob}: I go by addresses'
    )
    assert "you are ben-" in (await answer(ben, "whoami")).body
    ben.xmpp.send_presence(pto=f"{lab.room}/\u0410nn")  # now like ann, who owns the room
    said = await ann.heard(
        lambda heard: "two people" in heard.body and "alike" in facts(heard), since=0, within=WITHIN
    )
    assert ben.jid.bare in said.body
    assert ann.jid.bare in said.body
    ben.nick = "\u0410nn"
    refused = await answer(ben, f"reboot {bob}")
    assert facts(refused)["condition"] == "forbidden"
    who = await answer(ben, f"who can reboot {bob}")
    assert who.body.startswith(f"reboot {bob}: ann may")
    assert (await answer(ann, f"can I reboot {bob}")).body.startswith("yes: you may")
    assert boot(lab) == before
