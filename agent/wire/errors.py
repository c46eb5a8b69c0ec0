"""Refusals: what we say when we will not do what was asked."""


class Refusal(Exception):  # noqa: N818  (it is an answer, not a fault)
    """
    We understood, and we will not. Goes back to the asker as it stands.

    Args:
        what: One sentence, in the asker's words, without a final full stop.
        hint: What to do about it; empty only where nothing can be done.
    """

    condition = "not-acceptable"
    """The stanza error condition it travels as (RFC 6120, section 8.3.3)."""

    def __init__(self, what: str, *, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}. {self.hint}".rstrip()


class UnknownName(Refusal):
    """There is no target, recipe, parameter or job of that name."""

    condition = "item-not-found"


class BadValue(Refusal):
    """A parameter's value is of the wrong type or out of bounds."""

    condition = "bad-request"


class Forbidden(Refusal):
    """The asker may not do this."""

    condition = "forbidden"


class Busy(Refusal):
    """Not now; the same request may work later."""

    condition = "resource-constraint"


class Away(Refusal):
    """The target is not there, and what was asked must not be queued."""

    condition = "recipient-unavailable"


class NoAnswer(Away):
    """It was asked, and did not answer in time: whether it heard us is unknown."""
