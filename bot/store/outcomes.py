"""How a step's outcome is written in the database: plain data, and back. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from agent.wire.vocabulary import Verdict
from bot.findings import Case, FirstLine, Known, Metric
from bot.jobs import Outcome


def outcome_out(outcome: Outcome) -> dict[str, Any]:
    """*outcome* as JSON takes it; its facts have a place of their own."""
    told = {
        "step": outcome.step,
        "verdict": str(outcome.verdict),
        "seconds": outcome.seconds,
        "reason": outcome.reason,
        "counts": dict(outcome.counts),
        "lines": list(outcome.lines),
        "metrics": metrics_out(outcome.metrics),
        "first": asdict(outcome.first) if outcome.first else None,
        "known": [asdict(issue) for issue in outcome.known],
        "cases": [[case.name, str(case.verdict), case.why] for case in outcome.cases],
        "case_count": outcome.case_count or None,
    }
    return {name: value for name, value in told.items() if value not in (None, [], ())}


def outcome_in(data: dict[str, Any]) -> Outcome:
    """Read back what :func:`outcome_out`, or an older labroom, wrote."""
    first = data.get("first")
    return Outcome(
        step=data["step"],
        verdict=Verdict(data["verdict"]),
        seconds=data["seconds"],
        reason=data["reason"],
        counts=data["counts"],
        lines=tuple(data.get("lines", ())),
        metrics=metrics_in(data.get("metrics", ())),
        first=_first_in(first) if first else None,
        known=tuple(Known(**issue) for issue in data.get("known", ())),
        cases=tuple(
            Case(name=name, verdict=Verdict(verdict), why=why)
            for name, verdict, why in data.get("cases", ())
        ),
        case_count=data.get("case_count", 0),
    )


def metrics_out(metrics: Sequence[Metric]) -> list[dict[str, Any]]:
    """*metrics* as JSON takes them."""
    return [asdict(metric) for metric in metrics]


def metrics_in(data: Sequence[dict[str, Any]]) -> tuple[Metric, ...]:
    """Read back what :func:`metrics_out` wrote."""
    return tuple(Metric(**metric) for metric in data)


def _first_in(data: dict[str, Any]) -> FirstLine:
    return FirstLine(
        line=data["line"],
        before=tuple(data["before"]),
        after=tuple(data["after"]),
        at=data["at"],
        by=data.get("by", ""),
    )
