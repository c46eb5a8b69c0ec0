"""
All that speaks for the verdict of one step: its output, what it says by the side channel, its
JSON, the kernel's log, its exit code. No I/O, no clock, standard library only.

The supervisor feeds it as a step runs, and ``labroom-agent recipes test`` from samples.
"""

from functools import partial
from typing import Any

from agent.channel import Case, Channel, each, finding, told
from agent.judge import GOOD, Finding, Judge
from agent.kernel import Kernel
from agent.progress import Clock
from agent.results import MOST, Results, number_at


class Assessment:
    """What is known of one *step*, as it is in its request."""

    def __init__(self, step: dict[str, Any]) -> None:
        self._judge = Judge(step["rules"])
        beside = self._judge.beside
        self.channel = Channel(
            self._judge.metrics, step["rules"].get("expect", ()), partial(beside, by="case")
        )
        watch = step.get("kernel", {}).get("watch", ())
        self.kernel = Kernel(watch, partial(beside, by="kernel"), self._judge.known.explains)
        self.clock = Clock(step["takes"]) if step.get("takes") else None
        """Its progress where it says nothing of it."""
        self._spec: dict[str, Any] | None = step.get("results")
        self._said = bytearray()  # the output, where that is the results
        self._results: Results | None = None
        self._cases: list[Case] = []
        self._whole = False

    @property
    def complaint(self) -> str:
        """Why this can be no test of the hardware; empty while it may still be one."""
        return self._judge.complaint

    @property
    def progress(self) -> tuple[float, str] | None:
        """How far it says that it is, 0 to 1, and in words; None if it does not."""
        return self.channel.progress or self._judge.progress

    @property
    def file(self) -> str:
        """The file in which its JSON will be; empty if it writes none."""
        return self._spec["file"] if self._spec is not None else ""

    def feed(self, data: bytes) -> None:
        """Look at *data*, the next bytes of the output."""
        self._judge.feed(data)
        if self._spec is not None and not self.file:
            self._said += data[: MOST - len(self._said)]

    def cut(self) -> None:
        """It is asked to end: what it says from now on is not about the hardware."""
        self._judge.cut()
        self.channel.close()

    def ended(
        self,
        code: int,
        *,
        lasted: float | None,
        document: bytes = b"",
        more: tuple[Finding, ...] = (),
    ) -> Finding:
        """
        The verdict and its reason, after it ended by itself.

        Args:
            code: Its exit code, or minus the signal that killed it.
            lasted: For how many seconds it ran; None if nobody knows.
            document: What is in its file of results.
            more: What else is to be said of it.
        """
        self.channel.close()
        self._whole = code >= 0
        findings = self._beside(more, whole=True)
        message = ""
        if self._spec is not None:
            results = self._read(document if self.file else bytes(self._said))
            findings += results.findings
            # The last line of a console says more than the last line of JSON.
            message = results.message or ("" if self.file else "see its log")
        verdict, reason = self._judge.ended(code, findings, message)
        lack = self._lack(lasted) if verdict in GOOD else ""
        return ("error", lack) if lack else (verdict, reason)

    def _lack(self, lasted: float | None) -> str:
        """What is missing for a pass, though nothing is bad; empty if nothing is."""
        clock = self.clock
        if clock is not None and lasted is not None and clock.early(lasted):
            return f"it ended early: after {lasted:.1f} s, told to work for {clock.takes} s"
        return self._results.lack if self._results is not None else ""

    def stopped(self, verdict: str, reason: str, more: tuple[Finding, ...] = ()) -> Finding:
        """The verdict and its reason, after we ended it with *verdict* for that *reason*."""
        self.cut()
        return self._judge.stopped(verdict, reason, self._beside(more, whole=False))

    def _beside(self, more: tuple[Finding, ...], *, whole: bool) -> list[Finding]:
        """All that was found beside the output, now that there is no more."""
        self._cases = self.channel.cases(whole=whole)
        for case in self._cases:  # one that did not come is told now, the others were when they did
            self._judge.beside(*finding(case), by="case")
        return [*self.channel.findings(whole=whole), *self.kernel.findings, *more]

    def _excused(self, case: Case) -> Case:
        """*case*, a warning if it is a known issue."""
        name, verdict, why = case
        known = verdict == "fail" and self._judge.known.explains(finding(case)[1])
        return (name, "warn", why) if known else case

    def _read(self, document: bytes) -> Results:
        assert self._spec is not None  # noqa: S101  (for the type)
        self._results = Results(self._spec, document)
        metrics = self._judge.metrics
        for name, path in metrics.paths.items():
            if (number := number_at(self._results.document, path)) is not None:
                metrics.add(name, number)
        return self._results

    def facts(self, verdict: str) -> dict[str, Any]:
        """What is known of it, for its last record; the most important first."""
        judge = self._judge
        read = self._results.counts if self._results is not None else {}
        cases = each([self._excused(case) for case in self._cases])
        more: dict[str, Any] = {
            "metrics": judge.metrics.told(),
            "facts": self.channel.facts if self._whole else {},
            "known": judge.known.told(),
            "first": None if verdict == "pass" else judge.first,
            "lines": [] if verdict == "pass" else judge.lines,
            "case_count": len(cases),
            "cases": told(cases),
        }
        return {
            "counts": {**judge.counts, **self.channel.counts, **read},
            **{name: value for name, value in more.items() if value or name == "lines"},
        }
