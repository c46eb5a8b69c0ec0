"""Commands as forms (XEP-0050), filled in by a stock slixmpp client, on both servers."""

from typing import Any

import pytest
from slixmpp import JID
from slixmpp.exceptions import IqError
from slixmpp.plugins.xep_0004 import Form
from slixmpp.stanza import Iq

from tests.end_to_end.conftest import Furnish, Join
from tests.end_to_end.lab import WITHIN, facts, idle, order, result
from tests.end_to_end.person import Person
from tests.end_to_end.test_upload import fetch

NS = "{http://jabber.org/protocol/commands}"


class Client:
    """Somebody whose client has a menu for commands."""

    def __init__(self, person: Person, bot: JID) -> None:
        self.person, self.bot = person, bot
        person.xmpp.register_plugin("xep_0050")
        self.plugin: Any = person.xmpp.plugin["xep_0050"]

    async def menu(self) -> set[str]:
        items = await self.plugin.get_commands(self.bot, timeout=WITHIN)
        return {node for _, node, _ in items["disco_items"]["items"]}

    async def begin(self, node: str) -> Iq:
        return await self._send(node, "execute", "", {})

    async def fill(self, asked: Iq, **values: object) -> Iq:
        command = asked["command"]
        return await self._send(command["node"], "next", command["sessionid"], values)

    async def _send(self, node: str, action: str, session: str, values: dict[str, Any]) -> Iq:
        form = Form()
        form["type"] = "submit"
        for name, value in values.items():
            form.add_field(name, value=value)
        answer: Iq = await self.plugin.send_command(
            self.bot, node, action=action, sessionid=session or None,
            payload=[form] if values else None, timeout=WITHIN,
        )  # fmt: skip
        return answer


def note(iq: Iq) -> str:
    return iq.xml.findtext(f"{NS}command/{NS}note") or ""


def options(iq: Iq, field: str) -> list[str]:
    fields = iq["command"]["form"].get_fields()
    return [option["value"] for option in fields[field]["options"]]


async def test_status_run_stop_and_chart_as_forms(furnish: Furnish, join: Join) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting()
    await lab.start("bob")
    await idle(ann, lab.name("bob"))
    bob, bot = lab.name("bob"), JID(f"{lab.site.bot_name}@{lab.server.domain}/bot")
    await order(ann, f"run memtest size=1M on {bob}")
    await result(ann, 1)  # so the bot knows what bob offers
    ben = Client(await join("ben", account=lab.name("ben"), enter=False), bot)

    assert await ben.menu() >= {"status", "run", "stop", "chart"}
    assert "1 target: 1 idle" in note(await ben.begin("status"))

    form = await ben.begin("run")
    assert {"memtest", "stress"} <= set(options(form, "recipe"))
    assert options(form, "targets") == [bob]
    parameters = await ben.fill(form, recipe="memtest", targets=[bob])
    assert parameters["command"]["form"]["values"]["passes"] == "1"
    refused = await ben.fill(parameters, size="1M", passes="0")
    assert "passes" in note(refused)
    assert "job" not in note(refused)

    form = await ben.begin("run")
    parameters = await ben.fill(form, recipe="memtest", targets=[bob])
    done = await ben.fill(parameters, size="2M", passes="2")
    assert f"job 2: memtest size=2M passes=2 on {bob}" in note(done)
    assert facts(await result(ben.person, 2))["verdict"] == "pass"

    form = await ben.begin("chart")
    assert options(form, "job") == ["2", "1"]
    text, link = note(await ben.fill(form, job="2")).split("\n")
    assert text.startswith(f"time of memtest on {bob}: ")
    content, kind = await fetch(lab, link)
    assert (kind, content[:4]) == ("image/png", b"\x89PNG")

    # Ann's job is not ben's to stop; his own is.
    hers = await order(ann, f"run wait on {bob}")
    await gate.reached()
    own = await ben.fill(await ben.fill(await ben.begin("run"), recipe="wait", targets=[bob]), x="")
    assert f"it starts there after job {hers}" in note(own)
    for job, says in ((hers, "you may not stop"), (hers + 1, f"stopping job {hers + 1}")):
        form = await ben.begin("stop")
        assert set(options(form, "job")) == {str(hers), str(hers + 1)}
        assert says in note(await ben.fill(form, job=str(job)))
    gate.open()
    assert facts(await result(ben.person, hers + 1))["verdict"] == "aborted"


async def test_a_stranger_gets_no_form(furnish: Furnish, join: Join) -> None:
    lab, _ = await furnish()
    bot = JID(f"{lab.site.bot_name}@{lab.server.domain}/bot")
    eve = Client(await join("eve", enter=False), bot)
    for node in ("status", "run", "stop", "chart"):
        with pytest.raises(IqError) as refused:
            await eve.begin(node)
        assert refused.value.condition == "forbidden"
