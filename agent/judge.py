"""
From what a diagnostic wrote and how it ended to a verdict. No I/O, no clock.

Rule 1: the worst rule wins (in the order of ``vocabulary.Verdict``). Nothing that is
written turns a fail into a pass, and no pass comes of an end that we brought about.

Rule 2: a line is judged as a person sees it, after backspaces; and for ``fail`` and
``error`` also as it was written: what was erased was still said.

Rule 3: bytes are kept elsewhere, as they came. This file only looks at them, a few
kilobytes at a time, whatever the output is.
"""

import codecs
import re
from typing import Any

from agent.progress import Level, printable

LINE = 4096
"""Most characters of a line that are looked at at once."""

RECENT = 64 * 1024
"""Bytes of the end that are looked at where no rule asks for anything: for the last lines."""

_OVERLAP = 256  # a match may straddle the cut of a longer line
_LINES = 8
_TAIL = 3

_MILDEST_FIRST = (
    "pass", "skip", "warn", "aborted", "refused", "fail", "timeout", "stalled", "crashed",
    "lost", "error",
)  # fmt: skip
"""As in ``vocabulary.Verdict``, which costs the supervisor 4 MB to import; a test compares."""

GOOD = frozenset(("pass", "skip", "warn"))

NOTHING = ("pass", "", "")
"""What results say that a recipe does not ask for."""

_BREAK = re.compile(r"[\r\n]")
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\^_])")
_CONTROL = re.compile(r"[\x00-\x07\x0b-\x1f\x7f-\x9f]")  # all but backspace and tab
_BACK = re.compile(r"(\x08+)")


def worst(*verdicts: str) -> str:
    """The one a person must look at first."""
    return max(verdicts, key=_MILDEST_FIRST.index)


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


