"""Which machines are targets, by the settings."""

import pytest
from pydantic import ValidationError

from bot.config import Config

CONFIG = Config.model_validate(
    {
        "jid": "labbot@lab.example", "room": "lab@rooms.lab.example",
        "owners": ["ann@lab.example"], "members": ["joe@lab.example"],
        "bots": ["labbot2@lab.example"], "targets": ["*@lab.example"],
    }
)  # fmt: skip


def test_bots_and_people_are_no_targets() -> None:
    for local in ("labbot", "labbot2", "ann", "joe"):
        assert not CONFIG.is_target(f"{local}@lab.example")
    assert CONFIG.is_target("bob@lab.example")
    assert not CONFIG.is_target("bob@other.example")


def made(**settings: object) -> Config:
    return Config.model_validate({**CONFIG.model_dump(exclude_unset=True), **settings})


@pytest.mark.parametrize("prefix", ["!", "", ".", "??", "+"])
def test_a_prefix_is_punctuation(prefix: str) -> None:
    assert made(prefix=prefix).prefix == prefix


@pytest.mark.parametrize("prefix", ["/", "a", ">", "`", "@", " ", "!!!!", '"'])
def test_a_prefix_that_means_something_is_refused(prefix: str) -> None:
    why = "clients keep" if prefix == "/" else "up to three"
    with pytest.raises(ValidationError, match=why):
        made(prefix=prefix)


def test_groups_are_names_sets_and_patterns() -> None:
    groups = {"burnin": ("pc[01-16]", "rack3/*", "pc*", "bob", "bob@rack.example")}
    assert made(groups=groups).groups == groups


@pytest.mark.parametrize("member", ["", "pc[1-999999]", "pc[4-1]", "bob, alice"])
def test_a_group_of_what_is_no_name_is_refused(member: str) -> None:
    with pytest.raises(ValidationError):
        made(groups={"burnin": [member]})
