"""
run: start recipes on one or more targets.

Rule 1: a line runs as a whole or not at all. Whom a recipe does not suit is left out, and
named, only where many were meant ("all", "pc*", "@burnin"), never who was said by name.
Rule 2: a target whose catalogue we have not seen decides by itself; it may refuse.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.wire.duration import spelled
from agent.wire.errors import BadValue, Busy, Refusal
from agent.wire.parameter import RecipeInfo
from agent.wire.vocabulary import Step
from bot import grammar_steps
from bot.choice import chosen
from bot.conditions import STATES, Being, Comparison, Junction, Negation
from bot.confirm import Cost, Stakes, state
from bot.deeds import destroying, running
from bot.grammar import NoSuch, keyword, known
from bot.grammar_steps import MOST_STEPS, ONCE, Repeated, Terms, expanded
from bot.grammar_targets import targets
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Deed, Permission
from bot.reply import Reply
from bot.report.acknowledgement import acknowledgement, usual_words
from bot.report.nodes import folded
from bot.report.text import listed, safe, unique
from bot.selection import EVERYBODY, Choice, Every, Failed, Group, Part, Selection, named
from bot.verb import Verb

Catalogues = Mapping[str, Mapping[str, RecipeInfo] | None]
"""By target; None if it has not said what it can run."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was said; and once it is resolved, the steps and the targets, which are frozen."""

    said: tuple[Repeated, ...]
    of: Selection
    terms: Terms = ONCE
    steps: tuple[Step, ...] = ()
    targets: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Of many, who does not take part, and why."""


class Unsuited(Refusal):
    """This target cannot run the recipe; ``why`` says what it lacks."""

    def __init__(self, target: str, info: RecipeInfo) -> None:
        self.why = safe(info.missing, 100)
        hint = f"Say recipes {target} for what it can."
        super().__init__(f"{target} cannot run {info.name}: {self.why}", hint=hint)


async def resolve(asked: Run, lab: Lab, line: Line) -> Run:
    """Names as the lab writes them, parameters checked against every target's catalogue."""
    catalogues = {each.name: lab.targets.recipes(each.name) for each in lab.targets.all()}
    steps = [each.step for each in asked.said]
    unknown = _unknown(steps, catalogues)

    def suits(name: str) -> bool:
        try:
            _steps(steps, name, catalogues.get(name))
        except Refusal:
            return False
        return True

    choice = await chosen(asked.of, lab, others=not unknown, suits=suits)
    said = _with_terms(asked.said, asked.terms)
    here, skipped = _skip(choice.names, asked.terms, lab)
    checked, unsuited = _suited(
        [each.step for each in said], replace(choice, names=here), catalogues, len(unknown) == 1
    )
    spelled_out = next(iter(checked.values()))
    said = tuple(replace(one, step=step) for one, step in zip(said, spelled_out, strict=True))
    return replace(
        asked,
        steps=expanded(said, asked.terms),
        targets=tuple(checked),
        left_out=(*skipped, *unsuited, *(f"{name}: no such target" for name in choice.absent)),
    )


def _unknown(steps: Sequence[Step], catalogues: Catalogues) -> tuple[str, ...]:
    """The recipes that no target has, as far as all have said what they can run."""
    if None in catalogues.values():
        return ()
    offered = {name.casefold() for recipes in catalogues.values() for name in recipes or ()}
    return unique(step.recipe for step in steps if step.recipe.casefold() not in offered)


def _with_terms(said: Sequence[Repeated], terms: Terms) -> tuple[Repeated, ...]:
    """*said*, with the parameters that stand behind the targets."""
    if not terms.params:
        return tuple(said)
    one, *others = said
    words = listed([str(Step("", {key: value})).strip() for key, value in terms.params.items()])
    if others:
        raise BadValue(f"which recipe gets {words} is not clear", hint="Say it behind that one.")
    if twice := [key for key in terms.params if key in one.step.params]:
        raise BadValue(f"{twice[0]} is given twice", hint="Say one.")
    return (replace(one, step=replace(one.step, params={**one.step.params, **terms.params})),)


