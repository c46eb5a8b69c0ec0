"""Rights belong to addresses and affiliations, never to nicks; a denial wins."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agent.wire.errors import Forbidden
from bot import pattern
from bot.config import Config
from bot.occupant import Affiliation, Occupant
from bot.policy import Deed, Permission, Rights

ANN = "ann@lab.example"
LOGIN = {"jid": "labbot@lab.example", "room": "lab@rooms.lab.example"}
MEMBER = Occupant("max", Affiliation.MEMBER, "max@lab.example")
OWNER = Occupant("ann", Affiliation.OWNER, ANN)


def settings(**said: Any) -> Rights:
    return Config.model_validate(LOGIN | said).policy()


def rule(*may: str, who: tuple[str, ...] = ("member",), **said: Any) -> Rights:
    return settings(rights=[{"who": who, "may": may, **said}])


def deed(
    needs: Permission, command: str = "", target: str = "bob", location: str = "lab 2, rack 3"
) -> Deed:
    return Deed(command=command, needs=needs, target=target, location=location)


def run(recipe: str = "memtest", *classes: str, target: str = "bob", known: bool = True) -> Deed:
    described = frozenset(classes) if known else None
    return Deed(
        command="run", needs=Permission.RUN, target=target, recipe=recipe, classes=described
    )


LOOK, RUN, DISRUPT, ADMIN = (deed(need) for need in list(Permission)[1:])
REBOOT = deed(Permission.DISRUPT, "reboot")
STOP = deed(Permission.DISRUPT, "stop")


def held(by: Occupant, rights: Rights) -> list[bool]:
    return [rights.judge(by, each).allowed for each in (LOOK, RUN, DISRUPT, ADMIN)]


@pytest.mark.parametrize(
    ("affiliation", "may"),
    [
        (Affiliation.OWNER, [True, True, True, True]),
        (Affiliation.ADMIN, [True, True, True, True]),
        (Affiliation.MEMBER, [True, True, False, False]),
        (Affiliation.NONE, [True, False, False, False]),
        (Affiliation.OUTCAST, [False, False, False, False]),
    ],
)
def test_what_an_affiliation_gives(affiliation: Affiliation, may: list[bool]) -> None:
    assert held(Occupant("ann", affiliation, ANN), Rights()) == may


def test_a_grant_adds_and_takes_nothing() -> None:
    stranger = Occupant("x", Affiliation.NONE, ANN)
    for word in ("disrupt", "operate"):  # as it was called first
        assert held(stranger, settings(grants={ANN: word})) == [True, True, True, False]
    assert all(held(OWNER, settings(grants={ANN: "run"})))


def test_a_grant_of_nothing_takes_everything() -> None:
    assert not any(held(OWNER, settings(grants={ANN: "nothing"})))


def test_an_address_is_the_same_in_any_case() -> None:
    by = Occupant("x", Affiliation.NONE, "Ann@Lab.Example")
    assert held(by, settings(grants={ANN: "run"})) == [True, True, False, False]


def test_a_nick_gives_no_rights() -> None:
    eve = Occupant(ANN, Affiliation.NONE, "eve@lab.example")
    assert held(eve, settings(grants={ANN: "admin"})) == [True, False, False, False]


def test_who_cannot_be_seen_may_only_look() -> None:
    hidden = Occupant("ann", Affiliation.OWNER, None)
    rights = rule("admin", who=("owner", "*@*"))
    rights.check(hidden, [LOOK])
    with pytest.raises(Forbidden, match="hides who you are"):
        rights.check(hidden, [RUN])


@pytest.mark.parametrize(
    ("needs", "hint"),
    [
        (Permission.RUN, "make you a member"),
        (Permission.DISRUPT, "Owners and admins"),
        (Permission.ADMIN, "Owners and admins"),
    ],
)
def test_a_refusal_says_what_and_whom_to_ask(needs: Permission, hint: str) -> None:
    with pytest.raises(Forbidden) as refusal:
        Rights().check(
            Occupant("eve", Affiliation.NONE, "eve@lab.example"), [deed(needs, "reboot")]
        )
    assert hint in refusal.value.hint
    assert refusal.value.what.startswith("you may not reboot bob: it needs the right")
    assert needs.name.lower() in refusal.value.what


def test_a_refusal_of_many_names_one_and_counts_the_others() -> None:
    deeds = [deed(Permission.DISRUPT, "reboot", name) for name in ("bob", "bob", "carl", "dave")]
    with pytest.raises(Forbidden, match=r"may not reboot bob \(nor 2 more of it\)"):
        Rights().check(MEMBER, deeds)


# rules


def test_a_rule_gives_a_class_with_all_below_it() -> None:
    eve = Occupant("eve", Affiliation.NONE, "eve@lab.example")
    assert held(eve, rule("disrupt", who=("none",))) == [True, True, True, False]


def test_a_rule_gives_one_command_alone() -> None:
    rights = rule("reboot")
    assert rights.judge(MEMBER, REBOOT).allowed
    assert not rights.judge(MEMBER, STOP).allowed


def test_a_rule_is_about_whom_it_names_and_nobody_else() -> None:
    groups = {"burnin": [ANN, "ben@lab.example"]}
    rights = settings(people=groups, rights=[{"who": ["@burnin"], "may": ["disrupt"]}])
    ben = Occupant("x", Affiliation.MEMBER, "ben@lab.example")
    assert rights.judge(ben, REBOOT).because == "by rights.0 of my settings"
    assert not rights.judge(MEMBER, REBOOT).allowed
    everybody = rule("disrupt", who=("*@lab.example",))
    assert everybody.judge(MEMBER, REBOOT).allowed
    assert not everybody.judge(Occupant("x", Affiliation.MEMBER, "x@evil.example"), REBOOT).allowed


def test_a_rule_holds_on_its_targets_and_nowhere_else() -> None:
    groups = {"sas": ["pc[01-03]"]}
    rights = settings(
        groups=groups, rights=[{"who": ["member"], "may": ["reboot"], "on": ["rack3/*", "@sas"]}]
    )

    def may(target: str, location: str) -> bool:
        asked = deed(Permission.DISRUPT, "reboot", target, location)
        return rights.judge(MEMBER, asked).allowed

    assert may("bob", "Rack 3")
    assert may("pc02", "")
    assert not may("pc04", "rack 31")
    assert not may("", "rack 3")


def test_a_rule_holds_for_its_recipes_and_their_classes() -> None:
    guest = Occupant("eve", Affiliation.NONE, "eve@lab.example")
    rights = rule("run", who=("none",), recipes=["memtest", "storage"])
    assert rights.judge(guest, run("MemTest")).allowed
    assert rights.judge(guest, run("disk", "storage")).allowed
    assert not rights.judge(guest, run("stress", "load")).allowed
    assert not rights.judge(guest, run("disk", known=False)).allowed


def test_recipes_narrow_what_may_be_run_and_not_a_reboot() -> None:
    rights = rule("run", "reboot", recipes=["memtest"])
    assert rights.judge(MEMBER, REBOOT).allowed
    denial = rule("run", recipes=["wipe"], deny=True, who=("owner",))
    assert denial.judge(OWNER, REBOOT).allowed
    assert not denial.judge(OWNER, run("wipe")).allowed


@pytest.mark.parametrize("first", [True, False])
def test_a_denial_wins_wherever_it_stands(first: bool) -> None:
    allow = {"who": [ANN], "may": ["admin"]}
    deny = {"who": ["owner"], "may": ["disrupt"], "on": ["bob"], "deny": True}
    rights = settings(rights=[deny, allow] if first else [allow, deny])
    ruling = rights.judge(OWNER, REBOOT)
    assert (ruling.allowed, ruling.because) == (
        False,
        f"rights.{0 if first else 1} of my settings denies it",
    )
    assert rights.judge(OWNER, deed(Permission.DISRUPT, "reboot", "alice")).allowed
    assert rights.judge(OWNER, run()).allowed


def test_a_denial_takes_what_is_above_it_too() -> None:
    assert held(OWNER, rule("run", who=("owner",), deny=True)) == [True, False, False, False]


def test_what_a_target_never_described_may_be_destructive() -> None:
    rights = rule("run", recipes=["destructive"], deny=True)
    assert rights.judge(MEMBER, run("memtest", "memory")).allowed
    assert not rights.judge(MEMBER, run("wipe", "destructive")).allowed
    assert not rights.judge(MEMBER, run("anything", known=False)).allowed


def test_a_wrong_permission_in_the_configuration_names_the_right_ones() -> None:
    assert Permission.named("operate") is Permission.DISRUPT
    with pytest.raises(ValueError, match="nothing, look, run, disrupt, admin"):
        Permission.named("root")


# patterns


@pytest.mark.parametrize(
    ("written", "name", "location", "meant"),
    [
        ("bob", "bob", "", True),
        ("bob", "bobby", "", False),
        ("pc*", "pc17", "", True),
        ("pc?", "pc17", "", False),
        ("pc[01-16,20]", "pc01", "", True),
        ("pc[01-16,20]", "pc20", "", True),
        ("pc[01-16,20]", "pc17", "", False),
        ("pc[01-16,20]", "pc1", "", False),
        ("pc[1-16]", "pc7", "", True),
        ("pc[1-2]-[3-4]", "pc2-3", "", True),
        ("*", "anything", "", True),
        ("rack3/*", "bob", "Rack 3", True),
        ("rack3/*", "bob", "lab 2, rack 3", True),
        ("rack3/*", "bob", "rack 31", False),
        ("rack3/*", "bob", "", False),
        ("rack[1-3]/pc*", "pc7", "rack 2", True),
        ("rack[1-3]/pc*", "bob", "rack 2", False),
        ("old-bob@rack.example", "old-bob@rack.example", "", True),
        ("b.b", "bob", "", False),
    ],
)
def test_which_targets_a_pattern_means(written: str, name: str, location: str, meant: bool) -> None:
    assert pattern.matches(pattern.check(written), name, location) is meant


@pytest.mark.parametrize(
    "wrong", ["", "pc[a-f]", "pc[16-01]", "pc[0-9999]", "pc[]", "a b", "rack3/", "/bob", "(a+)+"]
)
def test_a_wrong_pattern_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"names no target|no range"):
        pattern.check(wrong)


# docs/rights.md

PAGE = (Path(__file__).parents[2] / "docs" / "rights.md").read_text()


def test_the_example_of_the_page_means_what_it_says() -> None:
    (toml,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    rights = settings(**tomllib.loads(toml))
    ben = Occupant("x", Affiliation.MEMBER, "ben@lab.example")
    guest = Occupant("x", Affiliation.NONE, "guest@lab.example")
    assert rights.judge(ben, deed(Permission.DISRUPT, "reboot", "pc07", "")).allowed
    assert not rights.judge(ben, deed(Permission.DISRUPT, "reboot", "pc17", "")).allowed
    assert not rights.judge(MEMBER, deed(Permission.DISRUPT, "reboot", "pc07", "")).allowed
    assert rights.judge(guest, run("stress", "load")).allowed
    assert not rights.judge(guest, run("disk", "storage")).allowed
    wipe = Deed(
        command="run",
        needs=Permission.RUN,
        target="z",
        location="Rack 7",
        recipe="wipe",
        classes=frozenset({"destructive"}),
    )
    assert not rights.judge(OWNER, wipe).allowed
