"""
What is said and what happens in the room, as lines on a terminal.

Rules: everybody may write whatever they like, and a terminal obeys control characters: they go
(:func:`bot.report.text.legal`). A block is never wrapped: its columns are the message.
"""

from rich.console import Console
from rich.text import Text

from bot.demo.speaker import Said
from bot.report.text import legal, wrapped

INDENT = 18
"""Columns of the time and the nick."""

NARROW = 60
"""Columns of a terminal below which an indented block of 38 columns gets too little room."""

PERSON = "ann"
"""Who sits at this terminal: yellow. The bot is cyan."""

OTHERS = ("magenta", "green", "bright_blue", "bright_magenta")
"""Other people's colours."""

console = Console(highlight=False, soft_wrap=True)


def show(said: Said, *, columns: int | None = None) -> None:
    """
    Print what was said.

    Args:
        columns: The terminal's width, to wrap prose at; None: not wrapped.
    """
    for line in lines_of(said, columns=columns):
        console.print(line)


def lines_of(said: Said, *, columns: int | None = None) -> list[Text]:
    """The lines that *said* takes."""
    first, *rest = legal(said.body).splitlines() or [""]
    nick = legal(said.nick)
    lead = Text.assemble(
        (f"{said.at:%H:%M:%S}", "dim"),
        " ",
        (f"{nick:>8}", "cyan" if said.facts else _colour(nick)),
        " ",
    )
    pieces = _wrapped(first, columns)
    lines = [lead + Text(pieces[0])]
    indent = " " * (INDENT if columns is None or columns >= NARROW else 2)
    lines += [Text(indent + piece) for piece in pieces[1:]]
    fenced = False
    for line in rest:
        if line.startswith("```"):
            fenced = not fenced
        else:
            kept = [line] if fenced else _wrapped(line, columns)
            lines += [Text(indent + piece) for piece in kept]
    return lines


def note(text: str, *, style: str = "dim") -> None:
    """Print what happened, not what was said."""
    console.print(Text(legal(text), style=style))


def _wrapped(line: str, columns: int | None) -> list[str]:
    if columns is None:
        return [line]
    return wrapped(line, max(columns - INDENT - 1, 20), indent="")


def _colour(nick: str) -> str:
    """The same for a nick each time."""
    return "yellow" if nick == PERSON else OTHERS[sum(map(ord, nick)) % len(OTHERS)]
