"""docs/install.md says what the commands do."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command

from agent.__main__ import app
from agent.install import places

PAGE = (Path(__file__).parent.parent.parent / "docs" / "install.md").read_text()
LINES = re.findall(r"^    (?:sudo )?\S*labroom-agent (.+)$", PAGE, re.MULTILINE)


def command(name: str) -> typer.core.TyperCommand:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    found = group.commands[name]
    assert isinstance(found, typer.core.TyperCommand)
    return found


@pytest.mark.parametrize("name", ["install", "uninstall"])
def test_every_option_is_on_the_page(name: str) -> None:
    options = [option for param in command(name).params for option in param.opts]
    assert options
    assert [option for option in options if not re.search(rf"`{option}\b", PAGE)] == []


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_page_is_understood(line: str) -> None:
    name, *arguments = shlex.split(line)
    command(name).make_context(name, arguments)


def test_every_file_that_is_written_is_on_the_page() -> None:
    for path in (places.SETTINGS, places.PASSWORD, places.AUTHORITY, places.UNIT):
        assert f"`{path}`" in PAGE
