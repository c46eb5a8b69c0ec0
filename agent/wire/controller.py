"""
What a bot says of itself in presence, so that several in one room agree on who acts.

Same rules as :mod:`agent.wire.stanza`.
"""

from typing import ClassVar

from slixmpp.stanza import Presence
from slixmpp.xmlstream import ElementBase

from agent.wire.fields import NS, read_int


class ControllerElement(ElementBase):
    """
    I am a bot that acts on lines; in presence, from the join on.

        <controller xmlns='urn:labroom:1' rank='100'/>
    """

    name, namespace, plugin_attrib = "controller", NS, "lab_controller"
    interfaces: ClassVar[set[str]] = {"rank"}


def write_controller(presence: Presence, rank: int) -> None:
    """Say that we are a bot, and how eager to act: the lowest *rank* does."""
    presence["lab_controller"]["rank"] = str(rank)


def read_controller(presence: Presence) -> int | None:
    """The rank of the bot whose presence this is; None if it is of no bot."""
    if presence.get_plugin("lab_controller", check=True) is None:
        return None
    return read_int(presence["lab_controller"]["rank"])
