"""How somebody leaves the room, as far as presences tell."""

import re

from slixmpp.stanza import Presence

from agent.wire.membership import BANNED, GONE, KICKED, NOT_MEMBER
from agent.wire.target import read_leaving
from bot.departure import Departure

REPLACED = re.compile(r"replaced", re.IGNORECASE)
TIMED_OUT = re.compile(r"time[sd]?[ -]?out|ping", re.IGNORECASE)
"""In the status text that a server gives whom it gave up, or put out for a newer session."""


def departure(presence: Presence) -> Departure:
    """How whoever sent *presence*, of type unavailable, leaves."""
    codes = presence["muc"]["status_codes"]
    leaving = read_leaving(presence)
    status = presence["status"] if leaving is None else ""
    return Departure(
        leaving=leaving,
        # With 333 the service itself throws out whom it cannot reach (XEP-0045, section 9.3).
        removed=bool(codes & {KICKED, BANNED, NOT_MEMBER}) and GONE not in codes,
        timed_out=TIMED_OUT.search(status) is not None,
        replaced=REPLACED.search(status) is not None,
    )
