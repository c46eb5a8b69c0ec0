"""
The text of our elements' attributes, read strictly: the sender may be broken or hostile.
"""

from datetime import UTC, datetime

from agent.wire.vocabulary import NAME, TOKEN, RunId

NS = "urn:labroom:1"

MOST_TEXT = 500
"""Characters of a reason or a value; longer ones are cut."""


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
    except ValueError as error:
        raise MalformedError(f"not a time: {text[:40]!r}") from error
    if moment.tzinfo is None:
        raise MalformedError(f"a time without zone: {text[:40]!r}")
    return moment.astimezone(UTC)


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
    """*text*, cut to what we are willing to keep."""
    return text[:MOST_TEXT]
