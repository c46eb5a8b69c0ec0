"""job: one job in detail."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.wire.duration import rounded
from bot.grammar import number
from bot.insight.estimate import Estimate
from bot.jobs import Job as Record
from bot.jobs import Outcome, Phase, Run
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report import facts
from bot.report.acknowledgement import usual_words
from bot.report.progress import overall, state, where
from bot.report.table import table
from bot.report.text import age, counted, duration, safe
from bot.verb import Verb

CASES = 6
"""Most cases of a step that are shown."""


@dataclass(frozen=True, slots=True)
class Job:
    """By its number."""

    number: int


async def run(asked: Job, lab: Lab, line: Line) -> Reply:
    """From the store: its runs, and the steps of each as far as they have ended."""
    job = await lab.jobs.get(asked.number)
    estimates = {} if job.done else await lab.history.estimates(job)
    rows = [row for run in job.runs for row in _rows(run, job, lab, estimates.get(run.jid))]
    usually = usual_words([each.usually for each in estimates.values()])
    asker = safe(job.asker_jid.split("@")[0] or job.asker or "nobody knows", 20)
    head = table(
        row
        for row in (["asked", age(job.asked, lab.now)], ["by", asker], ["usually", usually])
        if row[1]
    )
    left = _longest(job, lab, estimates)
    until = f", about {duration(rounded(left))} left" if left else ""
    return Reply(
        f"job {job.number} {overall(job)}: {safe(job.title)} on {where(job.runs)}{until}",
        table=f"{table(rows, columns=line.columns)}\n{head}",
        data={
            **facts.of_job(job),
            "left": left,
            "usually": max(
                (e.usually.median for e in estimates.values() if e.usually), default=None
            ),
        },
    )


def _left(run: Run, lab: Lab, estimate: Estimate | None) -> float | None:
    """Seconds until *run* is over: its target's word if it has one, else by history."""
    says = {target.jid: target for target in lab.targets.all() if target.job == run.job}
    told = says[run.jid].left if run.jid in says else None
    return told or (estimate.left if estimate else None)


def _longest(job: Record, lab: Lab, estimates: Mapping[str, Estimate]) -> float | None:
    """Seconds until all that run are over, if that is known of each, and no other waits."""
    if any(run.phase not in (Phase.RUNNING, Phase.DONE) for run in job.runs):
        return None
    running = [run for run in job.runs if run.phase is Phase.RUNNING]
    left = [_left(run, lab, estimates.get(run.jid)) for run in running]
    known = [each for each in left if each]
    return max(known) if known and len(known) == len(left) else None


def _rows(run: Run, job: Record, lab: Lab, estimate: Estimate | None) -> list[list[str]]:
    """The run, and under it its steps where they say more than the run does."""
    seconds = [outcome.seconds for outcome in run.outcomes]
    if run.phase is Phase.RUNNING and run.began is not None:
        taken = duration((lab.now - run.began).total_seconds())
    else:
        taken = duration(sum(seconds)) if seconds else ""
    single = run.outcomes[0] if len(job.steps) == 1 and run.outcomes else None
    detail = run.reason or ((single.reason or counted(single.totals)) if single else "")
    if run.phase is Phase.STRANDED and run.heard is not None:
        detail = f"last heard of {age(run.heard, lab.now)}"
    if run.phase is Phase.RUNNING and (left := _left(run, lab, estimate)):
        detail = f"about {duration(rounded(left))} left"
    rows = [[run.target, state(run), taken, detail]]
    for outcome in run.outcomes:
        if len(job.steps) > 1:
            rows.append([f"  {outcome.step}", outcome.verdict.value, duration(outcome.seconds),
                         outcome.reason or counted(outcome.totals)])  # fmt: skip
        rows += _cases(outcome)
    return rows


def _cases(outcome: Outcome) -> list[list[str]]:
    """The cases of a step that went wrong, the worst first."""
    bad = outcome.bad_cases
    rows = [[f"  {case.name}", case.verdict.value, "", case.why] for case in bad[:CASES]]
    more = [[f"  {len(bad) - CASES} more cases", "", "", ""]] if len(bad) > CASES else []
    return rows + more


VERB = Verb(
    name="job",
    summary="one job in detail",
    about=(
        "One job: each target with its state or verdict, how long it took, what was counted "
        "or why it is no pass, the steps of a sequence, and the cases that went wrong; who "
        "asked, and when; about how long it will take yet, and how long it usually takes. A run is "
        "stranded while its target is gone, or says nothing of it; if that lasts too long, it "
        "is lost."
    ),
    grammar=number("number"),
    build=Job,
    needs=Permission.LOOK,
    run=run,
    examples={"job 3": Job(3)},
)
