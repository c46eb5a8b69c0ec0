"""A log of 200 MB: captured, searched and sent as a file, and what that costs the bot."""

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench.stage import Stage, stage
from tests.end_to_end.lab import answer, facts, idle, order, peak, result

SIZE = 200_000_000
"""Bytes of output."""

ROUNDS = 9
"""Of a command that somebody else says meanwhile."""

WITHIN = 900.0


async def measure(kind: str) -> list[str]:
    """Rows: the time for each, the bot's memory, and how long others wait meanwhile."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        output = Path(folder) / "output"
        lines = await asyncio.to_thread(_write, output)
        async with stage(Path(folder), kind, tuned=True) as on:
            on.lab.add_script("print", f"cat {output}\n")
            await on.lab.start("carl")
            await idle(on.ann, "carl-bench")
            return await _rows(on, kind, lines)


def _write(path: Path) -> int:
    """What many diagnostics print; one line of it is an error. How many lines."""
    count = 0
    with path.open("w") as file:
        while file.tell() < SIZE:
            file.write("".join(_line(n) for n in range(count, count + 10_000)))
            count += 10_000
        file.write("ECC error at DIMM_A1\n")
    return count + 1


def _line(n: int) -> str:
    pattern = n * 2654435761 % 2**32
    return f"[{n:>10}] test {n % 17:02} address 0x{n * 4096:012x} pattern 0x{pattern:08x} ok\n"


async def _rows(on: Stage, kind: str, lines: int) -> list[str]:
    assert on.lab.bot is not None
    ann, bot = on.ann, on.lab.bot
    small = await order(ann, "run noop on carl-bench")
    await result(ann, small)
    alone = await _others(on)
    before, began = peak(bot), time.perf_counter()
    job = await order(ann, "run print on carl-bench")
    await result(ann, job, within=WITHIN)
    rows = [_row(kind, "captured", time.perf_counter() - began, peak(bot) - before)]
    for what, line in {
        "errors": f"log {job} errors",
        "grep": f"grep dimm_a1 in {job}",
        "last lines": f"log {job} lines {lines - 4}-{lines}",
    }.items():
        before, began = peak(bot), time.perf_counter()
        told, waited = await asyncio.gather(answer(ann, line, within=WITHIN), _others(on))
        took = time.perf_counter() - began
        assert facts(told)["found"][-1]["line"] == lines, told
        rows.append(_row(kind, what, took, peak(bot) - before, waited / alone))
    before, began = peak(bot), time.perf_counter()
    told, waited = await asyncio.gather(answer(ann, f"log {job} all", within=WITHIN), _others(on))
    took, note = time.perf_counter() - began, facts(told).get("note", "as it is")
    assert facts(told)["file"], told
    rows.append(_row(kind, "file", took, peak(bot) - before, waited / alone) + f"   {note}")
    return rows


async def _others(on: Stage) -> float:
    """Milliseconds, in the median, that a short answer takes."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await answer(on.ann, "whoami", within=WITHIN)
        took.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(0.1)
    return median(took)


def _row(kind: str, what: str, seconds: float, grew: int, slower: float | None = None) -> str:
    others = "" if slower is None else f"   others wait {slower:5.1f} x as long"
    return (
        f"{kind:9} {what:11} {seconds:7.1f} s   {SIZE / 1e6 / seconds:7.1f} MB/s   "
        f"the bot's peak grew by {grew / 1024:6.1f} MiB{others}"
    )
