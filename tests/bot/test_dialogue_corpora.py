"""Ordinary talk of a lab, in which nothing acts; wrong lines, and what each answer must say."""

import pytest

from bot.commands import discover
from bot.dialogue import Dialogue, address
from bot.policy import Rights
from tests.bot.lab_in_memory import ANN, World, line

VERBS = discover()

TALK = """\
good morning
anybody in the lab?
bob is making that noise again
did somebody reboot bob?
should I reboot bob?
reboot bob?
can you reboot bob please?
could somebody reboot bob for me
I will reboot bob after lunch
let's reboot bob and see
we could run memtest on bob
please don't reboot bob
do not run memtest on bob
don't stop 3
reboot
reboot it
reboot them all
reboot everything
reboot bob and alice
reboot bob, alice
reboot bob later
reboot bob tomorrow
reboot bob now or never
reboot bob when it is idle
reboot bob; run memtest on bob
reboot bob && reboot alice
reboot bob...
"reboot bob"
'reboot bob'
`reboot bob`
> reboot bob
>> run memtest on bob
ann: reboot bob
max, run memtest on bob
@max reboot bob
bob: reboot
bob, status
/me reboots bob
/reboot bob
!reboot bob
$ reboot bob
# reboot bob
- reboot bob
1. reboot bob
reboot: bob
reboot=bob
rebooting bob
rebooted bob
run
run!
run for it
run memtest
run memtest on
run memtest bob
run memtest on bob tonight
run memtest on bob if it is idle
run memtest on bob with 2 passes
run memtest on bob and then reboot
run memtest on bob or alice
run memtest size=64M
run memtest on bob:
run, memtest on bob
run to the shop on friday
run errands on friday
run tests on everything
running memtest on bob
I run memtest on bob every monday
stop
stop it
stop 3 o'clock
stop that noise
stop bob
stop 0
stop -1
stop 3 bob
status of bob?
status quo
status: all is well
what is the status
jobs are scarce
jobs?
job done
job well done
good job 3
log
log in
log out
log 3 times
log off
ping
ping me later
ping?
ping max
help
help me
help!?
helpful, thanks
recipes for cake
recipes?
admit defeat
admit it
invite ann
invite everybody
invite ann to lunch
thanks, labbot
labbot is great
tell labbot to reboot bob
tell me
tell me more
tell me about bob
tell me when lunch is back
tell me when bob is done
tell me when it is idle
tell me what you wait for
tell me nothing about it
tell ann when bob is idle
the labbot: reboot bob
bob alice carol
on bob
all
memtest
memtest on bob
memtest passed on bob
job 17 pass: memtest size=16M on bob
ann: job 17 fail: memtest on bob, 12 s
```
\u00bfreboot bob?
reb\u043eot bob
reboot b\u043eb
ok
:-)
\U0001f525 bob is down \U0001f525
https://lab.example/status
reboot https://lab.example
run memtest on http://bob/
yes
no
yes 7f
no 7f
yes, 7f
yes I did
no way
who can help me
who can
who can reboot it
who can tell me about bob
who is bob
who rebooted bob
can I go now
can I reboot bob?
can I have bob
can you run memtest on bob
can we reboot bob
why can't I log in
why can't we reboot bob
why is bob away
whoami again
who am I
""".splitlines()
TALK.remove("help")  # all of it is a command

MORE = [
    "reboot bob\nreboot alice",
    "```\nreboot bob\n```",
    "> reboot bob\nno, please don't",
    "reboot bob\n\nplease",
    "run memtest\non bob",
    "",
    " ",
    "\u200b",
    "x" * 10_000,
    "reboot bob " + "really " * 1_000,
]


@pytest.mark.parametrize("text", [*TALK, *MORE], ids=repr)
async def test_nothing_acts_on_talk(text: str) -> None:
    world = World()
    rest, addressed = address(text, "labbot")
    assert not addressed
    assert await Dialogue(VERBS, world.lab, Rights()).answer(line(rest, ANN)) is None
    assert world.deeds == []


