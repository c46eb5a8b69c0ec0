"""Patterns that a line can make take for ever are refused; all that we use are not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent.catalogue import PACKAGED
from agent.format.cost import TooCostly, check
from agent.kernel import CLASSES
from agent.recipe import BadRecipe, load
from tests.agent.test_recipe import HEAD, write

EXPONENTIAL = {
    r"(a+)+$": "a",
    r"(a*)*$": "a",
    r"(a|a)*$": "a",
    r"(a|aa)+$": "a",
    r"([a-zA-Z]+)*$": "a",
    r"^(\w+\s?)*$": "a",  # OWASP's classic
    r"^(([a-z])+.)+[A-Z]([a-z])+$": "a",
    r"(a?b?)*c": "ab",
    r"(.*a){20}x": "a",
    r"(x+x+)+y": "x",
    r"(?:a?){40}b": "a",
    r"(?:\d+,?)+x": "1",
    r"(\d+|\w+)*#": "1",
    r"(a|b|ab)*c": "ab",
    r"^(?=(a+)+$)": "a",
    r"(?:(?:a*)?b)*c": "b",
    r"([^c]|b)*?c$": "b",
    r"^(?P<text>(\S+ ?)*): ok$": "x",
}
POWERS = [
    r"x.*y.*z", r".*.*x", r"a*a*a*b", r"^.*a.*b.*c", r"\s*\s*\s*$",
    r"(?:.*,){3}", r"(?=.*x.*y)z",
]  # fmt: skip
FINE = [
    r"", r"^$", r"FAILURE: ", r"foo.*bar", r"^x.*y.*z", r"^(\w+\s)*$", r"(\d+\.)+\d",
    r"^(?:[^,]*,)*x", r"\[\d+\] vm(?: +[\d.]+){4} +(?P<value>[\d.]+)", r"^a{3}b{2,5}c?",
    r"(?i)error|fail(?:ed|ure)", r"general protection fault(?! ip:)", r"(?<!un)corrected",
    r"(\d{1,3}\.){3}\d{1,3}", r"^\s+(?P<text>[A-Z][\w -]*?) *: *ok$",
]  # fmt: skip

TRIES = """
import json, os, re, signal, sys
for pattern, text in json.loads(sys.argv[1]):
    if not (child := os.fork()):
        signal.setitimer(signal.ITIMER_PROF, 0.1)  # of processor time
        re.search(pattern, text)
        os._exit(0)
    print(os.WIFSIGNALED(os.waitpid(child, 0)[1]), flush=True)
"""


def test_what_really_takes_for_ever_is_refused() -> None:
    import json

    pairs = [
        (pattern, text * (60 // len(text)) + "!" if "40" not in pattern else "a" * 30)
        for pattern, text in EXPONENTIAL.items()
    ]
    tried = subprocess.run(
        [sys.executable, "-c", TRIES, json.dumps(pairs)], capture_output=True, text=True, check=True
    )
    assert tried.stdout.split() == ["True"] * len(pairs)  # none has come to an end
    for pattern in EXPONENTIAL:
        with pytest.raises(TooCostly, match="for ever"):
            check(pattern)


@pytest.mark.parametrize("pattern", POWERS)
def test_what_takes_very_long_is_refused(pattern: str) -> None:
    with pytest.raises(TooCostly, match=r"length to the power of \d"):
        check(pattern)


@pytest.mark.parametrize("pattern", FINE)
def test_what_is_fine_is_not(pattern: str) -> None:
    check(pattern)


def test_what_must_match_the_whole_line_is_not_looked_for_in_it() -> None:
    check(r".*x.*", anywhere=False)
    check(r"x.*y.*z", anywhere=False)
    with pytest.raises(TooCostly):
        check(r"(a+)+", anywhere=False)


@pytest.mark.parametrize("pattern", [r"(a+)b\1", r"(a)?(?(1)b|c)"])
def test_what_cannot_be_checked_is_refused(pattern: str) -> None:
    with pytest.raises(TooCostly, match="refers back"):
        check(pattern)
    with pytest.raises(TooCostly, match="too long to be checked"):
        check("a" * 401)


@pytest.mark.parametrize("path", sorted(PACKAGED.glob("*.toml")), ids=lambda path: path.stem)
def test_all_that_ship_are_accepted(path: Path) -> None:
    load(path)


def test_what_we_look_for_in_the_kernel_s_log_is_fine() -> None:
    for patterns in CLASSES.values():
        for _, pattern in patterns:
            check(pattern)


def test_a_recipe_with_one_is_refused_with_place_and_cure(tmp_path: Path) -> None:
    for pattern, cure in ((r"(a+)+$", "two ways"), (r"x.*y.*z", "begin it with ^")):
        text = HEAD + f"argv = ['x']\n[verdict]\nfail = ['ok', '{pattern}']"
        with pytest.raises(BadRecipe) as refusal:
            load(write(tmp_path, "it", text))
        assert "it.toml:5: [verdict] fail, entry 2: it may take" in str(refusal.value)
        assert cure in str(refusal.value)


def test_no_regular_expression() -> None:
    with pytest.raises(re.error):
        check("(")
