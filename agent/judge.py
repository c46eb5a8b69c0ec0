"""
From what a diagnostic wrote and how it ended to a verdict. No I/O, no clock.

Rule 1: the worst rule wins (in the order of ``vocabulary.Verdict``). Nothing that is
written turns a fail into a pass, and no pass comes of an end that we brought about.

Rule 2: a line is judged as a person sees it, after backspaces; and for ``fail`` and
``error`` also as it was written: what was erased was still said.

Rule 3: bytes are kept elsewhere, as they came. This file only looks at them, a few
kilobytes at a time, whatever the output is.
"""

import re
from collections.abc import Sequence
from typing import Any

from agent import endings
from agent.first import First
from agent.known import Known
from agent.metrics import Metrics
from agent.progress import Level, printable
from agent.screen import Lines

RECENT = 64 * 1024
"""Bytes of the end that are looked at where no rule asks for anything: for the last lines."""

_LINES = 8
_TAIL = 3

_MILDEST_FIRST = (
    "pass", "skip", "warn", "aborted", "refused", "fail", "timeout", "stalled", "crashed",
    "lost", "error",
)  # fmt: skip
"""As in ``vocabulary.Verdict``, which costs the supervisor 4 MB to import; a test compares."""

GOOD = frozenset(("pass", "skip", "warn"))

Finding = tuple[str, str]
"""A verdict and why."""


def worst(*verdicts: str) -> str:
    """The one a person must look at first."""
    return max(verdicts, key=_MILDEST_FIRST.index)


