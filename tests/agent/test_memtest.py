"""The memtest recipe and the real memtester."""

import math
import shutil
import subprocess

import pytest

from agent.catalogue import PACKAGED, means
from agent.judge import Judge
from agent.recipe import Means, Recipe, load
from agent.wire.errors import BadValue, Busy
from tests.agent.bench import ends, output, records, verdict
from tests.agent.replay import a_program
from tests.agent.target import Target
from tests.preload import failing

BOUND = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--")
"""Root without the right to lock more memory than its limit allows."""

ALL = Means(root=True, lockable=math.inf, memory=1 << 40, finds=lambda _: True)


@pytest.fixture
def memtest() -> Recipe:
    return load(PACKAGED / "memtest.toml")


def seen(recipe: Recipe, text: str, code: int = 0) -> tuple[str, str]:
    judge = Judge(recipe.resolve({}, ALL)["rules"])
    judge.feed(text.encode())
    return judge.ended(code)


def test_it_passes(target: Target, memtest: Recipe) -> None:
    run = target.run(memtest.resolve({"size": "1M", "passes": "2"}, means()))
    assert verdict(run) == ("pass", "")
    end = records(run)[-2]
    assert end.fields["counts"] == {"loops": 2, "tests": 36, "failures": 0}
    assert end.text("name") == "memtest size=1M passes=2"
    assert b"locked." in output(run)
    assert b"\b\b\b" in output(run)  # as it came


def test_its_progress_grows_to_the_end(memtest: Recipe) -> None:
    judge = Judge(memtest.resolve({}, ALL)["rules"])
    real = subprocess.run(["/usr/sbin/memtester", "1M", "2"], capture_output=True, check=True)
    fractions = []
    for line in real.stdout.splitlines(keepends=True):
        judge.feed(line)
        if judge.progress is not None:
            fractions.append(judge.progress[0])
    assert fractions == sorted(fractions)
    assert len(set(fractions)) == 37
    assert fractions[-1] == 1.0


def test_it_may_lock_less_than_was_asked_for(target: Target, memtest: Recipe) -> None:
    run = target.create(memtest.resolve({"size": "2M"}, ALL))
    assert target.start(run, *BOUND, "prlimit", "--memlock=524288", "--").wait(40) == 0
    assert b"reducing..." in output(run)
    assert verdict(run)[0] == "error"
    assert "run the agent as root" in verdict(run)[1]
    assert ends(run) == ["error"]


def test_it_may_not_lock_at_all(target: Target, memtest: Recipe) -> None:
    run = target.create(memtest.resolve({"size": "2M"}, ALL))
    assert target.start(run, *BOUND, "prlimit", "--memlock=0", "--").wait(40) == 0
    assert verdict(run)[0] == "error"
    assert "may not lock memory at all" in verdict(run)[1]


def test_a_wrong_size_is_an_error_not_a_failure(target: Target, memtest: Recipe) -> None:
    step = memtest.resolve({"size": "1M"}, ALL)
    run = target.run(step | {"argv": ["memtester", "none", "1"]})
    assert verdict(run)[0] == "error"
    assert "exit code 1" in verdict(run)[1]


@pytest.mark.parametrize("code", [0, 4])
def test_a_failing_module_whatever_the_exit_code(memtest: Recipe, code: int) -> None:
    failure = "FAILURE: 0xfffffffffffffffb != 0xffffffffffffffff at offset 0x0000000000001000."
    text = GOOD.replace("Bit Flip            : ok", f"Bit Flip            : {failure}")
    assert seen(memtest, text, code)[0] == "fail"
    assert failure in seen(memtest, text, code)[1]
    address = "FAILURE: possible bad address line at offset 0x0000000000000008."
    text = GOOD.replace("Stuck Address       : ok", f"Stuck Address : testing   0{address}")
    assert seen(memtest, text, 2)[0] == "fail"


def test_memory_that_flips_a_bit_fails(
    target: Target, memtest: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = failing("memory", "/usr/sbin/memtester", target.home)
    monkeypatch.setenv("PATH", a_program(target.home / "bin", "memtester", script))
    run = target.run(memtest.resolve({"size": "1M"}, means()))
    end = records(run)[-2].fields
    said = output(run).count(b"FAILURE: ")
    assert said > 3
    assert end["counts"]["failures"] == said
    verdict_, reason = verdict(run)
    assert verdict_ == "fail"
    assert reason.startswith(f"{said} failures reported, first: Stuck Address")  # each once
    assert end["first"]["line"].endswith("possible bad address line at offset 0x000000000003fc00.")


def test_one_that_may_not_run_all_of_its_tests_is_an_error(
    target: Target, memtest: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMTESTER_TEST_MASK", "1")
    run = target.run(memtest.resolve({"size": "1M"}, means()))
    assert verdict(run)[0] == "error", output(run)
    assert "MEMTESTER_TEST_MASK" in verdict(run)[1]


def test_what_is_not_all_of_it_is_no_pass(memtest: Recipe) -> None:
    assert seen(memtest, GOOD) == ("pass", "")
    assert seen(memtest, GOOD.replace("Done.\n", ""))[0] == "error"
    assert seen(memtest, GOOD, 1)[0] == "error"
    assert seen(memtest, GOOD, -9)[0] == "error"
    less = GOOD.replace("got  1MB (1048576 bytes)", "got  0MB (524288 bytes)")
    verdict, reason = seen(memtest, less)
    assert verdict == "error"
    assert "could not allocate" in reason
    assert seen(memtest, GOOD.replace(", trying mlock ...locked.", ""))[0] == "error"
    assert seen(memtest, "")[0] == "error"


def test_it_is_not_offered_where_it_cannot_run(memtest: Recipe) -> None:
    lacking = Means(root=False, lockable=65536, memory=1 << 34, finds=lambda _: True)
    assert memtest.info(lacking).missing == "the agent may lock only 64K of memory"
    absent = Means(root=True, lockable=math.inf, memory=1 << 34, finds=lambda _: False)
    assert memtest.info(absent).missing == "memtester is not installed"
    assert memtest.info(ALL).missing == ""


def test_more_memory_than_there_is_or_may_be_locked_is_refused(memtest: Recipe) -> None:
    some = Means(root=False, lockable=8 << 20, memory=1 << 30, finds=lambda _: True)
    assert memtest.resolve({"size": "8M"}, some)["argv"] == ["memtester", "8M", "1"]
    with pytest.raises(Busy, match="At most 8192K"):
        memtest.resolve({"size": "9M"}, some)
    with pytest.raises(BadValue, match="It has 1024M"):
        memtest.resolve({"size": "2G"}, some)


def test_memtester_is_here() -> None:
    assert shutil.which("memtester", path="/usr/sbin:/usr/bin")


TESTS = """Stuck Address,Random Value,Compare XOR,Compare SUB,Compare MUL,Compare DIV,Compare OR,
Compare AND,Sequential Increment,Solid Bits,Block Sequential,Checkerboard,Bit Spread,Bit Flip,
Walking Ones,Walking Zeroes,8-bit Writes,16-bit Writes""".replace("\n", "").split(",")

GOOD = (
    "memtester version 4.6.0 (64-bit)\nwant 1MB (1048576 bytes)\n"
    "got  1MB (1048576 bytes), trying mlock ...locked.\nLoop 1/1:\n"
    + "".join(f"  {name:20}: ok\n" for name in TESTS)
    + "\nDone.\n"
)
