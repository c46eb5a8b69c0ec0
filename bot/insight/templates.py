"""
Lines of a log without what is another every time: numbers, addresses, times, paths. Pure.

    FAILURE: 0x0f != 0x1f at offset 0x7f3a90.  ->  FAILURE: * at offset *.
    [   12.345678] ata3.00: exception Emask 0x0   ->  [ *] ata*: exception Emask *

Rule: one regular expression that never goes back far, on a line that is cut: linear. (drain3,
which learns the templates, pins a cachetools and a jsonpickle of years ago; and what it learns
of one log it has to learn again of the next before two of them can be compared.)
"""

import functools
import re

WIDEST = 400
"""Characters of a line that are looked at."""

MOST = 50_000
"""Different templates of one log that are remembered, at about 100 bytes each."""

_DIGITS = str.maketrans("123456789", "0" * 9)
"""Lines that differ in digits alone are one and the same to look up."""

_HEX = "[0-9a-fA-F]"
_VARIES = re.compile(
    rf"""
    0000-00-00[T ][0:]{{5,8}}(?:[.,]0{{1,9}})?(?:Z|[+-]00:?00)?
  | \b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\ {{1,2}}0{{1,2}}\ [0:]{{5,8}}
  | \b{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}\b
  | \b(?:{_HEX}{{1,4}}:){{2,7}}[0-9a-fA-F.]{{1,6}}\b   # MAC, IPv6, PCI; and 12:34:56
  | \b0[xX]{_HEX}+
  | (?<![\w.])/[\w.+@:~-][\w.+@:~/-]*
  | \b(?=[a-fA-F]{{0,63}}0){_HEX}{{8,64}}\b
  | [+-]?0+(?:[.,:]0+)*
    """,
    re.VERBOSE,
)
_SEVERAL = re.compile(r"\*(?:[^\w*]{1,4}\*)+")


def template(line: str) -> str:
    """What stays of *line* from one run to the next."""
    return _template(line[:WIDEST].strip().translate(_DIGITS))


@functools.lru_cache(maxsize=4096)
def _template(line: str) -> str:
    """The same of a line that has no digits but 0."""
    return _SEVERAL.sub("*", _VARIES.sub("*", " ".join(line.split())))
