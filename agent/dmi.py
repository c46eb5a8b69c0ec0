"""
The firmware's table of the machine's parts (DMI, SMBIOS 2.1 and later), as the kernel hands it out.

Only what is a number in it: programs (dmidecode) know the words better. Root alone may read it.
"""

from collections.abc import Iterator
from pathlib import Path

TABLE = Path("sys/firmware/dmi/tables/DMI")

_ARRAY, _DEVICE, _END = 16, 17, 127
_MOST = 256 * 1024
_CORRECTS = frozenset((5, 6, 7))  # single-bit ECC, multi-bit ECC, CRC


def dimms(root: Path = Path("/")) -> int:
    """How many slots have a module of memory in them; 0 if that is not known."""
    return sum(
        kind == _DEVICE and len(body) > 0x0D and body[0x0C:0x0E] not in (b"\0\0", b"\xff\xff")
        for kind, body in _structures(root)
    )


def ecc(root: Path = Path("/")) -> bool | None:
    """Whether the memory corrects errors; None if that is not known."""
    found = [body[6] for kind, body in _structures(root) if kind == _ARRAY and len(body) > 6]
    return any(each in _CORRECTS for each in found) if found else None


def _structures(root: Path) -> Iterator[tuple[int, bytes]]:
    """Each structure: its type and its formatted part, without the strings after it."""
    try:
        with (root / TABLE).open("rb") as file:
            table = file.read(_MOST)
    except OSError:
        return
    at = 0
    while at + 4 <= len(table) and table[at + 1] >= 4:
        kind, length = table[at], table[at + 1]
        yield kind, table[at : at + length]
        end = table.find(b"\0\0", at + length)
        if kind == _END or end < 0:
            return
        at = end + 2
