"""grep: the lines of a job's logs that have a text in them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyparsing as pp

from bot import grammar, runs
from bot.grammar import name, number, optional
from bot.jobs import Job, Run
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report.numbered import numbered
from bot.report.progress import state
from bot.report.text import cut, plural, safe, size
from bot.scan import Search, having
from bot.verb import Verb

LINES = 24
"""Most of the answer, of all targets together, with their names."""

MOST = 1 << 30
"""Bytes of a job's logs that are looked through for one answer."""

_QUOTED = re.compile(r"""(["'])(.*)\1""")


@dataclass(frozen=True, slots=True)
class Grep:
    """In the logs of all the job's targets, if none is named."""

    text: str
    number: int
    target: str = ""


async def resolve(asked: Grep, lab: Lab, line: Line) -> Grep:
    """The job is there, and has such a target."""
    await runs.check(asked.number, asked.target, lab)
    return asked


async def run(asked: Grep, lab: Lab, line: Line) -> Reply:
    """Target by target, from the store."""
    job = await lab.jobs.get(asked.number)
    among = [runs.of(job, asked.target)] if asked.target else job.runs
    found, left_out, room, read = list[tuple[Run, Search]](), 0, LINES, 0
    for each in among:
        if each.dropped:
            continue
        if read and read + each.printed > MOST:
            left_out += 1
            continue
        read += each.printed
        name = 1 if len(among) > 1 else 0
        search = having(asked.text, max(0, room - name))
        await lab.logs.scan(each, search)
        room -= len(search.hits) + name if search.hits else 0
        found.append((each, search))
    if not found:
        gone = runs.gone(among[0])
        return Reply(f"job {job.number}: {gone}", data={"job": job.number, "note": gone})
    return _told(asked, job, found, left_out, line)


def _told(
    asked: Grep, job: Job, found: Sequence[tuple[Run, Search]], left_out: int, line: Line
) -> Reply:
    hits = [(run, search) for run, search in found if search.count]
    count = sum(search.count for _, search in found)
    shown = sum(len(search.hits) for _, search in hits)
    where = f"job {job.number}"
    if len(found) == 1:
        where += f" on {found[0][0].target}, {state(found[0][0])}"
    text = f'"{safe(asked.text, 60)}" in {where}: {plural(count, "lines") if count else "nowhere"}'
    if len(found) > 1:
        text += f" on {len(hits)} of {len(found)} targets" if count else f" on {len(found)} targets"
    text += f", the first {shown} here" if count > shown else ""
    dropped = [] if asked.target else [run for run in job.runs if run.dropped]
    if dropped:
        text += f"; {plural(len(dropped), 'targets')} left out: {runs.gone(dropped[0])}"
    note = ""
    if left_out:
        note = f"{plural(left_out, 'targets')} not searched, as {size(MOST)} are the most"
        text += f"; {note}"
    return Reply(
        text,
        table="\n".join(_blocks(hits, named=len(found) > 1, columns=line.columns)),
        data={
            "job": job.number,
            "count": count,
            "found": [
                {"target": run.target, "line": at, "text": search.texts[at]}
                for run, search in hits
                for at in search.hits
            ],
            "note": note,
        },
        quotes=True,
    )


def _blocks(hits: Sequence[tuple[Run, Search]], *, named: bool, columns: int) -> list[str]:
    """Below each target's name what stands in its log; who has no room left is only counted."""
    rows = []
    for run, search in hits:
        if named and search.hits:
            rows.append(cut(f"{safe(run.target)}: {plural(search.count, 'lines')}", columns))
        if search.hits:
            rows.append(numbered(search.texts, columns=columns))
    rest = [(run, search) for run, search in hits if not search.hits]
    if rest:
        total = sum(search.count for _, search in rest)
        rows.append(cut(f"and {plural(total, 'lines')} on {len(rest)} more", columns))
    return rows


def _grammar() -> pp.ParserElement:
    """A word, or several in quotes; "in" and a job; perhaps "on" and a target."""
    text = pp.Regex(r"""(?:"[^"]{1,200}"|'[^']{1,200}'|(?![-"'])\S{1,200})(?= |$)""")
    text.set_name('a word, or several in quotes ("bad page")')
    text.set_parse_action(lambda found: _QUOTED.sub(r"\2", found[0]))
    of = (pp.Suppress(pp.Literal("@")) | grammar.keyword("on")) - name("target", "a target")
    job = optional(grammar.keyword("job")) + number("number")
    return text("text") + grammar.keyword("in") - job + optional(of)


VERB = Verb(
    name="grep",
    instead_of=("search", "find"),
    summary="looks for a text in logs",
    about=(
        "The lines of a job's logs, with their numbers, that have a text in them, in any case and "
        "as a person sees them: the first of them, and how many there are. Several words stand in "
        "quotes. It is a text and no pattern. `log 3 bob lines 100-120` shows what stands around."
    ),
    grammar=_grammar(),
    then="on and a target, or nothing more",
    build=Grep,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={
        "grep ECC in 3": Grep("ECC", 3),
        'grep "bad page" in 3 on bob': Grep("bad page", 3, "bob"),
    },
)
