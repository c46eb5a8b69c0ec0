"""A lab on one machine: real XMPP servers, alone on loopback, for the demo and for the tests."""

from bot.demo.ejabberd import Ejabberd
from bot.demo.prosody import Prosody
from bot.demo.server import Server as Server

SERVERS: dict[str, type[Server]] = {kind.name: kind for kind in (Prosody, Ejabberd)}
"""By the name that people use."""
