"""
The floor of delivery: bare slixmpp messages with base64, from one process to another.

    python -m tests.bench.bulk JID PASSWORD HOST PORT CA send TO FILE
    python -m tests.bench.bulk JID PASSWORD HOST PORT CA receive BYTES

Says ``ready`` when it is there. The sender begins at the first line of its input; the
receiver says ``done`` when it has as many bytes.
"""

import asyncio
import base64
import ssl
import sys
from pathlib import Path

from slixmpp import JID, ClientXMPP, Message

PIECE = 128 * 1024
"""Bytes in a message: of 16, 32, 64 and 128 KiB it was the fastest on both servers."""


async def main(jid: str, password: str, host: str, port: str, ca: str, *task: str) -> None:
    """Log in, and send or receive."""
    client = ClientXMPP(jid, password, ssl_context=ssl.create_default_context(cafile=ca))
    client.enable_direct_tls = False
    finished = asyncio.get_running_loop().create_future()
    left = int(task[1]) if task[0] == "receive" else 0

    def receive(message: Message) -> None:
        nonlocal left
        left -= len(base64.b64decode(message["body"]))
        if left <= 0 and not finished.done():
            finished.set_result(None)

    client.add_event_handler("message", receive)
    client.connect(host, int(port))
    await client.wait_until("session_start", 30)
    client.send_presence()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if task[0] == "send":
        data = await asyncio.to_thread(Path(task[2]).read_bytes)
        await asyncio.to_thread(sys.stdin.readline)
        for start in range(0, len(data), PIECE):
            body = base64.b64encode(data[start : start + PIECE]).decode()
            client.send_message(JID(task[1]), body, mtype="normal")
        await asyncio.Event().wait()
    await finished
    sys.stdout.write("done\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
