"""log: what a run printed: its end, some lines, its errors, all of it; and the files it left."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pyparsing as pp

from agent.wire.errors import UnknownName
from agent.wire.parameter import nearest
from bot import grammar, runs
from bot.artifacts import Artifact
from bot.grammar import Fixed, name, number, optional
from bot.jobs import Job, Run
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import File, Reply
from bot.report.evidence import beside, first_line
from bot.report.numbered import numbered
from bot.report.printed import last_lines, whole
from bot.report.progress import state
from bot.report.table import block, table
from bot.report.text import cut, listed, plural, size, unique
from bot.scan import Errors, Span
from bot.verb import Verb

LINES = 20
BYTES = 256 * 1024
"""Read from the end: a line of memtester's takes eleven thousand."""

SPAN = 2000
"""Most lines that can be asked for at once."""

SHOWN = 25
"""Most of them that stand in the answer; more are a file, too."""

ERRORS = 6
"""Lines that are shown; with those around them they fill a screen."""

PARTS = ("lines", "line", "errors", "files", "file", "all")
"""What may be asked for; a target that is called so is "on" it."""


@dataclass(frozen=True, slots=True)
class Log:
    """Of the job's only target, or the only one that went wrong, if none is named."""

    number: int
    target: str = ""
    span: tuple[int, int] = (0, 0)
    """First and last line; 0: not asked for."""
    what: str = ""
    """``errors``, ``files`` or ``all``; empty: the end."""
    file: str = ""
    """A file that it left."""

    @property
    def part(self) -> str:
        """What is asked for, as one would say it; empty: the end."""
        if self.span[0]:
            return f"lines {self.span[0]}-{self.span[1]}"
        return f"file {self.file}" if self.file else self.what


async def resolve(asked: Log, lab: Lab, line: Line) -> Log:
    """The job is there, and has such a target."""
    await runs.check(asked.number, asked.target, lab)
    return asked


async def run(asked: Log, lab: Lab, line: Line) -> Reply:
    """From the store: it is there while the run goes on, too."""
    job = await lab.jobs.get(asked.number)
    chosen = runs.only(job, asked.target, "log", asked.part)
    if gone := runs.gone(chosen):
        return Reply(f"{_start(chosen)}: {gone}", data={**_facts(chosen), "note": gone})
    if asked.span[0]:
        return await _span(asked, chosen, lab, line)
    match asked.what:
        case "errors":
            return await _errors(chosen, lab, line)
        case "all":
            return _all(chosen, lab)
        case "files":
            return await _files(chosen, lab, line)
    if asked.file:
        return await _one_file(asked, chosen, lab)
    return await _end(job, chosen, lab, line)


def _facts(run: Run) -> dict[str, object]:
    return {"job": run.job, "target": run.target, "state": state(run)}


def _start(run: Run) -> str:
    return f"job {run.job} on {run.target}, {state(run)}"


async def _end(job: Job, chosen: Run, lab: Lab, line: Line) -> Reply:
    data = await lab.jobs.tail(chosen, BYTES)
    lines = last_lines(data, LINES)
    # Shorter than we asked for: that is all of it. Otherwise somebody must have counted.
    total = len(data) if len(data) < BYTES else max(chosen.printed, len(data))
    counted = len(data) < BYTES or chosen.printed >= len(data)
    of = size(total) if counted else f"more than {size(total)}"
    if lines:
        amount = f"last {plural(len(lines), 'lines')} of {of}"
    else:
        amount = f"{of}, nothing to read" if total else "nothing printed yet"
    if len(data) == BYTES:
        amount += f" (log {job.number} {chosen.target} all is a file)"
    return Reply(
        f"{_start(chosen)}: {amount}",
        table=block(lines, columns=line.columns),
        data={**_facts(chosen), "bytes": total, "lines": lines},
        quotes=True,
        file=_tail_file(chosen, data, lines) if len(data) < BYTES else None,
    )


