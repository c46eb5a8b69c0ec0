"""
The floor: a bare slixmpp bot that echoes, in a process of its own.

    python -m tests.bench.echo JID PASSWORD HOST PORT CA ROOM
"""

import asyncio
import ssl
import sys

from slixmpp import JID, ClientXMPP, Message


async def main(jid: str, password: str, host: str, port: str, ca: str, room: str) -> None:
    """Echo what ``echo ...`` says, for ever."""
    client = ClientXMPP(jid, password, ssl_context=ssl.create_default_context(cafile=ca))
    client.enable_direct_tls = False
    client.register_plugin("xep_0045")

    def echo(message: Message) -> None:
        if message["body"].startswith("echo ") and message["from"].resource != "echo":
            client.send_message(JID(room), message["body"][5:], mtype="groupchat")

    client.add_event_handler("groupchat_message", echo)
    client.connect(host, int(port))
    await client.wait_until("session_start", 30)
    client.send_presence()
    await client.plugin["xep_0045"].join_muc_wait(JID(room), "echo", maxstanzas=0, timeout=30)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
