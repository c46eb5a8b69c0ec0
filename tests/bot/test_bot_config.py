"""Which machines are targets, by the settings."""

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
