"""
``make fuzz``: atheris changes lines of the corpora, led by the branches they reach.

A line that raises, acts on what does not exist, or is answered with a fault is written to a
file and ends it. Arguments are libFuzzer's: ``-max_total_time=60``.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["bot", "agent.wire"]):
    from bot.commands import discover
    from bot.dialogue import Dialogue, called
    from bot.policy import Rights
    from tests.bot.lab_in_memory import ANN, line
    from tests.bot.lab_of_corpora import NICK, PREFIX, lab, read

LOOP = asyncio.new_event_loop()


def one(data: bytes) -> None:
    """Say *data* in the room."""
    text = data.decode("utf-8", "replace")
    world = lab()
    rest, addressed = called(text, NICK, PREFIX)
    said = line(rest, ANN, addressed=addressed)
    reply = LOOP.run_until_complete(Dialogue(discover(), world.lab, Rights()).answer(said))
    assert reply is None or reply.kind != "error", text
    assert reply is not None or not addressed, text
    targets = {run.target for job in world.jobs.jobs.values() for run in job.runs}
    assert targets <= set(world.targets.known), text


def main() -> None:
    """Fuzz, from the corpora."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("talk.txt", "ways.txt", "wrong.txt"):
            for number, text in enumerate(read(name)):
                seed = text.rsplit(" => ", 1)[0].encode("utf-8", "surrogatepass")
                (Path(folder) / f"{name}-{number}").write_bytes(seed)
        atheris.Setup([sys.argv[0], "-max_len=3000", *sys.argv[1:], folder], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
