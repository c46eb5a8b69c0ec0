"""
The text of our elements' attributes, read strictly: the sender may be broken or hostile.
"""

import re
from datetime import UTC, datetime

from agent.wire.vocabulary import NAME, TOKEN, RunId

NS = "urn:labroom:1"

MOST_TEXT = 500
"""Characters of a reason or a value; longer ones are cut."""


_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry (section 2.2): a server closes the stream that brings it."""


class MalformedError(ValueError):
    """An element of ours that does not say what it must."""


def format_time(moment: datetime) -> str:
    """*moment* as XEP-0082 writes it, in UTC with milliseconds."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def read_time(text: str) -> datetime:
    """Read back what :func:`format_time` wrote."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:  # the first and the last hours of the calendar
        raise MalformedError(f"not a time: {text[:40]!r}") from error
    raise MalformedError(f"a time without zone: {text[:40]!r}")


def read_run(text: str) -> RunId:
    """A run id."""
    try:
        return RunId.parse(text)
    except ValueError as error:
        raise MalformedError(str(error)) from error


def read_int(text: str) -> int:
    """A number of bytes or seconds: at least 0, below 10^15."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise MalformedError(f"not a count: {text[:40]!r}")
    return int(text)


def read_flag(text: str) -> bool:
    """Yes or no, as XML Schema writes it; what is not there is no."""
    if text not in ("", "true", "1", "false", "0"):
        raise MalformedError(f"neither true nor false: {text[:40]!r}")
    return text in ("true", "1")


def read_name(text: str) -> str:
    """The name of a recipe or a parameter."""
    if NAME.fullmatch(text) is None:
        raise MalformedError(f"not a name: {text[:80]!r}")
    return text


def read_token(text: str) -> str:
    """A random id."""
    if TOKEN.fullmatch(text) is None:
        raise MalformedError(f"not an id: {text[:40]!r}")
    return text


def bounded(text: str) -> str:
    """*text*, cut to what we are willing to keep, without what XML cannot carry."""
    return _ILLEGAL.sub("", text[:MOST_TEXT])
