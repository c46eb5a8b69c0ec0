"""status: how the targets are, all in a table or one in detail."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.wire.duration import rounded
from bot.choice import chosen
from bot.grammar import keyword, optional
from bot.grammar_targets import targets as selection
from bot.lab import Lab, Target
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report import facts
from bot.report.nodes import folded
from bot.report.table import table
from bot.report.text import age, cut, duration, listed, plural, safe, size
from bot.selection import Every, Part, Selection, named
from bot.verb import Verb

MOST_LEFT = 999 * 86400
"""Seconds of an estimate; who says more says nothing."""

MOST = 4
"""Versions that are told of; more are a mess of another kind."""

MANY = 20
"""Targets in rows of their own; of more, those that fold share one."""

NAMES = 24
"""Columns for names that share a row: the state must stand beside them."""

Row = tuple[str, str, str, str]
"""Of a target: its state, its progress, how long that takes yet, and what it does."""

ORDER = ("idle", "busy", "rebooting", "away", "down")


@dataclass(frozen=True, slots=True)
class Status:
    """Of all targets if none is named; in detail, if one is."""

    of: Selection | None = None
    targets: tuple[str, ...] = ()
    """Who is meant, once that is resolved."""


async def resolve(asked: Status, lab: Lab, line: Line) -> Status:
    """The targets as the lab writes them."""
    if asked.of is None:
        return asked
    return replace(asked, targets=(await chosen(asked.of, lab)).names)


async def run(asked: Status, lab: Lab, line: Line) -> Reply:
    """From what the targets' presence said last."""
    targets = await _estimated(lab)
    stranded: dict[str, list[int]] = {}
    for each in await lab.jobs.stranded():
        stranded.setdefault(each.jid, []).append(each.job)
    if asked.of is not None:
        targets = [target for target in targets if target.name in asked.targets]
        if len(targets) == 1:
            return _one(targets[0], lab, stranded.get(targets[0].jid, []))
    counts = Counter(target.state for target in targets)
    states = [f"{counts[state]} {safe(state, 12)}" for state in sorted(counts, key=_place)]
    text = (
        f"{plural(len(targets), 'targets')}: {', '.join(states)}" if targets else "no targets yet"
    )
    rows = [(target.name, _row(target, lab, stranded)) for target in targets]
    return Reply(
        "\n".join(part for part in (text, _skew(targets, lab.version)) if part),
        table=table(_short(rows) if len(rows) > MANY else _whole(rows), columns=line.columns),
        data={
            "targets": [
                {**facts.of_target(target), "stranded": stranded.get(target.jid, [])}
                for target in targets
            ],
            "version": lab.version,
        },
    )


async def _estimated(lab: Lab) -> Sequence[Target]:
    """All targets; how long they will be busy is from history, where they do not say it."""
    targets = lab.targets.all()
    untold = {each.jid: each.job for each in targets if each.job and each.left is None}
    left = await lab.history.left(untold) if untold else {}
    return [
        replace(each, left=float(rounded(left[each.jid]))) if each.jid in left else each
        for each in targets
    ]


def _row(target: Target, lab: Lab, stranded: Mapping[str, Sequence[int]]) -> Row:
    return target.state, _progress(target), _left(target), _what(target, lab, stranded)


def _whole(rows: Sequence[tuple[str, Row]]) -> list[list[str]]:
    return [[name, *row] for name, row in rows]


def _short(rows: Sequence[tuple[str, Row]]) -> list[list[str]]:
    """Those of whom the same is said in one row, if their names fold: ``pc[01-36]  idle``."""
    alike: dict[Row, list[str]] = {}
    for name, row in rows:
        alike.setdefault(row, []).append(name)
    # On a phone only the top is seen: what is not idle stands there.
    order = sorted(alike, key=lambda row: row[0] == "idle")
    return [[cut(called, NAMES), *row] for row in order for called in folded(alike[row])]


def _skew(targets: Sequence[Target], ours: str) -> str:
    """Who runs another version than we do, in one line; empty if nobody does."""
    others: dict[str, list[str]] = {}
    for target in targets:
        if target.present and target.version and target.version != ours:
            others.setdefault(target.version, []).append(target.name)
    count = sum(map(len, others.values()))
    if not others or not ours:
        return ""
    versions = [
        f"{listed(folded(names))} {safe(version, 20)}"
        for version, names in sorted(others.items())[:MOST]
    ]
    return (
        f"the bot is {ours}, {plural(count, 'targets')} {'is' if count == 1 else 'are'} not: "
        + ("; ".join([*versions, *["..."] * (len(others) > MOST)]))
    )


