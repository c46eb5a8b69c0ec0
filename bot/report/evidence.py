"""
What a failure looks like: the first line that failed, those around it, and what is new.

Rule: the worst first, each line of the output once, and never more than there is room for.
"""

from collections.abc import Hashable, Mapping, Sequence

from bot.insight.insight import Insight
from bot.insight.templates import template
from bot.jobs import Outcome, Run
from bot.report.nodes import folded
from bot.report.text import cut, listed, safe, unique, wrapped

NEW = 3
"""Most lines that are new."""

_NOTHING = Insight()


def evidence(
    groups: Sequence[Sequence[Run]],
    insights: Mapping[str, Insight],
    *,
    named: bool,
    room: int,
    told: str = "",
) -> list[str]:
    """
    The lines of output that matter, of the worst first, with whose they are.

    Args:
        groups: The runs that ended alike; one of each stands for all.
        insights: By the bare JID of their targets.
        named: Whether there are several, and each needs its names.
        room: Most lines of it all.
        told: Why they ended so, if that was said in full: a line that says no more is left out.
    """
    found: list[str] = []
    for group in groups:
        insight = insights.get(group[0].jid, _NOTHING)
        lines = [line for outcome in group[0].outcomes for line in _of_step(outcome, insight, told)]
        lines += _new(group[0], insight)
        if lines and named:
            found.append(cut(f"{listed(folded([run.target for run in group]), 3)}:"))
        found += lines
    return (
        found if len(found) <= room else [*found[: room - 1], f"and {len(found) - room + 1} more"]
    )


def alike(run: Run) -> Hashable:
    """What is the same of runs that ended alike, whatever their numbers are."""
    ends = tuple(
        (outcome.verdict, template(outcome.reason), template(first_line(outcome)))
        for outcome in run.outcomes
    )
    return run.verdict, template(run.reason), ends


def beside(outcome: Outcome) -> list[str]:
    """What failed it and does not stand in its output: lines of the kernel, and cases."""
    first = outcome.first
    said = [first.line] if first and first.by else []
    said += [line for line in outcome.lines if line.startswith("kernel: ")]
    return list(unique([*said, *map(str, outcome.bad_cases)]))


def first_line(outcome: Outcome) -> str:
    """The line that failed it; empty if there is none."""
    return outcome.first.line if outcome.first else next(iter(outcome.lines), "")


def _of_step(outcome: Outcome, insight: Insight, told: str) -> list[str]:
    first = outcome.first
    if first is None:
        lines = [line for line in outcome.lines if not _says_no_more(line, told)]
        return [piece for line in lines for piece in _whole(line)]
    around = [*first.before, *first.after]
    rest = [line for line in outcome.lines if line != first.line and line not in around]
    new = template(first.line) in map(template, insight.new)
    if not (around or rest or new) and _says_no_more(first.line, told):
        return []
    return [
        *(cut(f"  {safe(line)}") for line in first.before),
        *_whole(f"> {first.line}"),
        *([cut(f"  ({_since(insight)})")] if new else []),
        *(cut(f"  {safe(line)}") for line in first.after),
        *(piece for line in rest for piece in _whole(line)),
    ]


def _says_no_more(line: str, told: str) -> bool:
    """Whether *line* says what was *told*, behind a time or a label perhaps."""
    return bool(told) and safe(line).endswith(told)


def _new(run: Run, insight: Insight) -> list[str]:
    """The lines that are new since the last run that passed, and not told already."""
    firsts = [outcome.first for outcome in run.outcomes if outcome.first]
    told = {template(line) for outcome in run.outcomes for line in outcome.lines}
    told |= {template(line) for each in firsts for line in (*each.before, each.line, *each.after)}
    new = [line for line in insight.new if template(line) not in told][:NEW]
    head = [cut(f"{_since(insight)}:")] if new else []
    return head + [piece for line in new for piece in _whole(line)]


def _since(insight: Insight) -> str:
    return f"new since job {insight.new_since}, which passed"


def _whole(line: str) -> list[str]:
    return wrapped(safe(line))[:3]
