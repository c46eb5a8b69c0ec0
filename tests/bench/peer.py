"""
Somebody in a room, in a process of its own, to be frozen or killed.

    python -m tests.bench.peer JID PASSWORD HOST PORT CA ROOM NICK plain|resumable
"""

import asyncio
import ssl
import sys

from slixmpp import JID, ClientXMPP


async def main(
    jid: str, password: str, host: str, port: str, ca: str, room: str, nick: str, kind: str
) -> None:
    """Be there; resumable: with stream management (XEP-0198)."""
    client = ClientXMPP(jid, password, ssl_context=ssl.create_default_context(cafile=ca))
    client.enable_direct_tls = False
    client.register_plugin("xep_0045")
    client.register_plugin("xep_0199")
    if kind == "resumable":
        client.register_plugin("xep_0198")
    client.connect(host, int(port))
    await client.wait_until("session_start", 30)
    client.send_presence()
    await client.plugin["xep_0045"].join_muc_wait(JID(room), nick, maxstanzas=0, timeout=30)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
