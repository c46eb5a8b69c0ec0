"""
run: start recipes on one or more targets.

Rule 1: a line runs as a whole or not at all; only "all" leaves out, and says, whom a
recipe does not suit.
Rule 2: a target whose catalogue we have not seen decides by itself; it may refuse.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.wire.errors import Refusal
from agent.wire.parameter import RecipeInfo
from agent.wire.vocabulary import Step
from bot import grammar
from bot.confirm import Cost, Stakes, state
from bot.deeds import destroying, running
from bot.grammar import ALL, NoSuch, keyword, known
from bot.lab import Lab
from bot.occupant import Line
from bot.policy import Deed, Permission
from bot.reply import Reply
from bot.report.summary import acknowledgement
from bot.report.text import listed, safe, unique
from bot.verb import Verb

Catalogues = Mapping[str, Mapping[str, RecipeInfo]]


@dataclass(frozen=True, slots=True)
class Run:
    """Steps, one after the other, and the targets to run them on."""

    steps: tuple[Step, ...]
    targets: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    """Of "all": who does not take part, and why."""


class Unsuited(Refusal):
    """This target cannot run the recipe; ``why`` says what it lacks."""

    def __init__(self, target: str, info: RecipeInfo) -> None:
        self.why = safe(info.missing, 100)
        hint = f"Say recipes {target} for what it can."
        super().__init__(f"{target} cannot run {info.name}: {self.why}", hint=hint)


async def resolve(asked: Run, lab: Lab, line: Line) -> Run:
    """Names as the lab writes them, parameters checked against every target's catalogue."""
    every = [target.name for target in lab.targets.all()]
    said = {name: lab.targets.recipes(name) for name in every}
    catalogues = {name: recipes for name, recipes in said.items() if recipes is not None}
    offered = unique(name for recipes in catalogues.values() for name in recipes)
    is_real = any(
        step.recipe.casefold() == name.casefold() for step in asked.steps for name in offered
    )
    if asked.targets == ALL:
        return _everywhere(asked, every, catalogues, likely=is_real)
    folded = {name.casefold() for name in every}
    likely = is_real or any(name.casefold() in folded for name in asked.targets)
    targets = unique(known(name, every, "target", likely=likely) for name in asked.targets)
    checked = [_steps(asked.steps, name, catalogues.get(name)) for name in targets]
    return replace(asked, targets=targets, steps=checked[0])


def _everywhere(asked: Run, every: Sequence[str], catalogues: Catalogues, *, likely: bool) -> Run:
    """On all targets that the steps suit; the refusal of the last one if they suit none."""
    if not every:
        raise NoSuch("there is no target yet", hint="One has to come in first.", likely=False)
    suited: dict[str, tuple[Step, ...]] = {}
    left_out: list[str] = []
    refusal: Refusal | None = None
    for name in every:
        try:
            suited[name] = _steps(asked.steps, name, catalogues.get(name), likely=likely)
        except NoSuch as no_such:
            refusal = no_such
            left_out.append(f"{name}: no such recipe")
        except Unsuited as unsuited:
            refusal = unsuited
            left_out.append(f"{name}: {unsuited.why}")
    if refusal is not None and not suited:
        raise refusal
    return Run(next(iter(suited.values())), tuple(suited), tuple(left_out))


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
    spelled = {name.casefold(): name for name in info.params}
    params = {spelled.get(key.casefold(), key): value for key, value in step.params.items()}
    info.check(params)
    return Step(recipe, params)


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
    job = await lab.jobs.submit(asked.steps, asked.targets, line)
    return acknowledgement(
        job, {target.name: target for target in lab.targets.all()}, asked.left_out
    )


VERB = Verb(
    name="run",
    instead_of=("start", "test"),
    summary="start recipes on targets",
    about=(
        "Starts a recipe, or several one after the other, on one or more targets. The answer "
        "is the job's number; when all targets have ended, one notice says how. A busy target "
        "starts when it is free, one that is away when it is back. What the recipes are and "
        "which parameters they take, `recipes` says. `for 30s` (or `5 min`, `2h30m`, `1 day`) "
        "sets how long it works, where the recipe can be told. `all` leaves out targets that "
        "cannot run it, and names them. `reboot` is a step, too, for who may reboot: the run goes "
        "on after it."
    ),
    grammar=(
        grammar.steps("steps")
        + keyword("on", 'a parameter like size=64M, a comma or "on"')
        + grammar.targets("targets")
    ),
    then="a comma and another target, or nothing more",
    build=Run,
    resolve=resolve,
    needs=Permission.RUN,
    deeds=deeds,
    stakes=stakes,
    narrow=lambda asked, targets: replace(asked, targets=targets),
    run=run,
    examples={
        "run memtest on bob": Run((Step("memtest"),), ("bob",)),
        "run memtest size=64M passes=2 on bob, alice": Run(
            (Step("memtest", {"size": "64M", "passes": "2"}),), ("bob", "alice")
        ),
        "run memtest on all": Run((Step("memtest"),), ALL),
        "run memtest, memtest size=8M on bob": Run(
            (Step("memtest"), Step("memtest", {"size": "8M"})), ("bob",)
        ),
        "run memtest, reboot, memtest on bob": Run(
            (Step("memtest"), Step("reboot"), Step("memtest")), ("bob",)
        ),
        "run stress for 30s on bob": Run((Step("stress", {"for": "30s"}),), ("bob",)),
        "run stress for 2h30m on bob, alice": Run(
            (Step("stress", {"for": "2h30m"}),), ("bob", "alice")
        ),
        "run stress for 30s, memtest on bob": Run(
            (Step("stress", {"for": "30s"}), Step("memtest")), ("bob",)
        ),
        "run memtest on bob, alice and carol": Run((Step("memtest"),), ("bob", "alice", "carol")),
    },
)
