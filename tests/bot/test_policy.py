"""Rights belong to addresses and affiliations, never to nicks."""

import pytest

from agent.wire.errors import Forbidden
from bot.occupant import Affiliation, Occupant
from bot.policy import Permission, check, held

ANN = "ann@lab.example"


@pytest.mark.parametrize(
    ("affiliation", "may"),
    [
        (Affiliation.OWNER, Permission.ADMIN),
        (Affiliation.ADMIN, Permission.ADMIN),
        (Affiliation.MEMBER, Permission.RUN),
        (Affiliation.NONE, Permission.LOOK),
        (Affiliation.OUTCAST, Permission.NOTHING),
    ],
)
def test_what_an_affiliation_gives(affiliation: Affiliation, may: Permission) -> None:
    assert held(Occupant("ann", affiliation, ANN), {}) is may


def test_a_grant_adds() -> None:
    assert held(Occupant("x", Affiliation.NONE, ANN), {ANN: Permission.OPERATE}) == 3
    assert held(Occupant("x", Affiliation.OWNER, ANN), {ANN: Permission.RUN}) == 4


def test_a_grant_of_nothing_takes_everything() -> None:
    assert held(Occupant("x", Affiliation.OWNER, ANN), {ANN: Permission.NOTHING}) == 0


def test_an_address_is_the_same_in_any_case() -> None:
    assert held(Occupant("x", Affiliation.NONE, "Ann@Lab.Example"), {ANN: Permission.RUN}) == 2


def test_a_nick_gives_no_rights() -> None:
    eve = Occupant(ANN, Affiliation.NONE, "eve@lab.example")
    assert held(eve, {ANN: Permission.ADMIN}) is Permission.LOOK


def test_who_cannot_be_seen_may_only_look() -> None:
    hidden = Occupant("ann", Affiliation.OWNER, None)
    check(hidden, Permission.LOOK, {})
    with pytest.raises(Forbidden, match="hides who you are"):
        check(hidden, Permission.RUN, {})


@pytest.mark.parametrize(
    ("needs", "hint"),
    [
        (Permission.RUN, "make you a member"),
        (Permission.OPERATE, "Owners and admins"),
        (Permission.ADMIN, "Owners and admins"),
    ],
)
def test_a_refusal_says_whom_to_ask(needs: Permission, hint: str) -> None:
    with pytest.raises(Forbidden) as refusal:
        check(Occupant("eve", Affiliation.NONE, "eve@lab.example"), needs, {})
    assert hint in refusal.value.hint
    assert needs.name.lower() in refusal.value.what


def test_a_wrong_permission_in_the_configuration_names_the_right_ones() -> None:
    assert Permission.named("operate") is Permission.OPERATE
    with pytest.raises(ValueError, match="nothing, look, run, operate, admin"):
        Permission.named("root")
