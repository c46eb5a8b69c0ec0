"""
Lines of a log without what is another every time: numbers, addresses, times, paths. Pure.

    FAILURE: 0x0f != 0x1f at offset 0x7f3a90.  ->  FAILURE: * at offset *.
    [   12.345678] ata3.00: exception Emask 0x0   ->  [ *] ata*: exception Emask *

Rule: one regular expression that never goes back far, on a line that is cut: linear. (drain3,
which learns the templates, pins a cachetools and a jsonpickle of years ago; and what it learns
of one log it has to learn again of the next before two of them can be compared.)
"""

import re

WIDEST = 400
"""Characters of a line that are looked at."""

MOST = 50_000
"""Different templates of one log that are remembered, at about 100 bytes each."""

_VARIES = re.compile(
    r"""
    [0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{5,8}(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?
  | \b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\ {1,2}[0-9]{1,2}\ [0-9:]{5,8}
  | \b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b
  | \b(?:[0-9a-f]{1,4}:){2,7}[0-9a-f.]{1,6}\b   # MAC, IPv6, PCI; and 12:34:56
  | \b0x[0-9a-f]+
  | (?<![\w.])/[\w.+@:~-][\w.+@:~/-]*
  | \b(?=[a-f]{0,63}[0-9])[0-9a-f]{8,64}\b
  | [+-]?[0-9]+(?:[.,:][0-9]+)*
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SEVERAL = re.compile(r"\*(?:[^\w*]{1,4}\*)+")
_GAPS = re.compile(r"\s{2,}")


def template(line: str) -> str:
    """What stays of *line* from one run to the next."""
    plain = _VARIES.sub("*", _GAPS.sub(" ", line[:WIDEST].strip()))
    return _SEVERAL.sub("*", plain)
