"""The lab that the lines in tests/bot/corpora/ are about, and how those files are read."""

import re
from pathlib import Path
from typing import Any

from agent.wire.duration import spelled
from agent.wire.machine import Machine
from agent.wire.parameter import Kind, Parameter, RecipeInfo
from agent.wire.vocabulary import Step, Verdict
from bot.jobs import Job, Phase, Run, spoken
from bot.occupant import Channel
from bot.report.nodes import folded
from tests.bot.lab_in_memory import ANN, DOMAIN, MEMTEST, NOW, World, target

FOLDER = Path(__file__).parent / "corpora"
NICK, PREFIX = "labbot", "!"
GIB = 1 << 30
STRESS = RecipeInfo(
    name="stress",
    summary="Load on every processor",
    params={
        "time": Parameter(kind=Kind.DURATION, default="1m", min="1s", max="48h"),
        "what": Parameter(kind=Kind.CHOICE, default="cpu", choices=("cpu", "io", "vm")),
    },
    takes="time",
)
REBOOT = RecipeInfo(name="reboot", summary="Restart it.")
OFFERED = {"memtest": MEMTEST, "stress": STRESS, "reboot": REBOOT}


def lab() -> World:
    """bob, alice (busy) and carol (away); pc01 to pc20 in two racks; jobs 3, 17 and 41."""
    pc = [
        target(
            f"pc{n:02}",
            "busy" if n == 3 else "idle",
            location=f"lab 2, rack {3 if n <= 10 else 4}",
            machine=Machine(
                memory=(64 if n % 2 else 32) * GIB, cpus=32, arch="x86_64", kernel="6.1.0"
            ),
        )
        for n in range(1, 21)
    ]
    bob = target(
        "bob",
        location="lab 1, rack 1",
        machine=Machine(
            memory=16 * GIB, cpus=8, arch="x86_64", kernel="6.1.0-21-amd64",
            vendor="Dell Inc.", model="OptiPlex 7090", firmware="1.18.0", dimms=2, ecc="no",
            disks=2, nics=1,
        ),
    )  # fmt: skip
    alice = target(
        "alice", "busy", job=17, location="lab 1, rack 2",
        machine=Machine(memory=64 * GIB, cpus=16, arch="aarch64", kernel="6.6.1"),
    )  # fmt: skip
    world = World(bob, alice, target("carol", "away"), *pc)
    world.targets.catalogues = dict.fromkeys(world.targets.known, OFFERED)
    world.groups = {"burnin": ("pc[01-04]", "rack4/*"), "dev": ("bob", "zed")}
    for number, names in ((3, ("bob",)), (17, ("bob", "alice"))):
        world.jobs.jobs[number] = job(number, *(run(number, name) for name in names))
    ends = {"bob": Verdict.FAIL, "pc07": Verdict.PASS, "pc09": Verdict.CRASHED}
    world.jobs.jobs[41] = job(41, *(run(41, name, verdict) for name, verdict in ends.items()))
    return world


def job(number: int, *runs: Run) -> Job:
    return Job(
        number=number, steps=(Step("memtest"),), asker=ANN.nick, asker_jid=ANN.jid or "",
        channel=Channel.ROOM, asked=NOW, by=NOW, runs=runs,
    )  # fmt: skip


def run(number: int, name: str, verdict: Verdict | None = None) -> Run:
    phase = Phase.DONE if verdict else Phase.RUNNING
    return Run(job=number, target=name, jid=f"{name}@{DOMAIN}", phase=phase, verdict=verdict)


def read(name: str) -> list[str]:
    r"""The lines of a corpus; ``\n`` and the like are what they are in Python."""
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    return [_plain(each) for each in lines if not each.startswith("#:")]


def _plain(text: str) -> str:
    parts = text.split("\\")
    escapes = {"n": "\n", "t": "\t", "r": "\r"}
    plain = parts[0]
    for part in parts[1:]:
        if re.match("u[0-9a-f]{4}|U[0-9a-f]{8}", part):
            digits = 4 if part[0] == "u" else 8
            plain += chr(int(part[1 : digits + 1], 16)) + part[digits + 1 :]
        elif part[:1] in escapes:
            plain += escapes[part[:1]] + part[1:]
        else:
            plain += "\\" + part
    return plain


def meaning(verb: str, asked: Any) -> str:
    """What *asked* would do, once its names are found."""
    where = ", ".join(folded(getattr(asked, "targets", ())))
    if verb == "run":
        said = [f"run {spoken(asked.steps)} on {where}"]
        said += [f"not {each}" for each in asked.left_out]
        said += [f"wait {spelled(asked.terms.wait)}"] if asked.terms.wait else []
        return "; ".join(said)
    if verb == "reboot":
        return f"reboot {where}" + (" now" if asked.force else "")
    if verb == "stop":
        return f"stop {asked.number}" + (f" on {where}" if where else "")
    if verb in ("log", "grep"):
        span = "{}-{}".format(*asked.span) if getattr(asked, "span", (0, 0))[0] else ""
        parts = (asked.number, asked.target, getattr(asked, "what", ""), span)
        more = (getattr(asked, "file", ""), getattr(asked, "text", ""))
        return " ".join([verb, *(str(part) for part in (*parts, *more) if part)])
    told = [str(value) for value in (getattr(asked, name, "") for name in NAMED) if value]
    return " ".join([verb, *told, *([where] if where else [])])


NAMED = ("number", "other", "target", "recipe", "command", "person")
"""Of the other commands, what they are about."""
