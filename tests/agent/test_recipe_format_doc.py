"""docs/recipe-format.md is the format, and its examples and those of the tutorial are run."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.catalogue import means
from agent.format.explain import _models
from agent.kernel import CLASSES
from agent.recipe import Recipe, load
from agent.wire.parameter import Kind
from agent.wire.settings import Strict
from tests.agent.bench import output, verdict
from tests.agent.target import Target

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE = (DOCS / "recipe-format.md").read_text()
TUTORIAL = (DOCS / "recipe-in-ten-minutes.md").read_text()
EXAMPLES = re.findall(r"```toml\n# (\w+)\n(.*?)```", PAGE, re.DOTALL)


def fields(model: type[Strict], before: tuple[str, ...] = ()) -> Iterator[str]:
    """Every key that a recipe may have, with dots between."""
    for name, field in model.model_fields.items():
        place = (*before, field.alias or name)
        yield ".".join(place)
        for inner in dict.fromkeys(_models(field.annotation)):
            yield from fields(inner, place)


def test_every_key_has_its_heading_and_no_other_has_one() -> None:
    headings = re.findall(r"^##+ `([\w.]+)`$", PAGE, re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert set(headings) == set(fields(Recipe)) - {"name"}  # the file's


def test_every_kind_and_every_class_is_explained() -> None:
    kinds = re.search(r"^### `params.kind`\n(.*?)^### ", PAGE, re.MULTILINE | re.DOTALL)
    assert kinds
    assert set(re.findall(r"^\| `(\w+)` \|", kinds[1], re.MULTILINE)) == set(Kind)
    classes = re.search(r"^### `kernel.watch`\n(.*?)^### ", PAGE, re.MULTILINE | re.DOTALL)
    assert classes
    assert re.findall(r"^\| `(\w+)` \|", classes[1], re.MULTILINE) == list(CLASSES)


def test_every_example_says_what_comes_of_it() -> None:
    assert len(EXAMPLES) == PAGE.count("```toml")
    assert {said for said, _ in EXAMPLES} >= {"pass", "warn", "fail"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example[1][12:40]))
def test_an_example_is_a_recipe_and_does_what_it_says(
    tmp_path: Path, target: Target, example: tuple[str, str]
) -> None:
    said, text = example
    path = tmp_path / "example.toml"
    path.write_text(text)
    run = target.run(load(path).resolve({}, means()))
    assert verdict(run)[0] == said, (verdict(run), output(run))


def test_the_tutorial_is_what_happens(tmp_path: Path) -> None:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = 0
    for info, body in re.findall(r"```(\w+ [\w.]+|console)\n(.*?)```", TUTORIAL, re.DOTALL):
        if info != "console":
            (tmp_path / info.split()[1]).write_text(body)
            continue
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", body, re.MULTILINE):
            ran = subprocess.run(
                ["sh", "-c", command], cwd=tmp_path, env=environment, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            )  # fmt: skip
            assert ran.stdout == expected, command
            done += 1
    assert done == TUTORIAL.count("\n$ ") > 8