def _tail_file(run: Run, data: bytes, shown: list[str]) -> File | None:
    """All that we read, if that is more than is shown."""
    text = whole(data)
    told = [line for line in text.decode().split("\n") if line.strip()]
    return File(_filename(run), text) if len(told) > len(shown) else None


def _filename(run: Run, end: str = ".txt") -> str:
    called = re.sub(r"[^A-Za-z0-9.-]", "_", run.target)[:60]
    return f"job-{run.job}-{called}{end}"


async def _span(asked: Log, chosen: Run, lab: Lab, line: Line) -> Reply:
    first, last = asked.span
    found = Span(first, min(last, first + SPAN - 1))
    await lab.logs.scan(chosen, found)
    lines = dict(enumerate(found.lines, first))
    if not lines:
        text = f"it has only {plural(found.seen, 'lines')}" if found.seen else "nothing printed yet"
        return Reply(f"{_start(chosen)}: {text}", data={**_facts(chosen), "count": found.seen})
    end = first + len(lines) - 1
    text = f"lines {first} to {end}" if end > first else f"line {first}"
    if last > end:
        text += f", at most {SPAN} at once" if len(lines) == SPAN else ", which is its end"
    if len(lines) > SHOWN:
        text += f", the first {SHOWN} of them here"
    shown = {at: lines[at] for at in list(lines)[:SHOWN]}
    content = "".join(f"{each}\n" for each in found.lines).encode()
    return Reply(
        f"{_start(chosen)}: {text}",
        table=numbered(shown, columns=line.columns),
        data={**_facts(chosen), "found": _found(chosen, shown, shown)},
        quotes=True,
        file=File(_filename(chosen, f"-{first}-{end}.txt"), content)
        if len(lines) > SHOWN
        else None,
    )


def _found(run: Run, hits: Sequence[int] | Mapping[int, str], texts: Mapping[int, str]) -> object:
    return [{"target": run.target, "line": at, "text": texts[at]} for at in hits]


async def _errors(chosen: Run, lab: Lab, line: Line) -> Reply:
    bad = [outcome for outcome in chosen.outcomes if not outcome.verdict.good]
    found = Errors([text for each in bad for text in (first_line(each), *each.lines)], ERRORS)
    await lab.logs.scan(chosen, found)
    aside = unique(said for outcome in bad for said in beside(outcome))
    told = [f"{len(aside)} told beside its output"] if aside else []
    if found.count:
        look = "looks like an error" if found.count == 1 else "look like errors"
        first = f", {len(found.hits)} of them here" if found.count > len(found.hits) else ""
        told.append(f"{plural(found.count, 'lines')} {look}{first}")
    elif not aside:
        end = f"log {chosen.job} {chosen.target} shows the end"
        told.append(f"no line looks like an error; {end}")
    rows = [cut(each, line.columns) for each in aside[:ERRORS]]
    if found.count:
        rows.append(numbered(found.texts, found.hits, columns=line.columns))
    return Reply(
        f"{_start(chosen)}: {', '.join(told)}",
        table="\n".join(rows),
        data={
            **_facts(chosen),
            "count": found.count,
            "beside": list(aside[:ERRORS]),
            "found": _found(chosen, found.hits, found.texts),
        },
        quotes=True,
    )


def _all(chosen: Run, lab: Lab) -> Reply:
    if not chosen.printed:
        return Reply(f"{_start(chosen)}: nothing printed yet", data=_facts(chosen))
    so_far = "" if chosen.verdict is not None else " so far"
    return Reply(
        f"{_start(chosen)}: {size(chosen.printed)}{so_far}",
        data={**_facts(chosen), "bytes": chosen.printed},
        file=File(_filename(chosen), pieces=partial(lab.logs.text, chosen), wanted=True),
    )


