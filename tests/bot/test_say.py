"""``labroom say`` where nothing answers: why, and what to do. The rest: end_to_end/test_say.py."""

import pytest

from bot import say
from bot.demo.ports import claim_port


async def test_where_nothing_answers_it_says_why_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(say, "ANSWER", 3.0)
    config = say.Config.model_validate(
        {
            "jid": "ci@lab.example",
            "room": "lab@rooms.lab.example",
            "server": {"host": "127.0.0.1", "port": claim_port()},
            "credentials": {"password": "x"},
        }
    )
    assert await say.say(config, "status", wait=False, as_json=False, within=1) == say.LOST
    told = capsys.readouterr().err
    assert "Connect call failed" in told
    assert "Correct [server] in the settings" in told
    assert told.count("\n") == 1