def _place(state: str) -> tuple[int, str]:
    return (ORDER.index(state) if state in ORDER else len(ORDER), state)


def _progress(target: Target) -> str:
    """``43%``, or empty."""
    known_part = target.progress is not None and 0 <= target.progress <= 1
    return f"{target.progress:.0%}" if known_part else ""


def _left(target: Target) -> str:
    """``12 min``, or empty; it was rounded by who said it."""
    known_part = target.left is not None and target.left > 0
    return duration(min(target.left or 0, MOST_LEFT)) if known_part else ""


def _what(target: Target, lab: Lab, stranded: Mapping[str, Sequence[int]]) -> str:
    waits = _stranded(stranded.get(target.jid, ()))
    if not target.present:
        since = f"since {age(target.since, lab.now)}".removesuffix(" ago") if target.since else ""
        return ", ".join(part for part in (waits, since) if part)
    job = f"job {target.job}: " if target.job else ""
    job = f"for {target.other}: " if target.other else job
    return f"{job}{target.doing}" if target.doing or job else waits


def _stranded(numbers: Sequence[int]) -> str:
    """``job 3 stranded``; empty if none is."""
    if not numbers:
        return ""
    return f"job {numbers[0]} stranded" if len(numbers) == 1 else f"{len(numbers)} jobs stranded"


def _version(target: Target, ours: str) -> str:
    same = target.version == ours or not target.version or not ours
    return target.version if same else f"{target.version} (the bot: {ours})"


def _one(target: Target, lab: Lab, stranded: Sequence[int]) -> Reply:
    """Everything that is known of *target*."""
    called = ", ".join(safe(part, 60) for part in (target.friendly, target.location) if part)
    left = f"about {_left(target)} left" if _left(target) else ""
    does = " ".join(part for part in (safe(_what(target, lab, {}), 100), _progress(target)) if part)
    doing = ", ".join(part for part in (does, left) if part)
    text = f"{target.name}{f' ({called})' if called else ''}: {safe(target.state, 12)}"
    rows = [
        ("name", target.friendly),
        ("place", target.location),
        ("state", target.state),
        ("since", age(target.since, lab.now) if target.since else ""),
        ("does", does if target.present else ""),
        ("left", left.removesuffix(" left")),
        ("waiting", plural(target.queue, "runs") if target.queue else ""),
        ("stranded", ", ".join(f"job {number}" for number in stranded)),
        ("heard", age(target.heard, lab.now) if target.heard else "never"),
        ("boot", target.boot[:8]),
        ("machine", " ".join(map(safe, (target.machine.vendor, target.machine.model)))),
        ("memory", size(target.machine.memory) if target.machine.memory else ""),
        ("cpus", str(target.machine.cpus or "")),
        ("kernel", " ".join(map(safe, (target.machine.kernel, target.machine.arch)))),
        ("version", _version(target, lab.version)),
        ("address", target.address),
        ("jid", target.jid),
    ]
    return Reply(
        f"{text}, {doing}" if doing else text,
        table=table([row for row in rows if row[1].strip()]),
        data={"target": {**facts.of_target(target), "stranded": list(stranded)}},
    )


VERB = Verb(
    name="status",
    instead_of=("list", "targets", "show"),
    summary="how the targets are",
    about=(
        "Every target, or those that are named, with its state and what it does; or one in "
        "detail: its machine, what it is called and "
        "where it stands, since when it is in its state, what it does, how far that is and about "
        "how long it will take, how many runs wait there, when it was last heard, its boot, its "
        "agent's version, the IP address that it says it has, and which jobs are stranded: it is "
        "gone, or says nothing of them. Targets whose agents have another version than the bot "
        "are named. "
        "What a target does for another bot is said with that bot's name."
    ),
    grammar=optional(
        optional(keyword("of", "a target") | keyword("on", "a target")) + selection("of")
    ),
    then="a target or nothing more",
    build=Status,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={
        "status": Status(),
        "status bob": Status(named("bob")),
        "status rack3/*": Status(named("rack3/*")),
        "status idle": Status(Selection((Part(Every("idle")),))),
    },
)
