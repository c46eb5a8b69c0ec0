"""
Tables of a firmware (DMI), made here by the SMBIOS standard 3.2, sections 7.1, 7.2, 7.17, 7.18.

dmidecode reads them like any other: :func:`dump` is what it takes with ``--from-dump``.
"""

import struct


def structure(kind: int, handle: int, body: bytes, *strings: str) -> bytes:
    """One structure: its formatted part after the header, then its strings."""
    text = b"".join(each.encode() + b"\0" for each in strings) or b"\0"
    return struct.pack("<BBH", kind, len(body) + 4, handle) + body + text + b"\0"


def array(correction: int) -> bytes:
    """A physical memory array; *correction* is 3 for none, 6 for ECC of several bits."""
    return structure(16, 0x1000, struct.pack("<BBBIHHQ", 3, 3, correction, 1 << 27, 0xFFFE, 4, 0))


def module(
    number: int, slot: str, megabytes: int, *, bank: str = "NODE 0", speed: int = 3200
) -> bytes:
    """A slot for memory; with 0 *megabytes* it is empty."""
    body = struct.pack(
        "<HHHHHBBBBBHHBBBBBIH", 0x1000, 0xFFFE, 72, 64, megabytes, 9, 0, 1, 2,
        0x1A, 0x80, speed, 3, 4, 5, 6, 2, 0, min(speed, 2933),
    )  # fmt: skip
    return structure(
        17, 0x1100 + number, body,
        slot, bank, "Samsung", f"0391A2B{number}", "tag", "M393A2K40DB3-CWE",
    )  # fmt: skip


def table(*structures: bytes) -> bytes:
    """A whole table."""
    return b"".join(structures) + structure(127, 0xFEFF, b"")


def dump(whole: bytes) -> bytes:
    """The file that ``dmidecode --from-dump`` takes: an entry point (5.2.2), then the table."""
    head = b"_SM3_\0" + struct.pack("<BBBBBBIQ", 24, 3, 2, 0, 1, 0, len(whole), 32)
    checked = bytearray(head)
    checked[5] = -sum(checked) % 256
    return bytes(checked).ljust(32, b"\0") + whole


BIOS = structure(
    0, 0, struct.pack("<BBHBBQHBBBB", 1, 2, 0xE800, 3, 0xFF, 8, 0, 2, 18, 255, 255),
    "Dell Inc.", "2.18.1", "04/12/2023",
)  # fmt: skip
SYSTEM = structure(
    1, 1, struct.pack("<BBBB16sBBB", 1, 2, 0, 3, b"\1" * 16, 6, 4, 5),
    "Dell Inc.", "PowerEdge R6515", "EXAMPLE1", "SKU=0A1B", "PowerEdge",
)  # fmt: skip
BOARD = structure(
    2, 2, struct.pack("<BBBBBBBHBB", 1, 2, 3, 4, 0, 9, 0, 3, 10, 0),
    "Dell Inc.", "0R4CNN", "A03", "To Be Filled By O.E.M.",
)  # fmt: skip
ARRAY = array(6)
ARRAY_WITHOUT_ECC = array(3)
MODULE = module(0, "DIMM_A1", 16384)
