"""The rules of the house that no linter knows."""

import re
from pathlib import Path

import pytest

from bot.commands import discover, reference
from bot.jobs import LIMITS, NEXT
from bot.liveness import NEXT as LIFE
from bot.liveness import Event
from bot.outages import Cause
from bot.verb import Verb

ROOT = Path(__file__).parent.parent
CODE = sorted([*ROOT.glob("bot/**/*.py"), *ROOT.glob("agent/**/*.py")])
RECIPES = sorted(ROOT.glob("agent/recipes/*.toml"))
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "base", "misc", "manager", "handler"}


def headings() -> set[str]:
    """Every heading of the documentation, in lower case."""
    return {
        heading.strip("` ").casefold()
        for page in ROOT.glob("docs/**/*.md")
        for heading in re.findall(r"^#+ +(.+?) *$", page.read_text(), re.MULTILINE)
    }


def part(title: str) -> str:
    """What docs/architecture.md says below the heading *title*."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def test_there_is_code_to_look_at() -> None:
    assert len(CODE) > 30


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_too_long(path: Path) -> None:
    assert path.read_text().count("\n") <= 300


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_says_what_it_is_for(path: Path) -> None:
    assert path.stem not in FORBIDDEN
    assert not path.read_text().strip() or path.read_text().lstrip().startswith('"""')


def test_the_reference_is_what_the_examples_say() -> None:
    path = ROOT / "docs" / "commands.md"
    assert path.read_text() == reference(), "python -m bot.commands > docs/commands.md"


@pytest.mark.parametrize("verb", discover().values(), ids=list(discover()))
def test_a_verb_has_a_heading_and_its_examples_in_the_reference(verb: Verb[object]) -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    section = re.search(rf"^## {verb.name}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert section
    assert all(f"    {line}\n" in section[1] for line in verb.examples)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_has_a_heading_in_the_documentation(path: Path) -> None:
    assert path.stem.casefold() in headings()


def test_the_diagram_of_a_runs_life_is_the_table() -> None:
    drawn = re.findall(
        r"^    (\w+) --> (\w+): (\w+)$", part("A run's life at the bot"), re.MULTILINE
    )
    table = [
        (str(phase), str(then), str(happening))
        for phase, happenings in NEXT.items()
        for happening, then in happenings.items()
    ]
    assert drawn == table


def test_the_diagram_of_who_is_alive_is_the_table() -> None:
    drawn = re.findall(
        r"^    (\w+) --> (\w+): (\w+)(?: / (\w+))?$", part("Who is alive"), re.MULTILINE
    )
    assert drawn == [
        (str(life), str(then), str(sign), "" if event is Event.NONE else str(event))
        for life, signs in LIFE.items()
        for sign, (then, event) in signs.items()
    ]


def test_every_cause_is_explained() -> None:
    rows = re.findall(r"^\| (\w+) \| .+ \| .+ \|$", part("Who is alive"), re.MULTILINE)
    assert rows == ["cause", *map(str, Cause), "rebooted", "flapping"]


def test_the_table_of_deadlines_is_the_table() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    written = re.findall(r"^\| (\w+) \| `(\w+)` \| (.+?) \| (\w+) \|$", page, re.MULTILINE)
    assert written == [
        (str(phase), limit.setting, limit.since, str(limit.then)) for phase, limit in LIMITS.items()
    ]
