"""A target on which probes look at a tree that was recorded elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent.catalogue import PACKAGED
from agent.recipe import load
from tests.agent.bench import output, records, verdict
from tests.agent.target import Target
from tests.agent.test_memtest import ALL

HERE = replace(ALL, disks=("sda",))


@dataclass(frozen=True)
class Seen:
    """What came of a run."""

    verdict: str
    reason: str
    said: str
    """What people read in its log."""
    end: Mapping[str, Any]

    @property
    def metrics(self) -> dict[str, float]:
        return {each["name"]: each["value"] for each in self.end.get("metrics", [])}

    @property
    def facts(self) -> dict[str, str]:
        return dict(self.end.get("facts", {}))

    @property
    def counts(self) -> dict[str, float]:
        return dict(self.end["counts"])


def plant(root: Path, files: Mapping[str, str]) -> Path:
    """The tree of *files*, by their paths, below *root*."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


def probed(target: Target, recipe: str, root: Path | None = None, **given: str) -> Seen:
    """The shipped *recipe*, run for real; on the tree below *root* if there is one."""
    step = load(PACKAGED / f"{recipe}.toml").resolve(given, HERE)
    if root is not None:
        step["argv"].append(f"--root={root}")
    run = target.run(step)
    end = records(run)[-2]
    return Seen(*verdict(run), output(run).decode(), end.fields)