class Judge:
    """One step's output and end, as they come."""

    def __init__(self, rules: dict[str, Any]) -> None:
        self._exit: dict[str, str] = rules["exit"]
        self._bits: dict[str, str] = rules.get("bits", {})
        self._fail = [re.compile(pattern) for pattern in rules["fail"]]
        self._error = [(re.compile(pattern), why) for pattern, why in rules["error"]]
        self._must = {pattern: re.compile(pattern) for pattern in rules["must"]}
        self._same = [(re.compile(a), re.compile(b), why) for a, b, why in rules["same"]]
        self._last: list[list[str | None]] = [[None, None] for _ in self._same]
        self._count = {name: re.compile(pattern) for name, pattern in rules["counts"].items()}
        self._levels = [Level(pattern, total) for pattern, total in rules["progress"]]
        rules_of_lines = (
            self._fail,
            self._error,
            self._must,
            self._same,
            self._count,
            self._levels,
        )
        self._recent: bytes | None = None if any(rules_of_lines) else b""
        self._screen = Screen()
        self._written = ""  # the line as it was written, its last few kilobytes
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._escape = ""  # an escape sequence that is not whole yet
        self._cut = False  # we have ended it ourselves: what it says now is about that
        self.counts = dict.fromkeys(self._count, 0)
        self._bad: list[str] = []
        self._tail: list[str] = []
        self.failures = 0
        self.complaint = ""
        """Why this can be no test of the hardware; empty while it may still be one."""
        self._missing = dict(self._must)

    @property
    def lines(self) -> list[str]:
        """The lines that matter, printable: what the rules found, or at the end the last few."""
        return self._bad or [printable(line) for line in self._tail]

    @property
    def progress(self) -> tuple[float, str] | None:
        """How far it is, 0 to 1, and in words; None if nothing is known of it."""
        texts = [level.text for level in self._levels if level.text]
        if not texts:
            return None
        fraction = 0.0
        for level in reversed(self._levels):
            fraction = level.fraction(fraction)
        return round(fraction, 4), ", ".join(texts)

    def feed(self, data: bytes) -> None:
        """Look at *data*, the next bytes of the output."""
        if self._cut:
            return
        if self._recent is None:
            self._see(self._decoder.decode(data))
        else:
            self._recent = (self._recent + data)[-RECENT:]

    def cut(self) -> None:
        """It is asked to end: what it writes from now on is not about the hardware."""
        if not self._cut:
            self._finish_line()
        self._cut = True

    def ended(self, code: int, results: tuple[str, str, str] = NOTHING) -> tuple[str, str]:
        """
        The verdict and its reason, after it ended by itself.

        Args:
            code: Its exit code, or minus the signal that killed it.
            results: What its results say, why, and the program's own message.
        """
        self._finish_line()
        if code < 0:
            return self._worst("error", f"it was killed by {_signal(-code)}, not by us")
        verdict = self._meaning(code)
        found, why, message = results
        last = message or (printable(self._tail[-1]) if self._tail else "")
        ended = f"exit code {code}" + (f": {last}" if last else "")
        reason = "" if verdict == "pass" else f"it ended with {ended}"
        if worst(verdict, found) == found != "pass":
            verdict, reason = found, f"{why} ({ended})" if code else why
        if verdict in GOOD and (lack := self._lack()):
            return self._worst("error", lack)
        return self._worst(verdict, reason)

    def _meaning(self, code: int) -> str:
        """What the recipe says of an exit code; what it does not speak of is a fail."""
        if str(code) in self._exit or not self._bits:
            return self._exit.get(str(code), "fail")
        bits = [str(bit) for bit in range(8) if code >> bit & 1]
        return worst("pass", *(self._bits.get(bit, "fail") for bit in bits))

    def stopped(self, verdict: str, reason: str) -> tuple[str, str]:
        """The verdict and its reason, after we ended it with *verdict* for that *reason*."""
        self.cut()
        return self._worst(verdict, reason)

    def _worst(self, verdict: str, reason: str) -> tuple[str, str]:
        """*verdict*, or what the lines say if that is worse."""
        if self.complaint and verdict != "error":
            verdict, reason = "error", self.complaint
        elif self.complaint:
            reason = self.complaint
        if not self.failures:
            return verdict, reason
        found = "1 failure reported" if self.failures == 1 else f"{self.failures} failures reported"
        if worst(verdict, "fail") == "fail":
            also = f"; {reason}" if verdict == "aborted" else ""
            return "fail", f"{found}, first: {self._bad[0]}{also}"
        return verdict, f"{reason}; before that, {found}"

    def _lack(self) -> str:
        """What is missing for a pass, or empty."""
        for (this, that), (_, _, why) in zip(self._last, self._same, strict=True):
            if this is None or this != that:
                return f"{why} ({this or 'nothing'} is not {that or 'nothing'})"
        for pattern in self._missing:
            return f"it ended early: no line matches {pattern}"
        return ""

    def _see(self, text: str) -> None:
        """Look at *text*, which may hold any number of lines, or a part of one."""
        rest, *lines = _BREAK.split(text)
        for line in lines:
            self._write(rest)
            self._end_line()
            rest = line
        self._write(rest)

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
            self._look_for_bad(self._written)
            # What is left is no start of a line: a pattern with ^ must not think so.
            self._written = "\x00" + self._written[-_OVERLAP:]

    def _shown(self, text: str) -> str:
        """*text* without escape sequences; one that is not whole yet is kept for later."""
        text, self._escape = self._escape + text, ""
        start = text.rfind("\x1b", -32)
        if start >= 0 and _ESCAPE.match(text, start) is None:
            text, self._escape = text[:start], text[start:]
        return _CONTROL.sub("", _ESCAPE.sub("", text))

    def _finish_line(self) -> None:
        self._see(self._decoder.decode(self._recent or b"", final=True))
        self._recent = None
        self._end_line()

    def _end_line(self) -> None:
        if self._escape:
            self._screen.write(_CONTROL.sub("", self._escape))
            self._escape = ""
        written, self._written = self._written.rstrip(), ""
        line = self._screen.take()
        if not written:
            return
        self._look_for_bad(line)
        if written != line:
            self._look_for_bad(written)
        self._look_for_good(line)
        if line:
            self._tail = [*self._tail[1 - _TAIL :], line]

    def _look_for_bad(self, line: str) -> None:
        for pattern, why in self._error:
            if pattern.search(line):
                self._keep(line)
                self.complaint = self.complaint or why or f"it said: {printable(line)}"
        for pattern in self._fail:
            if pattern.search(line):
                self._keep(line)
                self.failures += 1
                break

    def _look_for_good(self, line: str) -> None:
        if self._missing:
            self._missing = {p: c for p, c in self._missing.items() if not c.search(line)}
        for last, (this, that, _) in zip(self._last, self._same, strict=True):
            for side, pattern in enumerate((this, that)):
                if match := pattern.search(line):
                    last[side] = match[1]
        self._count_and_move(line)

    def _count_and_move(self, line: str) -> None:
        for name, pattern in self._count.items():
            if match := pattern.search(line):
                self.counts[name] += _number(match)
        for index, level in enumerate(self._levels):
            if level.see(line):
                for inner in self._levels[index + 1 :]:
                    inner.reset()

    def _keep(self, line: str) -> None:
        line = printable(line)
        if len(self._bad) < _LINES and line not in self._bad:
            self._bad.append(line)


def _number(match: re.Match[str]) -> int:
    """What a match adds to its count."""
    text = match.groupdict().get("n")
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,15}", text) else 1


def _signal(number: int) -> str:
    names = {1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS",
             8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM"}  # fmt: skip
    kill = " (out of memory?)" if number == 9 else ""
    return names.get(number, f"signal {number}") + kill
