"""What is too long for a room goes to the server as a file (XEP-0363), on both servers."""

import asyncio
import gzip
import ssl
import urllib.request

import pytest

from tests.end_to_end.conftest import Furnish
from tests.end_to_end.lab import Lab, answer, facts, idle, order, peak, result

NASTY = r"printf '\033[31m<b>line %s</b>\007\n' "
CALLS = "printf 'ann: look\\n```\\nlabbot: reboot everything\\n'"


ROWS, WIDE = 48_000, 1000
"""Lines of a large log, and characters of each: 48 MB, more than Prosody takes (10 MiB, if nobody
says otherwise), and less than ejabberd does."""

FLAT = ROWS * WIDE // 1024 // 3
"""KiB that the bot may need for it, whatever is done with it: a third of it."""

LEAVES = """\
schema = 1
summary = "Prints much, and leaves files."
argv = ["sh", "-c", "cat {file}; echo '<script>' >page.html; head -c 100000 /dev/zero >core"]
[params.where]
kind = "folder"
default = "{where}"
[scratch]
folder = "where"
[artifacts]
files = ["*"]
[verdict]
fail = ['ECC error']
[time]
wall = "5m"
"""


async def fetch(lab: Lab, link: str) -> tuple[bytes, str]:
    """What stands at *link*, and its type."""

    def read() -> tuple[bytes, str]:
        trust = ssl.create_default_context(cafile=str(lab.server.ca))
        with urllib.request.urlopen(link, context=trust, timeout=60) as page:
            return page.read(), page.headers["Content-Type"]

    return await asyncio.to_thread(read)


async def test_a_long_log_is_a_link_that_the_labs_certificates_vouch_for(furnish: Furnish) -> None:
    lab, ann = await furnish()
    lab.add_script("long", f"i=0\nwhile [ $i -lt 500 ]; do i=$((i+1)); {NASTY} $i; done\n")
    lab.add_script("short", f"{CALLS}\n")
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    long, short = await order(ann, f"run long on {bob}"), await order(ann, f"run short on {bob}")
    for job in (long, short):
        await result(ann, job)

    told = await answer(ann, f"log {long}")
    link = facts(told)["file"]
    first = told.body.split("```")[0].splitlines()[-1]
    assert first.endswith(f"; all of it: {link}")
    assert told.message.xml.findtext("{jabber:x:oob}x/{jabber:x:oob}url") == link
    assert "line 500" in told.body
    assert "line 1<" not in told.body

    text = (await fetch(lab, link))[0].decode()
    assert text.splitlines() == [f"<b>line {n}</b>" for n in range(1, 501)]  # no ESC, no BEL

    told = await answer(ann, f"log {short}")
    assert "file" not in facts(told)
    assert told.body.count("```") == 2  # what was printed closes no block, and calls nobody
    assert "a\u2060nn: look" in told.body
    assert facts(told)["lines"] == ["ann: look", "'''", "labbot: reboot everything"]


@pytest.mark.timeout(600)
async def test_a_large_log_is_captured_summarised_searched_and_sent_and_costs_no_memory(
    furnish: Furnish,
) -> None:
    lab, ann = await furnish()
    rows = [f"loop {n:06}: 0x{n * 4096:010x} ok, no errors".ljust(WIDE, ".") for n in range(ROWS)]
    rows[ROWS // 2] = "ECC error at DIMM_A1"
    printed = lab.folder / "printed"
    recipe = LEAVES.replace("{file}", str(printed)).replace("{where}", str(lab.folder))
    (lab.recipes / "much.toml").write_text(recipe)

    def prints(some: list[str]) -> None:
        printed.write_text("".join(f"\x1b[32m{row}\x1b[0m\r\n" for row in some))

    prints(rows[:4000])
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    # Whatever a log of more than a page costs the first time: TLS and all.
    small = await order(ann, f"run much on {bob}")
    assert facts(await result(ann, small))["verdict"] == "pass"
    for line in (f"log {small} errors", f"grep dimm in {small}", f"log {small} all"):
        await answer(ann, line, within=120)
    assert lab.bot is not None
    before, grew = peak(lab.bot), {}
    prints(rows)
    job = await order(ann, f"run much on {bob}")
    told = facts(await result(ann, job, within=300))
    assert told["verdict"] == "fail"  # so both logs were read for what is new in it
    grew["captured and summarised"] = peak(lab.bot) - before

    for line in (f"log {job} errors", f"grep DIMM_a1 in {job}"):
        told = facts(await answer(ann, line, within=120))
        [found] = told["found"]
        assert found == {"target": bob, "line": ROWS // 2 + 1, "text": "ECC error at DIMM_A1"}
        assert told["count"] == 1
        grew[line] = peak(lab.bot) - before
    told = facts(await answer(ann, f"log {job} {bob} lines {ROWS - 1}-{ROWS + 9}", within=120))
    assert [found["text"][:40] for found in told["found"]] == [row[:40] for row in rows[-2:]]

    told = facts(await answer(ann, f"log {job} all", within=240))
    grew["all"] = peak(lab.bot) - before
    content, kind = await fetch(lab, told["file"])
    if lab.server.name == "prosody":
        assert told["note"].startswith("compressed from 45.")
        assert told["file"].endswith(".txt.gz")
        content = gzip.decompress(content)
    else:
        assert kind.startswith("text/plain")
    assert content.decode().splitlines() == rows

    assert facts(await answer(ann, f"log {job} files", within=120))["files"] == [
        {"name": "core", "bytes": 100_000, "kept": 100_000},
        {"name": "page.html", "bytes": 9, "kept": 9},
    ]
    for name, expected in (("core", bytes(100_000)), ("page.html", b"<script>\n")):
        link = facts(await answer(ann, f"log {job} file {name}", within=120))["file"]
        assert await fetch(lab, link) == (expected, "application/octet-stream")
    grew["files"] = peak(lab.bot) - before
    assert max(grew.values()) < FLAT, grew


MEASURES = """\
schema = 1
summary = "Says a number."
argv = ["sh", "-c", "echo read $(cat {file})"]
[metrics.read]
unit = "MB/s"
better = "higher"
line = 'read (?P<value>\\d+)'
[time]
wall = "1m"
"""


async def test_a_chart_is_a_link_alone_behind_its_facts(furnish: Furnish) -> None:
    lab, ann = await furnish()
    number = lab.folder / "number"
    (lab.recipes / "speed.toml").write_text(MEASURES.replace("{file}", str(number)))
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    for value in (480, 512):
        number.write_text(f"{value}\n")
        job = await order(ann, f"run speed on {bob}")
        await result(ann, job)
    told = await answer(ann, f"chart speed on {bob}", within=120)
    first = told.body.split("```")[0].splitlines()[-1]
    assert first == (
        f"read of speed on {bob}: last 512 MB/s, median 496 MB/s of 2 runs, 480 to 512 MB/s"
    )
    link = facts(told)["picture"]
    shown = await ann.heard(lambda heard: heard.body == link, since=0)
    assert shown.message.xml.findtext("{jabber:x:oob}x/{jabber:x:oob}url") == link
    assert told.message.xml.find("{jabber:x:oob}x") is None
    content, kind = await fetch(lab, link)
    assert kind == "image/png"
    assert content.startswith(b"\x89PNG")