async def _files(chosen: Run, lab: Lab, line: Line) -> Reply:
    files = await lab.logs.files(chosen)
    text = f"{_start(chosen)}: " + (plural(len(files), "files") if files else "it left no files")
    if files:
        text += f"; log {chosen.job} {chosen.target} file {files[0].name} is one of them"
    return Reply(
        text,
        table=table([(each.name, _size(each)) for each in files], columns=line.columns),
        data={
            **_facts(chosen),
            "files": [{"name": each.name, "bytes": each.size, "kept": each.kept} for each in files],
        },
    )


def _size(file: Artifact) -> str:
    return size(file.size) if file.kept == file.size else f"{size(file.kept)} of {size(file.size)}"


async def _one_file(asked: Log, chosen: Run, lab: Lab) -> Reply:
    files = {each.name: each for each in await lab.logs.files(chosen)}
    file = files.get(asked.file)
    if file is None:
        near = nearest(asked.file, files)
        some = f"It left {listed(list(files))}." if files else "It left none."
        raise UnknownName(
            f"{chosen.name} left no file called {asked.file}",
            hint=f"Did you mean {near}?" if near else some,
        )
    return Reply(
        f"{file.name} of job {chosen.job} on {chosen.target}: {_size(file)}",
        data={**_facts(chosen), "files": [{"name": file.name, "bytes": file.size}]},
        file=File(
            _filename(chosen, f"-{file.filename}"),
            kind=file.kind,
            pieces=partial(lab.logs.file, chosen, file),
            wanted=True,
        ),
    )


def _grammar() -> pp.ParserElement:
    """``3 bob lines 5-9``: words of ours before names, unless "on" stands there."""
    digits = r"(?P<first>[1-9][0-9]{0,8})(?:(?: ?- ?| to )(?P<last>[1-9][0-9]{0,8}))?(?![\w.-])"
    span = pp.Regex(digits, re.IGNORECASE).set_name("lines like 100-200")
    span.set_parse_action(lambda found: [_ordered(found["first"], found.get("last"))])
    lines = (grammar.keyword("lines") | grammar.keyword("line")) - span("span")
    whole = Fixed("errors") | Fixed("files") | Fixed("all")
    whole.set_parse_action(lambda found: found[0].lower())
    called = pp.Regex(r"[\w.-]{1,80}").set_name("a file's name")("file")
    part = lines | whole("what") | grammar.keyword("file") - called
    named = name("target", "a target")
    ours = pp.MatchFirst([Fixed(word) for word in PARTS])
    of = (pp.Suppress(pp.Literal("@")) | grammar.keyword("on")) + named | ~ours + named
    return number("number") + optional(of) + optional(part)


def _ordered(first: str, last: str | None) -> tuple[int, int]:
    low, high = sorted((int(first), int(last or first)))
    return low, high


VERB = Verb(
    name="log",
    instead_of=("tail", "output"),
    summary="the end of what was printed",
    about=(
        f"The last {LINES} lines that a run printed, without colours and with counters at "
        "their last state, cut at the width of a phone; and how much there is in all. The "
        "target may be left out if there is only one, or only one that went wrong. `lines` shows "
        f"some by their numbers ({SPAN} at most), `errors` those that failed the run and those "
        "that look like errors, with the line before and behind each (and what failed it and was "
        "not printed: cases, and lines of the kernel); `all` is the whole log as a file. `files` "
        "lists what the run left behind, and `file` fetches one of them. A file "
        "that the server finds too large is compressed; if that is not enough, its middle is left "
        "out, and the answer says so."
    ),
    grammar=_grammar(),
    then="a target or nothing more",
    build=Log,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={
        "log 3": Log(3),
        "log 3 bob": Log(3, "bob"),
        "log 3 errors": Log(3, what="errors"),
        "log 3 bob lines 100-200": Log(3, "bob", span=(100, 200)),
        "log 3 all": Log(3, what="all"),
        "log 3 files": Log(3, what="files"),
        "log 3 file sensors.txt": Log(3, file="sensors.txt"),
    },
)
