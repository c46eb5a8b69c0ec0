"""Reboots: never queued, and proven by a new boot id; alone, or as a step of a run."""

from tests.end_to_end.conftest import Furnish, Join, enter
from tests.end_to_end.lab import WITHIN, answer, at_work, facts, gone, idle, order, result
from tests.end_to_end.person import Person


async def there(ann: Person, since: int) -> None:
    """The bot is in the room again, and knows that its one target is idle."""
    await ann.sees(
        lambda seen: seen.status == "1 idle", nick="labbot", since=since, within=WITHIN
    )  # fmt: skip


async def test_a_reboot_is_proven_by_a_new_boot_id(furnish: Furnish) -> None:
    lab, ann = await furnish("bob", machines=True)
    bob, boot = lab.name("bob"), lab.folder / lab.name("bob") / "boot_id"
    before = boot.read_text()

    answered = await answer(ann, f"reboot {bob}")
    assert answered.body.startswith(f"{bob} reboots")
    back = await ann.heard("is back after", nick="labbot", within=WITHIN)
    assert back.body.startswith(f"ann: {bob} is back after")
    assert facts(back)["back"] is True
    assert boot.read_text() != before
    assert facts(back)["boot"] == boot.read_text().strip()


async def test_a_reboot_is_refused_while_a_run_is_on_unless_it_is_meant(furnish: Furnish) -> None:
    lab, ann = await furnish()
    gate = lab.add_waiting()
    await lab.start("bob", machine=True)
    bob = lab.name("bob")
    await idle(ann, bob)
    job = await order(ann, f"run wait on {bob}")
    await gate.reached()
    await at_work(ann, bob)

    refused = await answer(ann, f"reboot {bob}")
    assert facts(refused)["kind"] == "refusal"
    who = lab.name("ann")  # by the account: a nick is nobody
    assert f"a run is on: job {job} of {who}, wait, asked for " in refused.body
    assert refused.body.endswith(f"Say reboot {bob} now to lose it.")

    asked = await answer(ann, f"reboot {bob} now")
    assert f"{bob} runs job {job} of ann: wait" in asked.body
    await answer(ann, f"yes {facts(asked)['confirm']}")
    await ann.heard("is back after", nick="labbot", since=0, within=WITHIN)
    told = await result(ann, job)
    assert facts(told)["verdict"] == "crashed"
    assert "rebooted in wait" in told.body


async def test_from_the_fourth_reboot_on_it_is_said_what_is_usual(furnish: Furnish) -> None:
    lab, ann = await furnish("bob", machines=True)
    bob = lab.name("bob")
    for number in range(1, 5):
        assert (await answer(ann, f"reboot {bob}")).body.startswith(f"{bob} reboots")
        back = await ann.heard("is back after", nick="labbot", within=WITHIN)
        assert ("(usually " in back.body) is (number > 3)
        assert facts(back).get("usual", 0) > 0 or number <= 3
        assert facts(back)["seen"] is True


async def test_the_bot_is_killed_while_bob_reboots_and_tells_once_who_asked(
    furnish: Furnish,
) -> None:
    lab, ann = await furnish("bob", machines=True)
    bob = lab.name("bob")
    since = len(ann.presences.entries)
    await answer(ann, f"reboot {bob}")
    assert lab.bot is not None
    lab.bot.kill()
    await gone(ann, bob)
    await idle(ann, bob, since=since)  # nobody was there to see it come
    for _ in range(2):  # the second one has nothing to tell
        since = len(ann.presences.entries)
        await lab.start_bot()
        await there(ann, since)
        back = await ann.heard("is back after", nick="labbot", since=0, within=WITHIN)
        assert back.body.startswith(f"ann: {bob} is back after ")
        assert back.body.endswith("at most (I was away meanwhile), with a new boot id")
        assert facts(back)["seen"] is False
        await answer(ann, f"labbot: ping {bob}")
        since = len(ann.presences.entries)
        lab.bot.kill()
        await ann.sees(
            lambda seen: seen.type == "unavailable", nick="labbot", since=since, within=WITHIN
        )
    assert len([heard for heard in ann.messages.entries if "is back after" in heard.body]) == 1


