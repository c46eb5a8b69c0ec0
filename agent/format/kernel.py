"""``[kernel]``: which messages of the kernel count in a step."""

from typing import Annotated

from pydantic import AfterValidator

from agent.kernel import NAMES
from agent.wire.parameter import nearest
from agent.wire.settings import Strict


def _class(name: str) -> str:
    if name not in NAMES:
        near = nearest(name, NAMES)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(NAMES)}"
        raise ValueError(f"there is no class {name!r}: {hint}")
    return name


class KernelLog(Strict):
    """The kernel's log, from the begin of a step to its end."""

    watch: tuple[Annotated[str, AfterValidator(_class)], ...] = ()
    """Classes of messages; what each line of them means is in :mod:`agent.kernel`."""
    required: bool = True
    """Where the log cannot be read, the recipe is not offered; else it runs without."""
