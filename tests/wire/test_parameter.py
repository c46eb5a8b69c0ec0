"""Parameters: what people write, as it goes to a program."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.duration import seconds, spelled
from agent.wire.errors import BadValue, Refusal, UnknownName
from agent.wire.parameter import Kind, Parameter, RecipeInfo, format_size

SIZE = Parameter(kind=Kind.SIZE, default="64M", min="1M", max="1T")
INT = Parameter(kind=Kind.INT, default="1", min="-5", max="1000")
DURATION = Parameter(kind=Kind.DURATION, default="1h")
CHOICE = Parameter(kind=Kind.CHOICE, default="short", choices=("short", "long"))
STRING = Parameter(kind=Kind.STRING, default="/dev/sda")
DISK = Parameter(kind=Kind.DISK, default="first")
FOLDER = Parameter(kind=Kind.FOLDER, default="/var/tmp")
EVERY = [SIZE, INT, DURATION, CHOICE, STRING, DISK, FOLDER]
UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


FLOAT = Parameter(kind=Kind.FLOAT, default="0.5", min="-2.5", max="99")
PERCENT = Parameter(kind=Kind.PERCENT, default="80%", min="10%")
BOOL = Parameter(kind=Kind.BOOL, default="no")
NIC = Parameter(kind=Kind.NIC, default="first")


def test_they_are_shown_with_their_unit() -> None:
    assert PERCENT.spelled("12.50") == "12.5%"
    assert (BOOL.spelled("1"), BOOL.spelled("off")) == ("yes", "no")
    assert FLOAT.spelled("0.5") == "0.5"


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (SIZE, "64M", "64M"), (SIZE, "2048m", "2G"), (SIZE, "2GiB", "2G"), (SIZE, "3 MB", "3M"),
        (SIZE, "1048577", "1048577"), (SIZE, "1536M", "1536M"),
        (INT, "7", "7"), (INT, "-5", "-5"), (INT, "007", "7"),
        (DURATION, "90", "90"), (DURATION, "90s", "90"), (DURATION, "2h30m", "9000"),
        (DURATION, "2h30", "9000"), (DURATION, "1.5h", "5400"), (DURATION, "1,5 h", "5400"),
        (DURATION, "half an hour", "1800"), (DURATION, "two hours", "7200"),
        (DURATION, "90 min", "5400"), (DURATION, "2m30", "150"), (DURATION, "1 week", "604800"),
        (SIZE, "1.5G", "1536M"), (SIZE, "64 MiB", "64M"), (SIZE, "0,5 gb", "512M"),
        (SIZE, "1.3G", "1363148K"),
        (DURATION, "1d", "86400"), (DURATION, "5 min", "300"), (DURATION, "2 Hours", "7200"),
        (DURATION, "1 day and 1 s", "86401"), (DURATION, "0", "0"),
        (DISK, "sda", "sda"), (DISK, "/dev/nvme0n1", "nvme0n1"), (DISK, "first", "first"),
        (FOLDER, "/var/tmp", "/var/tmp"), (FOLDER, "/mnt/a.b/c-d/", "/mnt/a.b/c-d/"),
        (FOLDER, "/x/...", "/x/..."),
        (FLOAT, "0.5", "0.5"), (FLOAT, "1,25", "1.25"), (FLOAT, "-2", "-2"), (FLOAT, "2.0", "2"),
        (FLOAT, "0.100000000", "0.1"), (PERCENT, "80", "80"), (PERCENT, "12.5 %", "12.5"),
        (PERCENT, "100%", "100"), (BOOL, "Yes", "1"), (BOOL, "off", "0"), (BOOL, "true", "1"),
        (NIC, "eth0", "eth0"), (NIC, "enp3s0f1.12", "enp3s0f1.12"), (NIC, "first", "first"),
        (CHOICE, "long", "long"), (STRING, "/dev/disk/by-id/a b", "/dev/disk/by-id/a b"),
    ],
)  # fmt: skip
def test_what_goes_to_the_program(parameter: Parameter, text: str, value: str) -> None:
    assert parameter.check("it", text) == value


@pytest.mark.parametrize(
    ("parameter", "text", "words"),
    [
        (SIZE, "1K", "At least 1M"), (SIZE, "2T", "At most 1T"), (SIZE, "lots", "no size"),
        (SIZE, "", "no size"), (SIZE, "-1M", "no size"), (SIZE, "1.5.1G", "no size"),
        (SIZE, "٣M", "no size"), (INT, "٣", "no number"), (INT, "1_0", "no number"),
        (INT, "1001", "too large"), (INT, "-6", "too small"), (INT, "1e3", "no number"),
        (DURATION, "", "no duration"), (DURATION, "soon", "no duration"),
        (DURATION, "1m2h", "no duration"), (DURATION, "2h3", "no duration"),
        (DURATION, "1.5.1h", "no duration"), (DURATION, "1h1h", "no duration"),
        (DURATION, "30 sandwiches", "no duration"), (DURATION, "٣s", "no duration"),
        (DISK, "", "no disk"), (DISK, "../sda", "no disk"), (DISK, "/dev/../etc", "no disk"),
        (DISK, "-a", "no disk"), (DISK, "sd a", "no disk"), (DISK, "sda/x", "no disk"),
        (DISK, "SDA", "no disk"), (DISK, "x" * 40, "no disk"),
        (FOLDER, "tmp", "no folder"), (FOLDER, "/", "no folder"), (FOLDER, "/a/../b", "no folder"),
        (FOLDER, "/..", "no folder"), (FOLDER, "//a", "no folder"), (FOLDER, "/a b", "no folder"),
        (FOLDER, "/a/.", "no folder"), (FOLDER, "/" + "a" * 200, "no folder"),
        (FLOAT, "1e3", "no number"), (FLOAT, "", "no number"), (FLOAT, "nan", "no number"),
        (FLOAT, "-3", "too small"), (FLOAT, "99.1", "too large"), (FLOAT, "1.2.3", "no number"),
        (PERCENT, "101", "no percent"), (PERCENT, "-1%", "no percent"), (PERCENT, "%", "no percen"),
        (PERCENT, "9%", "At least 10%"), (PERCENT, "80%%%x", "no percent"),
        (BOOL, "maybe", "neither yes nor no"), (BOOL, "2", "neither yes nor no"),
        (NIC, "../eth0", "no nic"), (NIC, "-x", "no nic"), (NIC, "a" * 16, "no nic"),
        (CHOICE, "lnog", "Did you mean long"), (CHOICE, "", "none of short, long"),
        (STRING, "-rf", "may not be in it"), (STRING, "a;b", "may not be in it"),
        (STRING, "a\nb", "may not be in it"), (STRING, "", "may not be in it"),
        (STRING, "x" * 201, "may not be in it"), (STRING, "$(x)", "may not be in it"),
    ],
)  # fmt: skip
def test_what_will_not_do(parameter: Parameter, text: str, words: str) -> None:
    with pytest.raises(BadValue, match=words):
        parameter.check("it", text)


@given(number=st.integers(1, 10**6), unit=st.sampled_from(list(UNITS)))
def test_a_size_keeps_its_value_whatever_its_unit(number: int, unit: str) -> None:
    free = Parameter(kind=Kind.SIZE, default="1")
    value = free.check("size", f"{number}{unit}")
    last = value[-1] if value[-1] in UNITS else ""
    assert int(value.removesuffix(last)) << UNITS[last] == number << UNITS[unit]
    assert free.check("size", value) == value
    assert format_size(number << UNITS[unit]) == value


@given(text=st.text(max_size=30), parameter=st.sampled_from(EVERY))
def test_whatever_people_write_is_a_value_or_a_refusal(text: str, parameter: Parameter) -> None:
    try:
        value = parameter.check("it", text)
    except Refusal:
        return
    assert value.isprintable()
    assert not value.startswith("-") or parameter.kind is Kind.INT
    assert parameter.check("it", value) == value


@given(number=st.integers(-(10**6), 10**6))
def test_bounds_hold(number: int) -> None:
    inside = -5 <= number <= 1000
    try:
        assert INT.check("it", str(number)) == str(number)
    except BadValue:
        assert not inside
    else:
        assert inside


def test_a_recipe_fills_in_defaults_and_knows_its_parameters() -> None:
    info = RecipeInfo(name="memtest", summary="x", params={"size": SIZE, "passes": INT})
    assert info.check({}) == {"size": "64M", "passes": "1"}
    assert info.check({"passes": "3"}) == {"size": "64M", "passes": "3"}
    with pytest.raises(UnknownName, match="Did you mean size"):
        info.check({"sise": "1M"})
    with pytest.raises(UnknownName, match="It takes size, passes"):
        info.check({"qqq": "1M"})
    with pytest.raises(UnknownName, match="It takes none"):
        RecipeInfo(name="x", summary="x").check({"qqq": "1"})


def test_how_long_is_the_parameter_that_the_recipe_names() -> None:
    params = {"cpu": INT, "time": DURATION}
    stress = RecipeInfo(name="stress", summary="x", params=params, takes="time")
    assert stress.check({"for": "2 min"}) == {"cpu": "1", "time": "120"}
    with pytest.raises(BadValue, match="time=soon is no duration"):
        stress.check({"for": "soon"})
    with pytest.raises(BadValue, match="stress is told twice how long to run: for 1m and time=2m"):
        stress.check({"for": "1m", "time": "2m"})
    memtest = RecipeInfo(name="memtest", summary="x", params={"size": SIZE})
    with pytest.raises(BadValue, match=r"memtest cannot be told how long to run.*It takes size"):
        memtest.check({"for": "30s"})


@given(span=st.integers(0, 10**9))
def test_a_time_is_spelled_so_that_it_can_be_read_back(span: int) -> None:
    assert seconds(spelled(span)) == span
