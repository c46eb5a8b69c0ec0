"""Five answers that people see most, of a lab of forty: made by the real commands and reports."""

from dataclasses import replace
from datetime import timedelta

from agent.wire.vocabulary import Step, Verdict
from bot.commands import discover
from bot.dialogue import Dialogue
from bot.jobs import Job, Outcome, Phase, Run
from bot.occupant import Channel
from bot.policy import Rights
from bot.reply import Reply
from bot.report.summary import result
from tests.bot.lab_in_memory import DOMAIN, NOW, World, line, target

NAMES = [f"pc{number:02}" for number in range(1, 41)]
STEP = Step("memtest", {"size": "16G"})
WRONG = "FAILURE: 0x00000000deadbeef != 0x00000000deadbeff at offset 0x0000000012345678"


def ended(name: str, verdict: Verdict, job: int = 41) -> Run:
    """A run on *name*, with what memtest says in such a case."""
    bad = verdict is Verdict.FAIL
    outcome = Outcome(
        step="memtest size=16G",
        verdict=verdict,
        seconds=3731.0,
        reason="1 failure" if bad else "",
        counts={"loops": 1, "failures": float(bad)},
        lines=(WRONG,) if bad else (),
    )
    return Run(
        job=job, target=name, jid=f"{name}@{DOMAIN}", phase=Phase.DONE, verdict=verdict,
        outcomes=(outcome,),
    )  # fmt: skip


def job(*runs: Run, number: int = 41) -> Job:
    """What ann asked for."""
    return Job(
        number=number, steps=(STEP,), asker="ann", asker_jid=f"ann@{DOMAIN}", channel=Channel.ROOM,
        asked=NOW - timedelta(hours=1), by=NOW, runs=runs,
    )  # fmt: skip


async def answers() -> dict[str, Reply]:
    """Each by its name."""
    world = World(
        *(target(name) for name in NAMES[:36]),
        target("pc37", "busy", job=42, doing="memtest size=16G", progress=0.43),
        target("pc38", "busy", job=42, doing="stress time=2h", progress=0.07, queue=2),
        target("pc39", "rebooting"),
        target("pc40", "away", since=NOW - timedelta(minutes=12)),
    )
    many = job(*(ended(n, Verdict.FAIL if n == "pc39" else Verdict.PASS) for n in NAMES))
    one = job(ended("pc39", Verdict.FAIL, 40), number=40)
    running = replace(ended("pc37", Verdict.PASS, 42), phase=Phase.RUNNING, verdict=None)
    world.jobs.jobs = {40: one, 41: many, 42: job(running, number=42)}
    dialogue = Dialogue(discover(), world.lab, Rights())
    found = {}
    for said in ("status", "jobs", "help"):
        reply = await dialogue.answer(line(said))
        assert reply is not None
        found[said] = reply
    return {**found, "failed": result(one), "forty": result(many)}
