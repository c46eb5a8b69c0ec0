"""What the bot says: one plain line and at most one block, and the same facts for scripts."""

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from bot.report.text import legal, unfenced

VERSION = 1
"""Of the facts in a reply; a field may be added without a new one."""

ReplyKind = Literal["answer", "acknowledgement", "question", "result", "notice", "refusal", "error"]


@dataclass(frozen=True, slots=True)
class File:
    """What is too long to be said."""

    name: str
    """Without anything that a path or a header could trip over."""
    content: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    pieces: Callable[[], AsyncGenerator[bytes, None]] | None = None
    """What is in it, in place of *content*, where that may be too much for our memory."""
    wanted: bool = False
    """Whether it is what was asked for: then an answer without it says why."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say. The room decides where."""

    text: str
    """One plain line that says it all; seldom a few."""
    table: str = ""
    """What stands in the block, at most 38 columns wide; without the fences."""
    data: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """The same facts, for scripts: whatever json takes."""
    kind: ReplyKind = "answer"
    quotes: bool = False
    """Whether what a machine has printed stands in the block: it calls nobody by name."""
    file: File | None = None
    """All of it, where the block has only a part; told as a link if it can be kept somewhere."""
    picture: File | None = None
    """What the text says, to be seen: a message of its own behind this one."""

    def with_picture(self, url: str) -> tuple["Reply", "Reply"]:
        """
        The same without it, and what shows it.

        Clients show a picture where the link is all that is said (XEP-0066).
        """
        told = replace(self, picture=None, data={**self.data, "picture": url})
        return told, Reply(url, data={"file": url})

    def without_picture(self, reason: str) -> "Reply":
        """The same, with why there is none."""
        why = f"no picture: {reason}"
        return replace(
            self, picture=None, text=f"{self.text}; {why}", data={**self.data, "note": why}
        )

    def with_link(self, url: str, note: str = "") -> "Reply":
        """The same, with where the file is, and what is to be known of it."""
        missing = f" ({note})" if note else ""
        text = f"{self.text}; all of it{missing}: {url}"
        return replace(self, text=text, data={**self.data, "file": url, "note": note})

    def without_link(self, reason: str) -> "Reply":
        """The same, with why the file that was asked for is nowhere."""
        text = f"{self.text}; I cannot give you the file: {reason}"
        return replace(self, text=text, data={**self.data, "note": reason})

    @property
    def body(self) -> str:
        """The message as people get it: legal in XML, at most one block, always closed."""
        text = unfenced(legal(self.text))
        return f"{text}\n```\n{unfenced(legal(self.table))}\n```" if self.table else text

    @property
    def json(self) -> str:
        """The facts as one line of ASCII, hence legal in XML."""
        facts = {"labroom": VERSION, "kind": self.kind, **self.data}
        return json.dumps(_said(facts), separators=(",", ":"), allow_nan=False)


def _said(value: object) -> object:
    """*value* without what is empty: servers count bytes, and a quote takes six in XML."""
    if isinstance(value, Mapping):
        told = {name: _said(inner) for name, inner in value.items()}
        return {name: inner for name, inner in told.items() if inner not in (None, "", [], {})}
    return [_said(inner) for inner in value] if isinstance(value, list) else value
