"""docs/examples/labsay.py, as a CI job would run it."""

import asyncio
import os
import sys
from pathlib import Path

from tests.end_to_end.conftest import Furnish
from tests.end_to_end.lab import Lab, idle

SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "labsay.py"


async def labsay(lab: Lab, line: str, *, password: str = "") -> tuple[int | None, str]:
    """Exit status, and all that was printed, of the script run by ben, who is not in the room."""
    name, server = lab.name("ben"), lab.server
    await asyncio.to_thread(server.add_account, name, name)
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), f"{name}@{server.domain}",
        f"{lab.site.bot_name}@{server.domain}", line,
        "--server", f"{server.host}:{server.port}", "--ca", str(server.ca),
        env={**os.environ, "LABROOM_PASSWORD": password or name},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_a_script_gets_the_truth(furnish: Furnish) -> None:
    lab, ann = await furnish()
    lab.add_script("good", "exit 0\n")
    lab.add_script("bad", "exit 1\n")
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    for line, status, says in [
        (f"run good on {bob}", 0, "pass: good"),
        (f"run bad on {bob}", 1, "fail: bad"),
        (f"run godo on {bob}", 1, "Did you mean good?"),
        ("status", 0, "1 idle"),
    ]:
        code, said = await labsay(lab, line)
        assert (code, says in said) == (status, True), said


async def test_a_script_with_a_wrong_password_says_so(furnish: Furnish) -> None:
    lab, _ = await furnish()
    code, said = await labsay(lab, "status", password="no")
    assert (code, said.splitlines()[0]) == (3, "wrong account or password")