def gravest(findings: Sequence[Finding]) -> Finding:
    """The first of the worst of *findings*; a pass if there are none."""
    return max(findings, key=lambda each: _MILDEST_FIRST.index(each[0]), default=("pass", ""))


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
        self.metrics = Metrics(rules.get("metrics", {}))
        self.known = Known(rules.get("known", []))
        rules_of_lines = (
            self._fail, self._error, self._must, self._same, self._count, self._levels,
            self.metrics,
        )  # fmt: skip
        self._recent: bytes | None = None if any(rules_of_lines) else b""
        self._lines = Lines(self._end_line, self._look_for_bad)
        self._first = First(_MILDEST_FIRST)
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
    def first(self) -> dict[str, Any] | None:
        """The first line that is bad, with those around it; see docs/protocol.md."""
        return self._first.told

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
            self._lines.feed(data)
        else:
            self._recent = (self._recent + data)[-RECENT:]

    def beside(self, verdict: str, line: str, *, by: str) -> None:
        """Something was said beside the output, by *by*: it may be the first that is bad."""
        if verdict not in GOOD and not (verdict == "fail" and self.known.explains(line)):
            self._first.lead(verdict, line, self._so_far(), by=by)

    def cut(self) -> None:
        """It is asked to end: what it writes from now on is not about the hardware."""
        self._finish_line()
        self._cut = True

    def ended(
        self, code: int, findings: Sequence[Finding] = (), message: str = ""
    ) -> tuple[str, str]:
        """
        The verdict and its reason, after it ended by itself.

        Args:
            code: Its exit code, or minus the signal that killed it.
            findings: What others than its lines say.
            message: The program's own words, to tell in place of its last line.
        """
        self._finish_line()
        found, why = self._gravest(findings)
        if code < 0:
            also = f"; {why}" if why and found not in GOOD else ""
            killer = endings.signal(-code)
            return self._worst("error", f"it was killed by {killer}, not by us{also}")
        verdict, said = ("pass", "") if self.known.excuses(code) else self._meaning(code)
        last = message or (printable(self._tail[-1]) if self._tail else "")
        ended = f"exit code {code}{said}" + (f": {last}" if last else "")
        reason = "" if verdict == "pass" else f"it ended with {ended}"
        if worst(verdict, found) == found != "pass":
            verdict, reason = found, f"{why} ({ended})" if code else why
        elif found == "fail":  # what is worse hides it, but not from people
            reason = f"{reason}; also, {why}"
        if verdict in GOOD and not self.failures and (lack := self._lack()):
            return self._worst("error", lack)
        return self._worst(verdict, reason)

    def _gravest(self, findings: Sequence[Finding]) -> Finding:
        """The worst of *findings* and of the limits; what is bad is among the lines that matter."""
        every = []
        for verdict, why in (*self.metrics.broken(), *findings):
            if verdict in ("fail", "warn") and self.known.explains(why):
                continue
            every.append((verdict, why))
        self._keep_too([why for verdict, why in every if verdict not in GOOD])
        if self.known.why:
            every.append(("warn", self.known.why))
        found, why = gravest(every)
        if found == "error" and (failed := [why for verdict, why in every if verdict == "fail"]):
            why = f"{why}; also, {failed[0]}"
        return found, why

    def _meaning(self, code: int) -> Finding:
        """What the recipe says of an exit code, or else a shell, and its words; or a fail."""
        if (meant := self._exit.get(str(code))) is not None:
            return meant, ""
        if self._bits:
            bits = [str(bit) for bit in range(8) if code >> bit & 1]
            return worst("pass", *(self._bits.get(bit, "fail") for bit in bits)), ""
        said = endings.shell(code)
        return ("error", f", {said}") if said else ("fail", "")

    def stopped(
        self, verdict: str, reason: str, findings: Sequence[Finding] = ()
    ) -> tuple[str, str]:
        """The verdict and its reason, after we ended it with *verdict* for that *reason*."""
        self.cut()
        found, why = self._gravest(findings)
        if found not in GOOD:
            more = worst(found, verdict) == found
            verdict = worst(found, verdict)
            reason = f"{why}; {reason}" if more else f"{reason}; before that, {why}"
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
        lacking = self.metrics.lacking()
        return f"it did not say {lacking}, which has a limit" if lacking else ""

    def _finish_line(self) -> None:
        if not self._cut:
            self._lines.finish(self._recent or b"")
            self._recent = None

    def _end_line(self, line: str, written: str) -> None:
        before = self.failures
        self._look_for_bad(line)
        if written != line:
            self._look_for_error(written)
            if self.failures == before:  # else it is one failure, said once
                self._look_for_fail(written)
        self._look_for_good(line)
        if line:
            self._tail = [*self._tail[1 - _TAIL :], line]
        self._first.follow(line)

    def _look_for_bad(self, line: str) -> None:
        self._look_for_error(line)
        self._look_for_fail(line)

    def _look_for_error(self, line: str) -> None:
        for pattern, why in self._error:
            if pattern.search(line):
                self._first.lead("error", line, self._tail, at=self._lines.number)
                self._keep(line)
                self.complaint = self.complaint or why or f"it said: {printable(line)}"

    def _look_for_fail(self, line: str) -> None:
        for pattern in self._fail:
            if pattern.search(line):
                if not self.known.explains(line):
                    self._first.lead("fail", line, self._tail, at=self._lines.number)
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
        if self.metrics:
            self.metrics.see(line)
        self._count_and_move(line)

    def _count_and_move(self, line: str) -> None:
        for name, pattern in self._count.items():
            if match := pattern.search(line):
                self.counts[name] += _number(match)
        for index, level in enumerate(self._levels):
            if level.see(line):
                for inner in self._levels[index + 1 :]:
                    inner.reset()

    def _so_far(self) -> list[str]:
        """The last lines until now."""
        if not self._recent:
            return self._tail
        lines: list[str] = []  # nobody else looks at them before its end
        Lines(lambda line, _: lines.append(line), lambda _: None).finish(self._recent)
        return [line for line in lines if line][-_TAIL:]

    def _keep_too(self, whys: Sequence[str]) -> None:
        """Keep what was not printed, if need be in place of up to half of what was."""
        new = [why for why in dict.fromkeys(map(printable, whys)) if why not in self._bad]
        new = new[: max(_LINES - len(self._bad), _LINES // 2)]
        self._bad = [*self._bad[: _LINES - len(new)], *new]

    def _keep(self, line: str) -> None:
        line = printable(line)
        if len(self._bad) < _LINES and line not in self._bad:
            self._bad.append(line)


def _number(match: re.Match[str]) -> int:
    """What a match adds to its count."""
    text = match.groupdict().get("n")
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,15}", text) else 1
