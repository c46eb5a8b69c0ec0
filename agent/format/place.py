"""
In which line of a TOML file a value is: ``tomllib`` does not say.

Only for text that ``tomllib`` has read: what cannot be is not checked again.
"""

import re

Place = tuple[str | int, ...]
"""Keys, and places in lists: ``("verdict", "fail", 0)``."""

_SKIP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL
)
_SCALAR = re.compile(r"[^,\]}#\n]*")


def lines(text: str) -> dict[Place, int]:
    """The line, from 1, of each key, table and element of a list in *text*."""
    reader = _Reader(text)
    reader.document()
    return reader.lines


def line_of(found: dict[Place, int], place: Place) -> int | None:
    """The line of *place*, or of the nearest table around it that is there."""
    while place and place not in found:
        place = place[:-1]
    return found.get(place)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self.lines: dict[Place, int] = {}
        self._arrays: dict[Place, int] = {}  # of tables: the last index

    def document(self) -> None:
        table: Place = ()
        while self._skip() < len(self._text):
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self) -> int:
        match = _SKIP.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at

    def _note(self, place: Place) -> None:
        self.lines.setdefault(place, self._text.count("\n", 0, self._at) + 1)

    def _header(self) -> Place:
        is_array = self._text.startswith("[[", self._at)
        start, self._at = self._at, self._at + 1 + is_array
        table: Place = ()
        keys = self._keys()
        for key in keys:
            table = (*table, key)
            if table in self._arrays and key is not keys[-1]:
                table = (*table, self._arrays[table])
        end, self._at = self._at + 1 + is_array, start
        if is_array:
            self._arrays[table] = self._arrays.get(table, -1) + 1
            table = (*table, self._arrays[table])
        for length in range(1, len(table) + 1):
            self._note(table[:length])
        self._at = end
        return table

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip()
            if match := _BARE.match(self._text, self._at):
                keys.append(match[0])
                self._at = match.end()
            else:
                keys.append(self._string()[1:-1])
            self._skip()
            if self._peek() != ".":
                return keys
            self._at += 1

    def _string(self) -> str:
        match = _STRING.match(self._text, self._at)
        self._at = match.end() if match else len(self._text)
        return match[0] if match else ""

    def _pair(self, table: Place) -> None:
        self._skip()
        start = self._at
        place = table
        for key in self._keys():
            place = (*place, key)
            end, self._at = self._at, start
            self._note(place)
            self._at = end
        self._at += 1  # the equals sign
        self._value(place)

    def _value(self, place: Place) -> None:
        self._skip()
        self._note(place)
        first = self._peek()
        if first == "[":
            self._list(place)
        elif first == "{":
            self._table(place)
        elif first and first in "\"'":
            self._string()
        elif match := _SCALAR.match(self._text, self._at):
            self._at = match.end()

    def _list(self, place: Place) -> None:
        self._at += 1
        index = 0
        while self._skip() < len(self._text) and self._peek() != "]":
            if self._peek() == ",":
                self._at += 1
                continue
            self._value((*place, index))
            index += 1
        self._at += 1

    def _table(self, place: Place) -> None:
        self._at += 1
        while self._skip() < len(self._text) and self._peek() != "}":
            if self._peek() == ",":
                self._at += 1
                continue
            self._pair(place)
        self._at += 1