def _skip(names: Sequence[str], terms: Terms, lab: Lab) -> tuple[tuple[str, ...], list[str]]:
    """Who is left after "if offline skip", and who is not."""
    targets = {target.name: target for target in lab.targets.all()}
    here = tuple(
        name for name in names if not any(STATES[state](targets[name]) for state in terms.skip)
    )
    if not here:
        raise Busy(
            f"nobody is left: {listed(folded(names))} {'is' if len(names) == 1 else 'are'} "
            f"{' or '.join(sorted(terms.skip))}",
            hint="Without skip, it waits for them.",
        )
    return here, [f"{name}: {targets[name].state}" for name in names if name not in here]


def _suited(
    steps: Sequence[Step], choice: Choice, catalogues: Catalogues, likely: bool
) -> tuple[dict[str, tuple[Step, ...]], list[str]]:
    """Who can run the steps, in its own words; and who cannot, and why."""
    suited: dict[str, tuple[Step, ...]] = {}
    left_out: list[str] = []
    refusal: Refusal | None = None
    for name in choice.names:
        try:
            likely_ = likely and bool(choice.by_name)
            suited[name] = _steps(steps, name, catalogues.get(name), likely=likely_)
        except (NoSuch, Unsuited) as error:
            if name in choice.by_name:
                raise
            refusal = error
            why = error.why if isinstance(error, Unsuited) else "no such recipe"
            left_out.append(f"{name}: {why}")
    if refusal is not None and not suited:
        raise refusal
    return suited, left_out


def _steps(
    steps: Sequence[Step],
    target: str,
    catalogue: Mapping[str, RecipeInfo] | None,
    *,
    likely: bool = True,
) -> tuple[Step, ...]:
    """*steps* in the words of *target*; refused if it cannot run one of them."""
    if catalogue is None:
        return tuple(steps)
    return tuple(_step(step, target, catalogue, likely=likely) for step in steps)


def _step(step: Step, target: str, catalogue: Mapping[str, RecipeInfo], *, likely: bool) -> Step:
    recipe = known(step.recipe, catalogue, f"recipe on {target}", likely=likely)
    info = catalogue[recipe]
    if info.missing:
        raise Unsuited(target, info)
    names = {name.casefold(): name for name in info.params}
    params = {names.get(key.casefold(), key): value for key, value in step.params.items()}
    info.check(params)
    return Step(
        recipe,
        {
            key: info.params[key].spelled(value) if key in info.params else value
            for key, value in params.items()
        },
    )


async def deeds(asked: Run, lab: Lab, line: Line) -> Sequence[Deed]:
    """Every recipe on every target."""
    return running(asked.steps, asked.targets, lab.targets)


async def stakes(asked: Run, lab: Lab, line: Line) -> Stakes:
    """What the recipes destroy. A run that waits for another costs nothing."""
    here = {target.name: target for target in lab.targets.all()}
    found = destroying(asked.steps, asked.targets, lab.targets)
    return Stakes(
        states={name: state(here[name]) for name in asked.targets if name in here},
        costs=frozenset({Cost.DESTRUCTIVE} if found else ()),
        losses=tuple(
            f"{recipe} destroys what is on {listed(names, 4)}" for recipe, names in found.items()
        ),
    )


async def run(asked: Run, lab: Lab, line: Line) -> Reply:
    """Record the job; dispatch picks it up from the store."""
    wait = asked.terms.wait
    job = await lab.jobs.submit(asked.steps, asked.targets, line, within=wait or 0)
    terms = [f"it waits at most {spelled(wait)}"] if wait is not None else []
    if asked.terms.until_failure or any(each.until_failure for each in asked.said):
        terms.insert(0, "it ends with the first failure")
    estimates = await lab.history.estimates(job)
    if usually := usual_words([each.usually for each in estimates.values()]):
        terms.append(f"usually {usually}")
    known_targets = {target.name: target for target in lab.targets.all()}
    return acknowledgement(job, known_targets, asked.left_out, terms)


