"""Names folded: short, and nothing lost."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.report.fold import fold


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        (["bob"], ["bob"]),
        (["pc1", "pc2"], ["pc1", "pc2"]),
        (["pc3", "pc1", "pc2", "pc9"], ["pc[1-3,9]"]),
        ([f"pc{n:02}" for n in range(1, 39)], ["pc[01-38]"]),
        ([f"pc{n:02}" for n in range(8, 12)], ["pc[08-11]"]),
        (["pc1", "pc01", "pc2", "pc02", "pc3", "pc03"], ["pc[1-3]", "pc[01-03]"]),
        (["bob", "rack1-a", "rack2-a", "rack3-a", "rack1-b"], ["bob", "rack[1-3]-a", "rack1-b"]),
        ([f"n{n}" for n in range(9, 12)], ["n[9-11]"]),
    ],
)
def test_folded(names: list[str], folded: list[str]) -> None:
    assert fold(names) == folded


def unfold(name: str) -> set[str]:
    found = re.fullmatch(r"(.*)\[(.*)\](.*)", name)
    if found is None:
        return {name}
    names = set()
    for part in found[2].split(","):
        first, _, last = part.partition("-")
        for number in range(int(first), int(last or first) + 1):
            names.add(f"{found[1]}{number:0{len(first) if first[0] == '0' else 0}d}{found[3]}")
    return names


@given(st.sets(st.from_regex(r"\A(pc|rack)[0-9]{1,3}(-a)?\Z"), max_size=30))
def test_nothing_is_lost_and_nothing_added(names: set[str]) -> None:
    assert set().union(*map(unfold, fold(sorted(names)))) == names
