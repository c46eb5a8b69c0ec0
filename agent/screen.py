"""
From bytes to lines, as a person at a terminal sees them. No I/O, standard library only.

Rule 1: a line ends with a newline, a carriage return or a form feed; backspaces go back in it,
escape sequences, control characters and a byte order mark are not there.

Rule 2: what was erased was still said: a line comes as it is seen, and as it was written.

Rule 3: a few kilobytes at a time, whatever the output is.
"""

import codecs
import re
from collections.abc import Callable

LINE = 4096
"""Most characters of a line that are looked at at once."""

_OVERLAP = 256  # a match may straddle the cut of a longer line

_ESCAPE = re.compile(  # ECMA-48, with what xterm adds: a title
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[0-Z\\^-~])"
)
_LONGEST = 128  # of one that comes in parts
_RETURN = re.compile(r"[\r\x0b\x0c]")
_CONTROL = re.compile(r"[\x00-\x07\x0b-\x1f\x7f-\x9f]")  # all but backspace and tab
_BACK = re.compile(r"(\x08+)")


class Screen:
    """The line that is being written, as a terminal shows it: backspaces go back."""

    def __init__(self) -> None:
        self._text = ""
        self._at = 0  # the cursor

    def write(self, text: str) -> None:
        """Add *text*, which may hold backspaces and no other control character."""
        line, at = self._text, self._at
        for piece in _BACK.split(text) if "\b" in text else (text,):
            if piece[:1] == "\b":
                at = max(0, at - len(piece))
            elif at < LINE:
                end = at + len(piece)
                line = (line[:at] + piece + line[end:])[:LINE]
                at = min(end, LINE)
        self._text, self._at = line, at

    def take(self) -> str:
        """The line as it stands; then an empty one."""
        text, self._text, self._at = self._text.rstrip(), "", 0
        return text


class Lines:
    """
    The lines of an output, as it comes.

    Args:
        ended: Told of each line that is not empty, as it is seen, and as it was written.
        part: Told of a part of one that is longer than LINE, as it was written.
    """

    def __init__(self, ended: Callable[[str, str], None], part: Callable[[str], None]) -> None:
        self._ended, self._part = ended, part
        self.number = 1
        """The line that is being written, counted by newlines."""
        self._screen = Screen()
        self._written = ""  # the line as it was written, its last few kilobytes
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._escape = ""  # an escape sequence that is not whole yet

    def feed(self, data: bytes) -> None:
        """Look at *data*, the next bytes of the output."""
        self._see(self._decoder.decode(data))

    def finish(self, data: bytes = b"") -> None:
        """Look at *data*, the last bytes: the line ends there."""
        self._see(self._decoder.decode(data, final=True))
        self._end()

    def _see(self, text: str) -> None:
        """Look at *text*, which may hold any number of lines, or a part of one."""
        rest, *lines = text.split("\n")
        self._row(rest)
        for line in lines:
            self._end()
            self.number += 1
            self._row(line)

    def _row(self, text: str) -> None:
        """Look at *text*, which may be written over itself."""
        rest, *more = _RETURN.split(text)
        self._write(rest)
        for each in more:
            self._end()
            self._write(each)

    def _write(self, text: str) -> None:
        for start in range(0, len(text), LINE):
            self._add(text[start : start + LINE])

    def _add(self, text: str) -> None:
        if self._escape or "\x1b" in text:
            self._screen.write(self._shown(text))
            text = _CONTROL.sub("", text)
        else:
            text = _CONTROL.sub("", text)
            self._screen.write(text)
        self._written += text.replace("\b", "")
        if len(self._written) > LINE:
            self._part(self._written)
            # What is left is no start of a line: a pattern with ^ must not think so.
            self._written = "\x00" + self._written[-_OVERLAP:]

    def _shown(self, text: str) -> str:
        """*text* without escape sequences; one that is not whole yet is kept for later."""
        text, self._escape = self._escape + text, ""
        start = text.find("\x1b", -_LONGEST)
        while start >= 0 and _ESCAPE.match(text, start):
            start = text.find("\x1b", start + 1)
        if start >= 0:
            text, self._escape = text[:start], text[start:]
        return _CONTROL.sub("", _ESCAPE.sub("", text))

    def _end(self) -> None:
        if self._escape:
            self._screen.write(_CONTROL.sub("", self._escape))
            self._escape = ""
        written, self._written = self._written.rstrip(), ""
        line = self._screen.take()
        if written:
            self._ended(line, written)