async def test_a_target_that_is_not_back_is_said_not_to_be_and_then_to_be_after_all(
    furnish: Furnish,
) -> None:
    lab, ann = await furnish("bob", machines=True)
    bob = lab.name("bob")
    assert lab.bot is not None
    lab.bot.end(grace=10)
    await gone(ann, "labbot")
    with lab.site.bot_settings.open("a") as settings:
        settings.write("\n[patience]\nreboot = 0.1\n")
    since = len(ann.presences.entries)
    await lab.start_bot()
    await there(ann, since)
    since = len(ann.presences.entries)
    await answer(ann, f"reboot {bob}")
    await ann.sees(lambda seen: seen.type == "unavailable", nick=bob, since=since, within=WITHIN)
    lab.machines["bob"].kill()  # it loses power meanwhile
    late = await ann.heard("has not come back in 0.1 s", nick="labbot", within=WITHIN)
    assert late.body.startswith(f"ann: {bob} has not come back in 0.1 s: last heard ")
    assert late.body.endswith(f"say status {bob}")
    assert facts(late)["back"] is False

    await lab.start("bob", machine=True)
    back = await ann.heard("is back after all", nick="labbot", within=WITHIN)
    assert facts(back)["late"] is True


async def test_a_reboot_command_that_fails_is_told_of_at_once(furnish: Furnish) -> None:
    lab, ann = await furnish("bob")  # an agent alone: its reboot command finds no machine
    bob = lab.name("bob")
    await answer(ann, f"reboot {bob}")
    told = await ann.heard("has not rebooted", nick="labbot", within=WITHIN)
    assert told.body == (
        f"ann: {bob} has not rebooted: it is there, and shows no new boot id. "
        "Its agent's log says why"
    )
    assert "reboot.failed" in lab.agent_log("bob")


async def test_a_reboot_of_an_absent_target_is_refused_and_never_happens(furnish: Furnish) -> None:
    lab, ann = await furnish("bob", machines=True)
    bob = lab.name("bob")
    lab.machines["bob"].end(grace=10)
    await gone(ann, bob)
    boot = (lab.folder / bob / "boot_id").read_text()

    refused = await answer(ann, f"reboot {bob}")
    assert facts(refused)["kind"] == "refusal"
    assert "is away" in refused.body

    since = len(ann.presences.entries)
    await lab.start("bob")  # the same boot: nothing was waiting for it
    await idle(ann, bob, since=since)
    assert "labroom" not in (await answer(ann, f"ping {bob}")).body
    assert (lab.folder / bob / "boot_id").read_text() == boot
    assert "reboot.ordered" not in lab.agent_log("bob")


async def test_a_run_goes_on_after_a_reboot_among_its_steps(furnish: Furnish) -> None:
    lab, ann = await furnish()
    lab.add_script("hello", "echo hello\n")
    await lab.start("bob", machine=True)
    bob, boot = lab.name("bob"), lab.folder / lab.name("bob") / "boot_id"
    await idle(ann, bob)
    before = boot.read_text()

    job = await order(ann, f"run hello, reboot, hello on {bob}")
    told = await result(ann, job)
    assert facts(told)["verdict"] == "pass"
    assert boot.read_text() != before
    assert lab.printed(job, "bob") == b"hello\nhello\n"
    journal = lab.journal(job, "bob")
    begun = [(r["name"], r["boot"]) for r in journal if r["kind"] == "begin"]
    old, new = before.strip(), boot.read_text().strip()
    assert begun == [("hello", old), ("reboot", old), ("hello", new)]
    steps = facts(told)["runs"][0]["steps"]
    assert [step["step"] for step in steps] == ["hello", "reboot", "hello"]
    assert steps[1]["seconds"] > 0.5


async def test_a_reboot_among_the_steps_needs_the_right_to_reboot(
    furnish: Furnish, join: Join
) -> None:
    lab, _ = await furnish("bob", machines=True)
    ben = await join("ben", account=lab.name("ben"), enter=False, on=lab.server)
    await enter(lab, ben, "ben")
    refused = await answer(ben, f"run memtest, Reboot on {lab.name('bob')}")
    assert facts(refused)["kind"] == "refusal"
    assert "right to disrupt" in refused.body


async def test_a_machine_that_stays_up_ends_the_run_as_an_error(furnish: Furnish) -> None:
    lab, ann = await furnish()
    lab.add_script("hello", "echo hello\n")
    await lab.start("bob")  # an agent alone: its reboot command finds no machine
    bob = lab.name("bob")
    await idle(ann, bob)
    job = await order(ann, f"run hello, reboot, hello on {bob}")
    told = await result(ann, job)
    assert facts(told)["verdict"] == "error"
    assert "did not reboot" in told.body
    assert lab.printed(job, "bob") == b"hello\n"
