"""tell: one message to the asker once something is so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyparsing as pp

from agent.wire.errors import Forbidden
from bot.choice import chosen
from bot.grammar import Fixed, keyword, number
from bot.grammar_targets import targets
from bot.lab import Lab, Target
from bot.occupant import Line
from bot.policy import Permission
from bot.reply import Reply
from bot.report.text import listed
from bot.selection import Selection, named
from bot.verb import Verb
from bot.wish import Kind, Wish, sentence


@dataclass(frozen=True, slots=True)
class Tell:
    """``kind`` is what must become so; None: nothing any more, or (``ask``) what there is."""

    kind: Kind | None = None
    of: Selection | None = None
    job: int | None = None
    ask: bool = False
    targets: tuple[str, ...] = ()
    """Who is meant, once that is resolved."""


async def resolve(asked: Tell, lab: Lab, line: Line) -> Tell:
    """Targets as the lab writes them; the job exists."""
    if asked.job is not None:
        await lab.jobs.get(asked.job)
    if asked.of is None:
        return asked
    return replace(asked, targets=(await chosen(asked.of, lab)).names)


async def run(asked: Tell, lab: Lab, line: Line) -> Reply:
    """Waited for under the asker's real address."""
    if line.by.jid is None:
        raise Forbidden(
            "I cannot tell you anything later: this room hides who you are",
            hint="An owner can make it show real addresses (non-anonymous).",
        )
    asker = line.by.jid.lower()
    here = {target.jid: target for target in lab.targets.all()}
    if asked.kind is None:
        own = lab.wishes.of(asker) if asked.ask else await lab.wishes.forget(asker)
        return _listed(own, here, ask=asked.ask)
    by_name = {target.name: target for target in here.values()}
    wanted = [by_name[name] for name in asked.targets]
    wish = Wish(
        asker=asker,
        channel=line.channel,
        kind=asked.kind,
        targets=tuple(target.jid for target in wanted),
        job=asked.job,
    )
    text = sentence(wish, asked.targets)
    data = {"waited": str(wish.kind), "targets": list(asked.targets), "job": wish.job}
    if await lab.wishes.wait_for(wish):
        return Reply(text.replace(f" {wish.kind}", f" {wish.kind} already"), data=data)
    now = "" if wish.job is not None else _now(wanted)
    return Reply(
        f"I tell you when {text}{now}", data={**data, "waits": True}, kind="acknowledgement"
    )


def _now(wanted: Sequence[Target]) -> str:
    """What keeps one target from being so; of several, the table of ``status`` says it."""
    if len(wanted) != 1 or wanted[0].state == "idle":
        return ""
    job = f" with job {wanted[0].job}" if wanted[0].job else ""
    return f"; now it is {wanted[0].state}{job}"


def _listed(own: Sequence[Wish], here: Mapping[str, Target], *, ask: bool) -> Reply:
    texts = [
        sentence(wish, [here[jid].name if jid in here else jid for jid in wish.targets])
        for wish in own
    ]
    if not texts:
        text = "you wait for nothing"
    else:
        text = f"{'I tell you when' if ask else 'I no longer tell you when'} {listed(texts)}"
    waits = [{"waited": str(wish.kind), "job": wish.job, "text": text} for wish in own]
    return Reply(text, data={"wishes": waits if ask else []})


def _kind(said: str) -> Kind:
    return Kind.IDLE if said == "free" else Kind(said)


def _grammar() -> pp.ParserElement:
    """``me when ...``, ``me nothing``, ``me what I wait for``."""
    state = Fixed("idle") | Fixed("free") | Fixed("back")
    state.set_parse_action(lambda found: _kind(found[0].lower()))
    verb = (keyword("is") | keyword("are")).set_name('"is"')
    of_targets = targets("of") + verb + state.set_name('"idle" or "back"')("kind")
    done = Fixed("done").set_parse_action(lambda: Kind.DONE)("kind")
    of_job = keyword("job") + number("job") + keyword("is") - done
    when = keyword("when") + (of_job | of_targets).set_name("a job or a target")
    ask = Fixed("what").set_parse_action(lambda: True)("ask")
    what = ask - keyword("I") - keyword("wait") - keyword("for")
    rest = (when | what | keyword("nothing")).set_name('"when", "nothing" or "what"')
    return keyword("me") + rest


VERB = Verb(
    name="tell",
    instead_of=("notify", "remind", "forget"),
    summary="tells you when it is so",
    about=(
        "Tells you, once, when targets are idle (free: nothing to do, and nothing on the way to "
        "them) or back, or a job is done; of several targets, when all are so at the same time. "
        "What is so already is answered at once. You are told in the room, or in private if you "
        "have left it or asked there, also if the bot was restarted; not if you are no longer a "
        "member. You may wait for 10 things; `tell me what I wait for` lists them, `tell me "
        "nothing` forgets them."
    ),
    grammar=_grammar(),
    build=Tell,
    resolve=resolve,
    needs=Permission.LOOK,
    run=run,
    examples={
        "tell me when bob is idle": Tell(Kind.IDLE, named("bob")),
        "tell me when bob is free": Tell(Kind.IDLE, named("bob")),
        "tell me when bob and alice are idle": Tell(Kind.IDLE, named("bob", "alice")),
        "tell me when bob is back": Tell(Kind.BACK, named("bob")),
        "tell me when job 3 is done": Tell(Kind.DONE, job=3),
        "tell me what I wait for": Tell(ask=True),
        "tell me nothing": Tell(),
    },
)
