"""What the pages show of the room is what a person sees who says those lines in the demo."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/tutorial.md")
NICKS = ("ann", "labbot")


def transcripts() -> list[str]:
    """Every block that shows the room."""
    return [
        block
        for page in PAGES
        for block in re.findall(r"```room\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    ]


def plain(line: str) -> str:
    """*line* without its time and its layout, and with nothing that differs from run to run."""
    line = re.sub(r"^\s*(\d\d:\d\d:\d\d)?\s+", "", line)
    line = re.sub(r"(up to )?[\d.]+ (ms|s|min)\b( \d+ s)?", "some", line)
    return re.sub(r"\s+", " ", line).strip()


@pytest.mark.parametrize("block", transcripts())
async def test_a_transcript_is_what_the_demo_shows(block: str) -> None:
    lines = [plain(line) for line in block.splitlines()]
    said = [line.removeprefix("ann ") for line in lines if line.startswith("ann ")]
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "demo", "--say", "; ".join(said),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=ROOT,
    )  # fmt: skip
    shown = (await demo.communicate())[0].decode()
    seen = [plain(line) for line in shown.splitlines()]
    assert [line for line in lines if line not in seen] == [], shown
