"""Reboots: never queued, and proven by a new boot id."""

from tests.end_to_end.conftest import Furnish
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
