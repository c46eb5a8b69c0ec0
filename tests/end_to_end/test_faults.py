"""What happens to machines, processes and servers in a lab; nothing is lost, nothing runs twice."""

import asyncio

from tests.end_to_end.conftest import Furnish, Join, OwnServer, enter
from tests.end_to_end.lab import WITHIN, answer, facts, gone, idle, order, result


async def test_a_run_ordered_while_the_target_is_away_starts_on_its_return(
    furnish: Furnish,
) -> None:
    lab, ann = await furnish("bob")
    bob = lab.name("bob")
    lab.machines["bob"].end(grace=10)
    await gone(ann, bob)

    acknowledged = await answer(ann, f"run memtest size=1M on {bob}")
    assert f"{bob} is away: it starts when {bob} is back" in acknowledged.body
    await lab.start("bob")
    assert facts(await result(ann, 1))["verdict"] == "pass"
    assert len([r for r in lab.journal(1, "bob") if r["kind"] == "begin"]) == 1


async def test_the_bot_restarts_while_output_streams(furnish: Furnish) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting()
    lab.add_script(
        "stream",
        f"i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1));"
        f" [ $i = 5000 ] && echo >{gate.begun}; done\necho over\n",
    )
    await lab.start("bob")
    await idle(ann, lab.name("bob"))
    job = await order(ann, f"run stream on {lab.name('bob')}")
    await gate.reached()
    assert lab.bot is not None
    lab.bot.kill()
    await lab.start_bot()

    told = await result(ann, job)
    assert facts(told)["verdict"] == "pass"
    wanted = b"".join(b"line %d\n" % i for i in range(20000)) + b"over\n"
    assert lab.printed(job, "bob") == wanted


async def test_the_agent_is_killed_while_a_diagnostic_runs(furnish: Furnish) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting()
    await lab.start("bob")
    await idle(ann, lab.name("bob"))
    job = await order(ann, f"run wait on {lab.name('bob')}")
    await gate.reached()
    [supervisor] = lab.supervisors("bob")
    lab.kill_agent("bob")
    await gone(ann, lab.name("bob"))
    assert supervisor.is_running()
    gate.open()
    await asyncio.to_thread(supervisor.wait, WITHIN)

    await lab.start("bob")
    told = await result(ann, job)
    assert facts(told)["verdict"] == "pass"
    assert lab.printed(job, "bob") == b"begun\nended\n"
    assert len([r for r in lab.journal(job, "bob") if r["kind"] == "begin"]) == 1


async def test_an_order_lost_in_a_dead_connection_is_healed_by_sync(furnish: Furnish) -> None:
    lab, ann = await furnish("bob")
    bob, agent = lab.name("bob"), lab.machines["bob"]
    lab.pause(agent)
    acknowledged = await answer(ann, f"run memtest size=1M on {bob}")
    assert acknowledged.body.startswith("job 1")
    await answer(ann, "labbot: jobs")  # whatever the server had for bob, it has sent by now
    lab.kill_agent("bob")
    await gone(ann, bob)
    await lab.start("bob")
    assert facts(await result(ann, 1))["verdict"] == "pass"
    assert len([r for r in lab.journal(1, "bob") if r["kind"] == "begin"]) == 1


async def test_the_server_restarts_and_all_are_back_by_themselves(
    furnish: Furnish, own_server: OwnServer, join: Join
) -> None:
    server = await asyncio.to_thread(own_server)
    lab, _ = await furnish("bob", "alice", on=server)
    await asyncio.to_thread(server.restart)
    ben = await join("ben", account=lab.name("ben"), enter=False, on=server)
    await enter(lab, ben, "ben")
    await ben.sees(lambda seen: seen.status == "2 idle", nick="labbot", within=WITHIN)
    job = await order(ben, f"run memtest size=1M on {lab.name('bob')}, {lab.name('alice')}")
    assert facts(await result(ben, job))["verdict"] == "pass"


async def test_a_kicked_target_is_back_by_itself(furnish: Furnish) -> None:
    lab, ann = await furnish("bob")
    bob = lab.name("bob")
    since = len(ann.presences.entries)
    await ann.muc.set_role(lab.room, bob, "none")
    await gone(ann, bob)
    await idle(ann, bob, since=since)
    assert "answered" in (await answer(ann, f"ping {bob}")).body


async def test_a_bot_without_its_database_takes_over_what_its_targets_hold(
    furnish: Furnish,
) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting()
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    await order(ann, f"run wait on {bob}")
    await gate.reached()
    assert lab.bot is not None
    lab.bot.kill()
    for path in lab.site.bot_folder(lab.name("labbot")).glob("labroom.db*"):
        path.unlink()
    await lab.start_bot()
    told = await ann.heard(lambda heard: "relearned" in facts(heard), since=0, within=WITHIN)
    assert told.body.startswith(f"{bob} still holds 1 job of a database that I no longer have")
    assert facts(told)["relearned"] == [{"job": 1, "was": 1, "title": "wait", "targets": [bob]}]
    assert "running" in (await answer(ann, "job 1")).body
    gate.open()
    ended = await result(ann, 1)
    assert ended.body.startswith(f"job 1 (was 1) pass: wait on {bob}")
    assert lab.printed(1, "bob") == b"begun\nended\n"


async def test_while_the_bot_is_away_its_account_is_not_filled(
    furnish: Furnish, join: Join
) -> None:
    lab, ann = await furnish()
    names = ["bob", "alice", "carol"]
    gates = {who: lab.add_waiting(f"wait{who}") for who in names}
    for who, gate in gates.items():
        lab.add_script(
            f"wait{who}", f"echo >{gate.begun}; read go <{gate.go}; head -c 1000000 /dev/urandom\n"
        )
        await lab.start(who)
        await idle(ann, lab.name(who))
        await order(ann, f"run wait{who} on {lab.name(who)}")
        await gate.reached()
    assert lab.bot is not None
    lab.bot.kill()
    await gone(ann, "labbot")
    for who, gate in gates.items():
        since = len(ann.presences.entries)
        gate.open()
        await idle(ann, lab.name(who), since=since)  # it has printed everything

    account = await join("labbot", account=lab.name("labbot"), enter=False)
    account.xmpp.send_message(account.jid, "that was all", mtype="chat")
    await account.heard(lambda heard: heard.body == "that was all", since=0, within=WITHIN)
    assert len(account.messages.entries) <= 10
    await account.leave()

    await lab.start_bot()
    for job, who in enumerate(names, 1):
        assert facts(await result(ann, job))["verdict"] == "pass"
        assert len(lab.printed(job, who)) == 1_000_000
