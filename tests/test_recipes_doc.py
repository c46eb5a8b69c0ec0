"""What docs/recipes.md says is what works."""

import re
from pathlib import Path

import pytest

from agent.catalogue import PACKAGED, means
from agent.recipe import load

PAGE = (Path(__file__).parent.parent / "docs" / "recipes.md").read_text()


def test_the_example_is_a_recipe_and_can_run_here(tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "copy.toml").write_text(example)
    resolved = load(tmp_path / "copy.toml").resolve({"blocks": "count=64"}, means())
    assert resolved["argv"] == ["dd", "if=/dev/zero", "of=/dev/null", "bs=1M", "count=64"]


@pytest.mark.parametrize("path", sorted(PACKAGED.glob("*.toml")), ids=lambda path: path.stem)
def test_every_parameter_is_in_its_section_with_its_default(path: Path) -> None:
    section = re.search(rf"^## {path.stem}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section
    for name, parameter in load(path).info(means()).params.items():
        assert f"| `{name}` | {parameter.default} |" in section[1]
