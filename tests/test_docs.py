"""The pages say what is so: links lead somewhere, commands exist, every page is found."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from agent.__main__ import app as agent_app
from bot.__main__ import app as bot_app

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
TESTS = {path.name for path in (ROOT / "tests").rglob("test_*.py")}

ELSEWHERE = {
    *(
        "apt-get",
        "cat",
        "cd",
        "cp",
        "echo",
        "head",
        "sed",
        "docker",
        "ejabberdctl",
        "export",
        "git",
        "install",
    ),
    *("journalctl", "mkdir", "openssl", "pip", "pipx", "profanity", "prosodyctl", "python"),
    *("python3", "sqlite3", "systemctl", "systemd-analyze"),
}
"""Programs of others that a page may name: whether their arguments are right, we do not know."""


def shell_lines() -> Iterator[tuple[str, str]]:
    """Page and command line: what follows ``$`` in console blocks, continued lines joined."""
    for page in PAGES:
        for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
            for line in re.findall(r"^\s*[$#] (.*)", block.replace("\\\n", " "), re.MULTILINE):
                yield str(page.relative_to(ROOT)), line


def words(line: str) -> list[str]:
    """The words of a command line as a shell would see them; comments are none."""
    found = re.findall(r"""(?:"[^"]*"|'[^']*'|[^\s"'])+""", re.sub(r"\s+# .*", "", line))
    return [re.sub(r"""["'](.*?)["']""", r"\1", word) for word in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        file, _, heading = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)", there.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
            assert heading in slugs, target


def test_every_page_is_found_from_the_readme() -> None:
    seen: set[Path] = set()
    todo = [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen or not page.is_file() or page.suffix != ".md":
            continue
        seen.add(page)
        links = re.findall(r"\]\(([^)\s#]+)", page.read_text())
        todo += [(page.parent / link).resolve() for link in links if "://" not in link]
    pages = {page for page in PAGES if page.parent.name != "decisions"}
    assert pages - seen == {ROOT / "CHANGELOG.md"} - seen


@pytest.mark.parametrize(("page", "line"), sorted(set(shell_lines())))
def test_every_shell_line_is_one(page: str, line: str) -> None:
    argv = [word for word in words(line) if word not in ("sudo", "&&")]
    while re.match(r"\w+=", argv[0]):
        del argv[0]
    program = Path(argv[0]).name
    if program == "make":
        targets = re.findall(r"^([a-z0-9-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert all(word in targets or "=" in word for word in argv[1:]), line
    elif program in ("labroom", "labroom-agent"):
        accepts(bot_app if program == "labroom" else agent_app, argv[1:])
    else:
        assert program in ELSEWHERE, line
        for script in (word for word in argv if word.endswith(".py")):
            assert (ROOT / script).is_file(), line


def accepts(app: typer.Typer, argv: list[str]) -> None:
    """The command line takes *argv*; it is not carried out."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and argv and not argv[0].startswith("-"):
        assert argv[0] in command.commands
        command, argv = command.commands[argv[0]], argv[1:]
    if "--help" not in argv:
        command.make_context(command.name, list(argv))  # raises what a person would be told


def test_the_tests_that_hold_a_promise_exist() -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", (ROOT / "docs" / "reliability.md").read_text()))
    assert named
    assert named <= TESTS
