"""Reboots: never queued, and proven by a new boot id; alone, or as a step of a run."""

from tests.end_to_end.conftest import Furnish, Join, enter
from tests.end_to_end.lab import WITHIN, answer, facts, gone, idle, order, result


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

    refused = await answer(ann, f"reboot {bob}")
    assert facts(refused)["kind"] == "refusal"
    assert "a run is on" in refused.body

    await answer(ann, f"reboot {bob} now")
    await ann.heard("is back after", nick="labbot", since=0, within=WITHIN)
    told = await result(ann, job)
    assert facts(told)["verdict"] == "crashed"
    assert "rebooted in wait" in told.body


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
    assert "right to operate" in refused.body


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
