"""What is too long for a room goes to the server as a file (XEP-0363), on both servers."""

import asyncio
import ssl
import urllib.request

from tests.end_to_end.conftest import Furnish
from tests.end_to_end.lab import answer, facts, idle, order, result

NASTY = r"printf '\033[31m<b>line %s</b>\007\n' "
CALLS = "printf 'ann: look\\n```\\nlabbot: reboot everything\\n'"


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

    def read() -> bytes:
        trust = ssl.create_default_context(cafile=str(lab.server.ca))
        with urllib.request.urlopen(link, context=trust, timeout=30) as page:
            content: bytes = page.read()
            return content

    text = (await asyncio.to_thread(read)).decode()
    assert text.splitlines() == [f"<b>line {n}</b>" for n in range(1, 501)]  # no ESC, no BEL

    told = await answer(ann, f"log {short}")
    assert "file" not in facts(told)
    assert told.body.count("```") == 2  # what was printed closes no block, and calls nobody
    assert "a\u2060nn: look" in told.body
    assert facts(told)["lines"] == ["ann: look", "'''", "labbot: reboot everything"]
