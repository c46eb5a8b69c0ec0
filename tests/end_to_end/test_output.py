"""What a diagnostic prints arrives byte for byte."""

import asyncio
import hashlib
import random

from tests.end_to_end.conftest import Furnish, OwnServer
from tests.end_to_end.lab import WITHIN, answer, facts, idle, order, result


async def test_five_megabytes_of_everything_arrive_byte_for_byte(furnish: Furnish) -> None:
    lab, ann = await furnish()
    noise = random.Random(7).randbytes(4_000_000)
    rows = b"".join(b"\x1b[3%dmrow %d\x1b[0m\r%d %%\r\n" % (i % 8, i, i) for i in range(40_000))
    every = bytes(range(256)) * 200
    data = noise + rows + every + b"no newline at the end"
    assert len(data) > 5_000_000
    (lab.folder / "data").write_bytes(data)
    lab.add_script("print", f"cat {lab.folder / 'data'}\n")
    await lab.start("bob")
    await idle(ann, lab.name("bob"))

    job = await order(ann, f"run print on {lab.name('bob')}")
    assert facts(await result(ann, job))["verdict"] == "pass"
    assert lab.digest(job, "bob") == hashlib.sha256(data).hexdigest()


async def test_control_characters_never_reach_the_room(furnish: Furnish) -> None:
    lab, ann = await furnish()
    lab.add_script("rude", r"""printf 'a\033[31mred\033[0m\007\000b\377\n```\nbye\n'; exit 1""")
    await lab.start("bob")
    await idle(ann, lab.name("bob"))
    job = await order(ann, f"run rude on {lab.name('bob')}")
    told = await result(ann, job)
    assert facts(told)["verdict"] == "fail"
    log = await answer(ann, f"log {job} {lab.name('bob')}")
    for heard in (told, log):
        assert not any(ord(c) < 32 and c != "\n" for c in heard.body), repr(heard.body)
        assert heard.body.count("```") in (0, 2), heard.body
    assert "red" in log.body
    assert lab.printed(job, "bob") == b"a\x1b[31mred\x1b[0m\x07\0b\xff\n```\nbye\n"


async def test_a_throttled_target_streams_and_still_answers(
    furnish: Furnish, own_server: OwnServer
) -> None:
    server = await asyncio.to_thread(own_server, tuned=False)  # 3 kB/s on ejabberd, 10 on Prosody
    lab, ann = await furnish(on=server)
    gate = lab.add_waiting()
    noise = random.Random(7).randbytes(60_000)
    (lab.folder / "noise").write_bytes(noise)
    lab.add_script("noise", f"cat {lab.folder / 'noise'}; echo >{gate.begun}; read go <{gate.go}\n")
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)

    job = await order(ann, f"run noise on {bob}")
    await gate.reached()
    for _ in range(3):
        assert "answered" in (await answer(ann, f"ping {bob}")).body
    gate.open()
    told = await ann.heard(
        lambda heard: facts(heard).get("kind") == "result", since=0, within=3 * WITHIN
    )
    assert facts(told)["verdict"] == "pass"
    assert lab.printed(job, "bob") == noise
    assert lab.agent_log("bob").count("link.up") == 1  # no ping was held back for too long