@pytest.mark.parametrize(
    ("text", "contains"),
    [
        ("rebot bob", ['no command called "rebot"', "Did you mean reboot?"]),
        ("restart bob", ['no command called "restart"', "Did you mean reboot?"]),
        ("runn memtest on bob", ["Did you mean run?"]),
        ("stauts", ["Did you mean status?"]),
        ("start memtest on bob", ["Did you mean run?"]),
        ("cancel 3", ["Did you mean stop?"]),
        ("weather", ["Say help."]),
        ("hello", ['no command called "hello"', "help"]),
        ("thanks a lot", ["thanks"]),
        ("recipe bob", ["Did you mean recipes?"]),
        ("reboot", ["column 7", "a target", "at the end", "Try: reboot bob"]),
        ("reboot bob?", ["column 11", '"now"', "nothing more"]),
        ("reboot bob noww", ["column 12", "Did you mean now?", "           ^"]),
        ("reboot bob, alice", ["column 11", '","']),
        ("reboot bob and alice", ["column 12", '"and"']),
        ("reboot bob later", ["column 12", '"later"']),
        ("reboot 17", ["column 8", "a target", '"17"']),
        ("reboot now", ["column 8", "a target", '"now"']),
        ("reboot all", ["column 8", "a target"]),
        ("reboot bbo", ["no target called bbo", "Did you mean bob?"]),
        ("reboot zzz", ["no target called zzz", "There are alice, bob and carol."]),
        ("reboot b\u043eb", ["column 8", "a target"]),
        ("reboot carol", ["carol is away"]),
        ("reboot alice", ["alice is busy", "reboot alice now"]),
        ("run", ["column 4", "a recipe", "Try: run memtest on bob"]),
        ("run memtest", ["column 12", "parameter like size=64M", '"on"']),
        ("run memtest on", ["column 15", "a target", "at the end"]),
        ("run memtest bob", ["column 13", '"on"', '"bob"']),
        ("run memtest onn bob", ["column 13", "Did you mean on?"]),
        ("run memtest size64M on bob", ["column 13", "parameter like size=64M"]),
        ("run memtest size= on bob", ["column 22", '"bob"']),
        ("run memtest --size 64M on bob", ["column 13", '"--size"']),
        ("run memtest -h", ["column 13", "Try: run memtest on bob"]),
        ("run memtest size=1M size=2M on bob", ["column 21", "size is given twice"]),
        ("run memtest on bob,", ["column 20", "a target", "at the end"]),
        ("run memtest on bob, , alice", ["column 21", "a target"]),
        ("run memtest on bob alice", ["column 20", "a comma and another target"]),
        ("run memtest on bob; reboot bob", ["column 19", '";"']),
        ("run memtest, on bob", ["column 14", "a recipe"]),
        ("run memtest on all, bob", ["column 19", '","']),
        ("run memtst on bob", ["no recipe on bob called memtst", "Did you mean memtest?"]),
        ("run memtest sise=1M on bob", ["no parameter called sise", "Did you mean size?"]),
        ("run memtest depth=1 on bob", ["no parameter called depth", "size, passes"]),
        ("run memtest size=lots on bob", ["size=lots is no size", "size=64M"]),
        ("run memtest size=9T on bob", ["size=9T is too large", "4G"]),
        ("run memtest passes=0 on bob", ["passes=0 is too small", "At least 1"]),
        ("run stress what=cpuu on bob", ["cpu, io, vm", "Did you mean cpu?"]),
        ("run stress time=soon on bob", ["time=soon is no duration", "2h30m"]),
        ("run memtest on bob, alcie", ["no target called alcie", "Did you mean alice?"]),
        ("status bbo", ["Did you mean bob?"]),
        ("status bob alice", ["column 12", '"alice"']),
        ("job", ["column 4", "a job's number"]),
        ("job three", ["column 5", '"three"', "Try: job 3"]),
        ("job 0", ["column 5", "a job's number"]),
        ("job 99", ["no job 99"]),
        ("log bob", ["column 5", "a job's number", "Try: log 3"]),
        ("log 3 bob alice", ["column 11", '"alice"']),
        ("stop", ["column 5", "a job's number"]),
        ("stop bob", ["column 6", '"bob"']),
        ("stop 3, 4", ["column 7", "nothing more"]),
        ("stop 1234567890", ["column 6", "a job's number"]),
        ("ping", ["column 5", "a target"]),
        ("help rnu", ["no command called rnu", "Did you mean run?"]),
        ("invite ann", ["column 8", "ann@lab.example"]),
        ("invite ann@lab.example/phone", ["column 23", "nothing more"]),
        ("admit", ["column 6", "a name or an address"]),
        ("reboot bob\nreboot alice", ["one line at a time"]),
        ("reboot bob" + "!" * 3000, ["too long", "3010 characters"]),
        ("``` reboot", ["no command"]),
        ("\x1b[31mstatus\u202e", ["no command called"]),
        (".", ["no command in that"]),
    ],
)
async def test_a_wrong_line_is_answered_with_what_would_be_right(
    text: str, contains: list[str]
) -> None:
    world = World()
    reply = await Dialogue(VERBS, world.lab, Rights()).answer(line(text, ANN, addressed=True))
    assert reply is not None
    assert reply.kind == "refusal"
    assert [part for part in contains if part not in reply.body] == []
    assert world.deeds == []


def test_the_corpora_are_as_large_as_we_say() -> None:
    assert len(set(TALK)) >= 120
