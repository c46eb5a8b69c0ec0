"""In private the width follows who asks; in the room it does not."""

from bot.report.text import COLUMNS, WIDE
from tests.end_to_end.conftest import Furnish, Join, enter
from tests.end_to_end.feed import Heard
from tests.end_to_end.lab import WITHIN, answer, facts, gone, idle, order, result
from tests.end_to_end.person import Person


async def ask(person: Person, text: str) -> Heard:
    identity = person.whisper("labbot", text)
    return await person.heard(
        lambda heard: facts(heard).get("re") == identity, since=0, within=WITHIN
    )


def widest(heard: Heard) -> int:
    return max(map(len, heard.body.split("```")[1].splitlines()))


async def test_wide_is_for_who_says_so_or_sits_at_a_pc(furnish: Furnish, join: Join) -> None:
    lab, ann = await furnish()
    lab.add_script("long", f"echo {'x' * 100}\n")
    await lab.start("bob")
    await idle(ann, lab.name("bob"))
    job = await order(ann, f"run long on {lab.name('bob')}")
    await result(ann, job)
    ben = await join("ben", account=lab.name("ben"), enter=False, client="pc")
    await enter(lab, ben, "ben")
    log = f"log {job}"
    assert widest(await ask(ann, log)) == COLUMNS  # a phone
    assert widest(await ask(ben, log)) == WIDE
    await ask(ann, "set wide")
    await ask(ben, "set narrow")
    assert lab.bot is not None
    lab.bot.end(grace=10)
    await gone(ann, "labbot")
    since = len(ann.presences.entries)
    await lab.start_bot()
    await ann.sees(lambda seen: "1 idle" in seen.status, nick="labbot", since=since, within=WITHIN)
    assert widest(await ask(ann, log)) == WIDE  # it is kept
    assert widest(await ask(ben, log)) == COLUMNS
    assert widest(await answer(ann, f"labbot: {log}")) == COLUMNS  # the room is everybody's
