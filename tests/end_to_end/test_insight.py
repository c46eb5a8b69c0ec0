"""What the bot makes of real runs: a number against those before, and what a failure printed."""

import json

from junitparser import JUnitXml

from tests.end_to_end.conftest import Furnish
from tests.end_to_end.lab import answer, facts, idle, order, result
from tests.end_to_end.test_command_line import run

SPEED = """\
schema = 1
summary = "Prints what stands in a file."
argv = ["cat", "{prints}"]
[metrics.read]
unit = "MB/s"
better = "higher"
marginal = 5
line = '^read (?P<value>[\\d.]+) MB/s'
[time]
wall = "1m"
[verdict]
fail = ['^FAILURE']
"""


async def test_a_run_is_told_against_those_before_it(furnish: Furnish) -> None:
    lab, ann = await furnish()
    prints = lab.folder / "prints"
    (lab.recipes / "speed.toml").write_text(SPEED.replace("{prints}", str(prints)))
    prints.write_text("loop 1\nread 500 MB/s\nDone.\n")
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)

    first = await result(ann, await order(ann, f"run speed 3 times on {bob}"))
    assert "read 500 MB/s" in first.body
    assert "median" not in first.body

    prints.write_text("loop 2\nread 460 MB/s\nDone.\n")
    slow = await order(ann, f"run speed on {bob}")
    told = await result(ann, slow)
    assert told.body.endswith("marginal: read 460 MB/s, 8 % below the median of 3")
    assert facts(told)["verdict"] == "pass"

    prints.write_text("loop 3\nFAILURE: 0x0f at 0x7f3a\nbus reset\nread 1 MB/s\nDone.\n")
    bad = await order(ann, f"run speed on {bob}")
    told = await result(ann, bad)
    assert f"ann: job {bad} fail: speed on {bob}" in told.body
    block = told.body.split("```")[1].strip("\n").split("\n")
    assert block[:5] == [
        "  loop 3", "> FAILURE: 0x0f at 0x7f3a", f"  (new since job {slow}, which passed)",
        "  bus reset", "  read 1 MB/s",
    ]  # fmt: skip
    run_ = facts(told)["runs"][0]
    assert run_["insight"]["new_since"] == slow
    assert run_["insight"]["new"] == ["FAILURE: 0x0f at 0x7f3a", "bus reset"]

    history = await answer(ann, f"history {bob} speed")
    assert "5 runs, 4 pass, 1 fail" in history.body
    compared = await answer(ann, f"compare {bad} with {slow}")
    assert "pass→fail" in compared.body

    settings = ["--config", str(lab.site.bot_settings)]
    status, xml = await run("bot", "export", str(bad), "--junit", *settings)
    assert status == 0, xml
    assert '<failure message="' in xml
    assert "bus reset" in xml
    status, said = await run("bot", "export", "99", "--json", *settings)
    assert (status, "there is no job 99" in said) == (2, True), said


CASES = """\
schema = 1
summary = "Says what stands in a file."
argv = ["sh", "-c", "echo begins; cat {says} > $LABROOM_RESULTS"]
[time]
wall = "1m"
"""


async def test_what_a_program_says_of_its_cases_reaches_the_people_and_the_export(
    furnish: Furnish,
) -> None:
    lab, ann = await furnish()
    says = lab.folder / "says"
    (lab.recipes / "cases.toml").write_text(CASES.replace("{says}", str(says)))
    ends = {"ones": "pass", "zeroes": "fail", "hot": "warn", "no ECC": "skip", "torn": "error"}
    told = [{"case": name, "verdict": end, "why": f"why {name}"} for name, end in ends.items()]
    says.write_text('{"case": "zeroes", "verdict": "pass"}\n')
    await lab.start("bob")
    bob = lab.name("bob")
    await idle(ann, bob)
    good = await order(ann, f"run cases on {bob}")
    assert facts(await result(ann, good))["verdict"] == "pass"

    says.write_text("".join(json.dumps(case) + "\n" for case in told if case["case"] != "torn"))
    bad = await order(ann, f"run cases on {bob}")
    said = await result(ann, bad)
    assert f"ann: job {bad} fail: cases on {bob}" in said.body
    assert "4 cases, zeroes: why zeroes" in said.body
    assert said.body.split("```")[1].strip("\n").split("\n") == [
        "  begins", "> zeroes: why zeroes", f"  (new since job {good}, which passed)",
    ]  # fmt: skip
    says.write_text("".join(json.dumps(case) + "\n" for case in told))
    torn = await order(ann, f"run cases on {bob}")
    assert "error: cases on" in (await result(ann, torn)).body
    assert "  zeroes    fail" in (await answer(ann, f"job {torn}")).body
    assert "2 told beside its output" in (await answer(ann, f"log {torn} errors")).body

    settings = ["--config", str(lab.site.bot_settings)]
    status, data = await run("bot", "export", str(torn), "--json", *settings)
    assert status == 0, data
    cases = json.loads(data)["runs"][0]["steps"][0]["cases"]
    assert {case["name"]: case["verdict"] for case in cases} == ends
    status, xml = await run("bot", "export", str(torn), "--junit", *settings)
    assert status == 0, xml
    read = JUnitXml.fromstring(xml[xml.index("<?xml") :].encode())
    found = {
        case.name: type(case.result[0]).__name__ if case.result else "Passed"
        for suite in read for case in suite
    }  # fmt: skip
    assert found == {
        "cases": "Error", "cases: torn": "Error", "cases: zeroes": "Failure",
        "cases: hot": "Passed", "cases: no ECC": "Skipped", "cases: ones": "Passed",
    }  # fmt: skip
