"""Names that differ by a number only, as one: ``pc[01-38,40]``. Pure."""

import re
from collections.abc import Iterable, Sequence

FEW = 3
"""Names that are folded; two read better as they are."""

_NUMBERED = re.compile(r"(?P<before>.*?)(?P<digits>[0-9]{1,9})(?P<after>[^0-9]*)")


def fold(names: Iterable[str]) -> list[str]:
    """
    *names* with those that differ by their last number folded, where the first of them stood.

    Numbers with leading zeros go together with those of their length, others with each other.
    """
    groups: dict[tuple[str, str, int], list[tuple[int, str]]] = {}
    for name in names:
        found = _NUMBERED.fullmatch(name)
        if found is None:
            groups.setdefault((name, "", -1), []).append((0, name))
            continue
        digits = found["digits"]
        padded = len(digits) if digits.startswith("0") and len(digits) > 1 else 0
        key = (found["before"], found["after"], padded)
        wider = (found["before"], found["after"], len(digits))
        groups.setdefault(wider if wider in groups else key, []).append((int(digits), name))
    folded: list[str] = []
    for (before, after, width), group in groups.items():
        if width < 0 or len(group) < FEW:
            folded += [name for _, name in group]
        else:
            folded.append(f"{before}[{_ranges(sorted({n for n, _ in group}), width)}]{after}")
    return folded


def _ranges(numbers: Sequence[int], width: int) -> str:
    """``1-3,7``, each with *width* digits."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(
        f"{first:0{width}d}" if first == last else f"{first:0{width}d}-{last:0{width}d}"
        for first, last in runs
    )
