"""``labroom say`` and go-sendxmpp, as cron and CI would run them: real programs, in a shell."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.demo.programs import require
from tests.end_to_end.conftest import Furnish
from tests.end_to_end.lab import WITHIN, Lab, facts, idle

ROOT = Path(__file__).parents[2]


class Cron:
    """A shell with ci's settings beside it; ci belongs to the room, and is not in it."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.folder = lab, lab.folder / "cron"
        self.folder.mkdir()
        self.name = lab.name("ben")

    async def prepare(self, *, password: str = "", account: str = "") -> None:
        name, server = account or self.name, self.lab.server
        await asyncio.to_thread(server.add_account, name, name)
        settings = {"jid": f"{name}@{server.domain}", "room": self.lab.room}
        text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
        text += f'[server]\nhost = "{server.host}"\nport = {server.port}\nca = "{server.ca}"\n'
        text += f'[credentials]\npassword = "{password or name}"\n'
        (self.folder / "say.toml").write_text(text)
        (self.folder / "say.toml").chmod(0o600)

    async def sh(self, script: str) -> tuple[int, str]:
        """Exit status and output of a shell *script*, in which ``say`` is ours."""
        path = self.folder / "say"
        path.write_text(
            f"#!/bin/sh\nline=$1; shift\nexport PYTHONPATH={ROOT}\n"
            f'exec {sys.executable} -m bot say "$line" --config {self.folder}/say.toml "$@"\n'
        )
        path.chmod(0o700)
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", script,
            cwd=self.folder,
            env={"PATH": f"{self.folder}:{os.environ['PATH']}", "HOME": str(self.folder)},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()


def last(said: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


async def test_labroom_say_in_a_shell_script(furnish: Furnish) -> None:
    lab, ann = await furnish()
    lab.add_script("good", "exit 0\n")
    lab.add_script("bad", "exit 1\n")
    gate = lab.add_waiting()
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    cron = Cron(lab)
    await cron.prepare()

    script = f"""
        say "run good on {bob} ref=nightly-7" --wait --json > good.json || exit 10
        say "run bad on {bob}" --wait; test $? = 1 || exit 11
        say "run good on nobody"; test $? = 2 || exit 12
        say "reboot {bob}"; test $? = 2 || exit 13
        say "status" | grep -q "1 target: 1 idle" || exit 14
    """
    status, said = await cron.sh(script)
    assert status == 0, said
    ended = last((cron.folder / "good.json").read_text())
    assert (ended["kind"], ended["verdict"], ended["ref"]) == ("result", "pass", "nightly-7")

    # Waited too long; stopped by somebody; the room is told as by any person.
    status, said = await cron.sh(f'say "run wait on {bob}" --wait --json --within 1')
    assert (status, last(said)["kind"]) == (3, "error"), said
    await gate.reached()
    waiting = asyncio.ensure_future(cron.sh(f'say "run wait on {bob}" --wait'))
    mine = await ann.heard(f"job 4: wait on {bob}", nick="labbot", within=WITHIN)
    ann.say("labbot: stop 3")
    ann.say(f"labbot: stop {facts(mine)['job']}")
    status, said = await waiting
    assert (status, "aborted" in said) == (3, True), said


async def test_labroom_say_survives_a_restart_of_bot_and_connection(furnish: Furnish) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting()
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    cron = Cron(lab)
    await cron.prepare()
    waiting = asyncio.ensure_future(cron.sh(f'say "run wait on {bob}" --wait'))
    await gate.reached()
    assert lab.bot is not None
    await asyncio.to_thread(lab.bot.kill)
    gate.open()
    await lab.start_bot()
    status, said = await waiting
    assert (status, "pass: wait" in said) == (0, True), said


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"password": "wrong"}, "does not accept"),
        ({"account": "eve-of-nowhere"}, "does not let me in: registration-required"),
    ],
)
async def test_who_may_not_is_told_so_at_once(
    furnish: Furnish, how: dict[str, str], says: str
) -> None:
    lab, _ = await furnish()
    cron = Cron(lab)
    await cron.prepare(**how)
    status, said = await cron.sh('say "status"')
    assert (status, says in said) == (2, True), said


async def test_go_sendxmpp_joins_speaks_and_is_gone_before_the_answer(furnish: Furnish) -> None:
    lab, ann = await furnish("bob")
    name, server, bob = lab.name("cron"), lab.server, lab.name("bob")
    await asyncio.to_thread(server.add_account, name, name)
    process = await asyncio.create_subprocess_exec(
        require("go-sendxmpp"),
        "--username", f"{name}@{server.domain}", "--password", name,
        "--jserver", f"{server.host}:{server.port}", "--no-tls-verify", "--chatroom", lab.room,
        env={"HOME": str(lab.folder), "PATH": os.environ["PATH"]},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate(f"run memtest size=1M on {bob}\n".encode())
    assert process.returncode == 0, said
    result = await ann.heard(
        lambda heard: facts(heard).get("kind") == "result", nick="labbot", within=WITHIN
    )
    assert "pass: memtest size=1M" in result.body
    whole = await ann.heard("job 1: memtest", nick="labbot", since=0)
    assert facts(whole)["re"]
    ann.say("labbot: job 1")
    detail = await ann.heard(lambda heard: "asker" in facts(heard), nick="labbot", since=0)
    assert facts(detail)["asker"] == f"{name}@{server.domain}"  # the room's word, not the nick's
