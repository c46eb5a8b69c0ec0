"""Many names in few words: ``pc[01-14,20]``, as ClusterShell writes them."""

import re
from collections.abc import Iterable

from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet, NodeSetParseError

from bot.report.text import listed

_PART = re.compile(r"(?:[^,\[]|\[[^\]]*\])+")


def folded(names: Iterable[str], most: int = 8) -> str:
    """
    *names* as a sentence has them, sorted, with their numbers as ranges.

    >>> folded(["pc02", "alice", "pc01", "pc03", "bob"])
    'alice, bob and pc[01-03]'
    """
    names = sorted(set(names))
    try:
        text = str(NodeSet.fromlist(names, resolver=RESOLVER_NOGROUP))
    except NodeSetParseError:  # a name that means something to ClusterShell: an "@", a bracket
        return listed(names, most)
    return listed(_PART.findall(text), most)
