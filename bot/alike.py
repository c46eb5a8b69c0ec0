"""
Names that people take for each other: bob, B0b, and bob with a Cyrillic o. Pure.

A small table is enough, and the data of Unicode (UTS 39, thousands of pairs) is not needed: names
of targets are ASCII, most of what Unicode has beside it (full width, mathematical, circled,
accented) falls away by decomposition, and rights never follow a nick: this only warns people.
"""

import functools
import unicodedata

_HIDDEN = frozenset({"Mn", "Me", "Cf", "Cc", "Zs"})
_LIKE = str.maketrans(
    {
        **dict(zip("авекмнорстухіјѕԁһӏԛԝґєѵꙇց", "abekmhopctyxijsdhlqwrevlg", strict=True)),
        **dict(zip("αβγεικνορτυχωηϲϳ", "abyeikvoptuxwncj", strict=True)),
        **dict(zip("ոսօհցքզյԼ", "nuohgpqjl", strict=True)),
        **dict(zip("ıɩɑɡʏʀøđłħŧƅƖ", "iiagyrodlhtbl", strict=True)),
        **dict.fromkeys("|\u01c0\u2223", "l"),
        "0": "o",
        "1": "l",
        "i": "l",
        "5": "s",
        "ß": "ss",
    }
)


@functools.lru_cache(maxsize=4096)
def skeleton(name: str) -> str:
    """What is left of *name* for a quick eye: two with the same one look alike."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    shown = "".join(char for char in folded if unicodedata.category(char) not in _HIDDEN)
    return shown.translate(_LIKE).replace("rn", "m").replace("vv", "w")


def alike(one: str, other: str) -> bool:
    """Whether people may take *one* for *other*; also where they are the same."""
    return skeleton(one) == skeleton(other)
