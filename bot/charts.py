"""Pictures for commands, drawn by a process that is not the bot (:mod:`bot.draw`)."""

import asyncio
import importlib.util
import json
import os
import sys

import structlog

from agent.wire.errors import Refusal
from bot.insight.picture import Picture

log = structlog.get_logger()

WITHIN = 60.0
"""Seconds that a picture may take: the first one makes a list of fonts."""

KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "MPLCONFIGDIR", "XDG_CACHE_HOME")
"""What of our environment who draws gets: no settings, no secrets."""

LARGEST = 4 * 1024 * 1024
"""Bytes of a picture."""


class Charts:
    """:class:`bot.reading.Charts`; one picture at a time."""

    def __init__(self, *, module: str = "bot.draw", within: float = WITHIN) -> None:
        self._module, self._within = module, within
        self._turn = asyncio.Semaphore(1)

    async def draw(self, picture: Picture) -> bytes:
        """*picture* as PNG; a Refusal with the reason if there is none."""
        if importlib.util.find_spec("matplotlib") is None:
            raise Refusal("the bot has no matplotlib", hint="Install labroom[bot,charts].")
        async with self._turn:
            return await self._drawn(json.dumps(picture.as_data()).encode())

    async def _drawn(self, data: bytes) -> bytes:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self._module,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={name: os.environ[name] for name in KEPT if name in os.environ},
        )  # fmt: skip
        try:
            async with asyncio.timeout(self._within):
                png, errors = await process.communicate(data)
        except TimeoutError:
            raise Refusal(f"drawing took longer than {self._within:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode or not png or len(png) > LARGEST:
            last = errors.decode(errors="replace").strip().splitlines()[-1:]
            log.error(
                "chart.failed", status=process.returncode, reason="".join(last)[:200],
                cure="echo '{...}' | python -m bot.draw: a fault of ours, or of matplotlib",
            )  # fmt: skip
            raise Refusal("the picture could not be drawn", hint="The bot's log says why.")
        return png
