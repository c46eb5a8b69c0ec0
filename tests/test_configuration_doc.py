"""docs/configuration.md has every setting, and nothing that is none."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from agent.config import Config as AgentConfig
from bot.config import Config as BotConfig
from bot.say import Config as SayConfig

PAGE = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text()
MODELS: dict[str, type[BaseModel]] = {
    "bot.toml": BotConfig,
    "agent.toml": AgentConfig,
    "say.toml": SayConfig,
}


def table(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting as people write it, nested ones with a dot."""
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        yield key, field
        inner = table(field)
        if inner is not None:
            yield from settings(inner, key + ".")


def part(title: str) -> str:
    """What stands below the heading *title* of the second level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def sections(file: str) -> dict[str, str]:
    """Text by setting."""
    text = part(f"Settings of {file}")
    pairs = re.findall(r"^### (.+?)\n(.*?)(?=^### |\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(pairs) == len(dict(pairs)), "a setting stands there twice"
    return {title: " ".join(body.split()) for title, body in pairs}


EVERY = [
    pytest.param(file, key, field, id=f"{file} {key}")
    for file, model in MODELS.items()
    for key, field in settings(model)
]


@pytest.mark.parametrize("file", MODELS)
def test_every_heading_is_a_setting_and_every_setting_has_a_heading(file: str) -> None:
    assert sorted(sections(file)) == sorted(key for key, _ in settings(MODELS[file]))


@pytest.mark.parametrize(("file", "key", "field"), EVERY)
def test_a_setting_says_its_default(file: str, key: str, field: FieldInfo) -> None:
    text = sections(file)[key]
    if field.is_required():
        assert "Must be given" in text
    elif table(field) is not None:
        assert text.startswith("Table.")
    else:
        assert f"Default: {written(field.get_default(call_default_factory=True))}" in text


def written(value: object) -> str:
    """*value* as the page writes it."""
    match value:
        case None | {}:
            return "none"
        case bool():
            return f"`{str(value).lower()}`"
        case int() | float():
            return f"`{value:g}`" if value < 1e5 else f"`{value:.0f}`"
        case tuple():
            return f"`{json.dumps([str(item) for item in value])}`"
        case _:
            return f"`{json.dumps(str(value))}`"


def example(file: str) -> dict[str, object]:
    (toml,) = re.findall(
        r"^```toml\n(.*?)^```$", part(f"Example: {file}"), re.MULTILINE | re.DOTALL
    )
    return tomllib.loads(toml)


@pytest.mark.parametrize("file", MODELS)
def test_the_example_is_valid(file: str) -> None:
    MODELS[file].model_validate(example(file))


@pytest.mark.parametrize("file", MODELS)
def test_the_example_has_every_setting_but_the_other_password(file: str) -> None:
    def keys(data: dict[str, object], model: type[BaseModel], prefix: str = "") -> Iterator[str]:
        inner = {f.alias or n: table(f) for n, f in model.model_fields.items()}
        for key, value in data.items():
            yield prefix + key
            below = inner[key]
            if isinstance(value, dict) and below is not None:
                yield from keys(value, below, f"{prefix}{key}.")

    shown = set(keys(example(file), MODELS[file]))
    assert {key for key, _ in settings(MODELS[file])} - shown == {"credentials.password"}


@pytest.mark.parametrize("file", MODELS)
def test_the_example_needs_only_what_the_page_says(file: str) -> None:
    said = re.search(r"Only (.*?) must be given", " ".join(part(f"Example: {file}").split()))
    assert said
    named = set(re.findall(r"`(\w+)`", said[1]))
    assert named == {
        field.alias or name
        for name, field in MODELS[file].model_fields.items()
        if field.is_required()
    }