VERB = Verb(
    name="run",
    instead_of=("start", "test"),
    summary="start recipes on targets",
    about=(
        "Starts a recipe, or several one after the other, on one or more targets. The answer "
        "is the job's number; when all targets have ended, one notice says how. A busy target "
        "starts when it is free, one that is away when it is back. What the recipes are and "
        "which parameters they take, `recipes` says. `for 30s` (or `5 min`, `2h30m`, `1.5h`, "
        "`half an hour`, `1 day`) sets how long it works, where the recipe can be told. Many "
        "targets at once (`all`, `pc*`) leave out those that cannot run it, and the answer names "
        "them. `reboot` is a step, too, for who may reboot: the run goes on after it.\n\n"
        f"`2 times` or `3x` repeats a recipe, behind the targets all of them; a run has at most "
        f"{MOST_STEPS} steps. It ends with its first bad step, so `until failure` is as often as "
        "fits. `if offline skip` (or `if busy skip`) leaves out who is away at this moment; "
        "`wait 8h` is how long the order waits for its targets, else the bot's `patience.start`."
    ),
    grammar=(
        grammar_steps.steps("said")
        + keyword("on", 'a parameter like size=64M, a comma or "on"')
        + targets("of")
        + grammar_steps.terms("terms")
    ),
    then="a comma and another target, an option like wait 8h, or nothing more",
    build=Run,
    resolve=resolve,
    needs=Permission.RUN,
    deeds=deeds,
    stakes=stakes,
    narrow=lambda asked, targets: replace(asked, targets=targets),
    run=run,
    examples={
        "run memtest on bob": Run((Repeated(Step("memtest")),), named("bob")),
        "run memtest size=64M passes=2 on bob, alice": Run(
            (Repeated(Step("memtest", {"size": "64M", "passes": "2"})),), named("bob", "alice")
        ),
        "run memtest on all": Run((Repeated(Step("memtest")),), EVERYBODY),
        "run memtest, memtest size=8M on bob": Run(
            (Repeated(Step("memtest")), Repeated(Step("memtest", {"size": "8M"}))), named("bob")
        ),
        "run memtest then reboot then memtest on bob": Run(
            tuple(Repeated(Step(name)) for name in ("memtest", "reboot", "memtest")), named("bob")
        ),
        "run stress for 2h30m on pc[01-16,20]": Run(
            (Repeated(Step("stress", {"for": "2h30m"})),), named("pc[01-16,20]")
        ),
        "run stress for 30s, memtest on bob": Run(
            (Repeated(Step("stress", {"for": "30s"})), Repeated(Step("memtest"))), named("bob")
        ),
        "run memtest on bob, alice and carol": Run(
            (Repeated(Step("memtest")),), named("bob", "alice", "carol")
        ),
        "run memtest on any idle": Run(
            (Repeated(Step("memtest")),), Selection((Part(Every("idle"), 1),))
        ),
        "run memtest 3 times then stress on @burnin": Run(
            (Repeated(Step("memtest"), 3), Repeated(Step("stress"))),
            Selection((Part(Group("burnin")),)),
        ),
        "run memtest until failure on failed in job 41": Run(
            (Repeated(Step("memtest"), until_failure=True),), Selection((Part(Failed(41)),))
        ),
        "run memtest on all where memory >= 64G and not busy": Run(
            (Repeated(Step("memtest")),),
            Selection(
                EVERYBODY.parts,
                where=Junction("and", (Comparison("memory", ">=", "64G"), Negation(Being("busy")))),
            ),
        ),
        "run memtest on rack3/* except bob, if offline skip": Run(
            (Repeated(Step("memtest")),),
            Selection(named("rack3/*").parts, but=named("bob").parts),
            Terms(skip=frozenset({"away"})),
        ),
        "run memtest on bob wait 8h": Run(
            (Repeated(Step("memtest")),), named("bob"), Terms(wait=28800)
        ),
    },
)
