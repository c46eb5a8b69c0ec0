"""Lines with their numbers, as a block: ``12: what was found``, ``11  what stands around it``."""

from collections.abc import Collection, Mapping

from bot.report.text import COLUMNS, cut, safe


def numbered(
    texts: Mapping[int, str], hits: Collection[int] = (), *, columns: int = COLUMNS
) -> str:
    """
    *texts*, by their numbers, each in a line of at most *columns*.

    Args:
        hits: The numbers of those that were looked for; empty: all of them.
    """
    rows, before, width = [], 0, len(str(max(texts, default=0)))
    for number, text in texts.items():
        if before and number > before + 1 and len(hits) < len(texts):
            rows.append("--")
        mark = ":" if not hits or number in hits else " "
        rows.append(cut(f"{number:>{width}}{mark} {safe(text)}", columns).rstrip())
        before = number
    return "\n".join(rows)
