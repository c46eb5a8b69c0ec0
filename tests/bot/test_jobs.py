"""The table of what can happen to a run."""

import pytest

from agent.wire.vocabulary import Step, Verdict
from bot.config import Patience
from bot.jobs import LIMITS, NEXT, Happening, ImpossibleError, Job, Phase, Run, after
from bot.occupant import Channel
from tests.bot.lab_in_memory import NOW


def job(*verdicts: Verdict | None) -> Job:
    runs = tuple(
        Run(
            job=3,
            target=f"t{index}",
            jid=f"t{index}@lab.example",
            phase=Phase.DONE if verdict else Phase.RUNNING,
            verdict=verdict,
        )
        for index, verdict in enumerate(verdicts)
    )
    return Job(
        number=3, steps=(Step("memtest", {"size": "16M"}), Step("disk")), asker="ann",
        asker_jid="ann@lab.example", channel=Channel.ROOM, asked=NOW, by=NOW, runs=runs,
    )  # fmt: skip


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.DONE])
def test_every_open_phase_can_end(phase: Phase) -> None:
    assert after(phase, Happening.FINISH) is Phase.DONE


def test_every_phase_can_be_reached_from_the_first() -> None:
    reached = {Phase.OFFERED}
    while more := {to for phase in reached for to in NEXT[phase].values()} - reached:
        reached |= more
    assert reached == set(Phase)


def test_nothing_leads_back_but_a_return() -> None:
    order = list(Phase)
    for phase, happenings in NEXT.items():
        if phase is not Phase.STRANDED:
            assert all(order.index(to) >= order.index(phase) for to in happenings.values())
    assert Phase.OFFERED not in NEXT[Phase.STRANDED].values()


def test_every_phase_but_the_last_has_a_deadline_that_leads_on() -> None:
    assert set(LIMITS) == set(Phase) - {Phase.DONE}
    for phase, limit in LIMITS.items():
        assert limit.setting in Patience.model_fields
        on = after(phase, limit.then)
        assert on is Phase.DONE or after(on, LIMITS[on].then) is Phase.DONE


def test_what_is_done_ends_once_and_is_only_revised() -> None:
    assert after(Phase.DONE, Happening.REVISE) is Phase.DONE
    for happening in (Happening.FINISH, Happening.BEGIN):
        with pytest.raises(ImpossibleError, match=f"{happening} while done"):
            after(Phase.DONE, happening)


@pytest.mark.parametrize("phase", list(Phase))
def test_an_answer_may_come_twice(phase: Phase) -> None:
    assert after(after(phase, Happening.ACCEPT), Happening.ACCEPT) is not Phase.OFFERED


def test_a_job_is_done_with_its_last_run_and_ends_as_its_worst() -> None:
    assert job(Verdict.PASS, None).verdict is None
    assert not job(Verdict.FAIL, None).done
    assert job(Verdict.PASS, Verdict.LOST, Verdict.FAIL).verdict is Verdict.LOST
    assert job(Verdict.PASS, Verdict.WARN).done


def test_a_job_is_called_as_it_was_asked_for() -> None:
    assert job(None).title == "memtest size=16M, disk"
    assert job(None).runs[0].name == "3@t0"
