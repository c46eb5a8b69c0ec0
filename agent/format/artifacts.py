"""``[artifacts]``: which files of the scratch folder are kept, and how much of them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from agent.format.types import Bytes
from agent.wire.settings import Strict


def _inside(glob: str) -> str:
    if glob.startswith("/") or ".." in glob.split("/"):
        raise ValueError("it is a place in the scratch folder, and never outside")
    return glob


Glob = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_inside)]


class Artifacts(Strict):
    """Files that the program leaves in its scratch folder, kept with the run."""

    files: tuple[Glob, ...] = Field(min_length=1)
    """``*.log``: of that name, in whatever folder; ``out/*.log``: at that place."""
    when: Literal["always", "bad"] = "always"
    """``bad``: only of a step that is not good."""
    each: Bytes = 1 << 20
    """Bytes of one file: the first."""
    total: Bytes = 8 << 20
    """Bytes of all of them."""
    count: int = Field(default=20, ge=1, le=1000)
    """How many files."""

    def plain(self) -> dict[str, Any]:
        """For :mod:`agent.artifacts`."""
        return self.model_dump(mode="json")
