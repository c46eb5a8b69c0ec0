"""Targets are chosen by what real agents say of their machines; a prefix is an address."""

import os

from tests.end_to_end.conftest import Furnish
from tests.end_to_end.lab import answer, facts, order, result


async def test_targets_are_chosen_by_their_machines(furnish: Furnish) -> None:
    lab, ann = await furnish("bob", "carol")
    bob, carol = sorted((lab.name("bob"), lab.name("carol")))
    while len(facts(await answer(ann, "recipes")).get("recipes", {})) < 2:
        pass  # with their recipes they say what machine they are, soon after they came in
    arch = os.uname().machine
    job = await order(
        ann, f"run memtest size=1M on all where memory >= 16M and arch = {arch} wait 1h"
    )
    ended = facts(await result(ann, job))
    assert ended["verdict"] == "pass"
    assert sorted(run["target"] for run in ended["runs"]) == [bob, carol]
    nobody = await answer(ann, "run memtest size=1M on all where memory >= 9T")
    assert 'no target is left of "all where memory >= 9T"' in nobody.body
    again = await order(ann, "run memtest size=1M 2 times on any idle")
    assert len(facts(await result(ann, again))["runs"]) == 1


async def test_a_prefix_is_an_address_and_gets_an_answer(furnish: Furnish) -> None:
    lab, ann = await furnish("bob")
    assert facts(await answer(ann, f"!ping {lab.name('bob')}"))["target"] == lab.name("bob")
    assert 'I know no command called "dance"' in (await answer(ann, "!dance")).body
    since = ann.mark()
    ann.say("!!!")
    await answer(ann, "jobs")
    assert len([heard for heard in ann.messages.entries[since:] if heard.nick == "labbot"]) == 1
