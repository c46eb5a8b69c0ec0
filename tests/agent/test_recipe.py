"""Recipe files: read strictly, refused with file, key, reason."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from agent.catalogue import Catalogue, means, search_path
from agent.recipe import BadRecipe, Means, load
from agent.wire.errors import BadValue, UnknownName
from agent.wire.vocabulary import Step

HEAD = "schema = 1\nsummary = 'x'\n"
GOOD = HEAD + "argv = ['echo', 'a', '{count}', 'b {}']\n[params.count]\nkind = 'int'\n"
GOOD += "default = '1'\nmin = '1'\nmax = '9'\n"
OURS = [
    "cpu", "disk", "dmesg", "edac", "inventory", "link", "memtest", "reboot", "sensors", "smart",
    "stress",
]  # fmt: skip
TIMED = HEAD + "argv = ['x', '--for={long}']\n[params.long]\nkind = 'duration'\ndefault = '1m'\n"
FOLDER = HEAD + "argv = ['x']\n[params.where]\nkind = 'folder'\ndefault = '/var/tmp'\n"
ALL = Means(root=True, lockable=math.inf, memory=1 << 40, finds=lambda _: True)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def test_a_parameter_replaces_a_whole_argument(tmp_path: Path) -> None:
    recipe = load(write(tmp_path, "say", GOOD))
    step = recipe.resolve({"count": "3"}, ALL)
    assert step["argv"] == ["echo", "a", "3", "b {}"]
    assert step["name"] == "say count=3"
    assert recipe.resolve({}, ALL)["argv"][2] == "1"
    assert recipe.resolve({}, ALL)["name"] == "say"
    assert json.loads(json.dumps(step)) == step


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("argv = [", "is not TOML"),
        (HEAD + "argv = []", "argv"),
        (HEAD + "argv = 'echo'", "argv"),
        (
            HEAD + "argv = ['echo']\nargvs = []",
            "wrong.toml:4: argvs: no such key; did you mean argv?",
        ),
        (HEAD + "argv = ['echo']\nclass = 'Two words'", "class: String should match"),
        (HEAD + "argv = ['echo']\ndestructive = 'very'", "destructive: must be true or false"),
        (HEAD + "argv = ['echo']\nname = 'other'", "the file's name is the name"),
        (HEAD.replace("1", "2") + "argv = ['echo']", "schema"),
        ("schema = 1\nargv = ['echo']", "summary"),
        (GOOD.replace("'{count}'", "'-n{count}'"), "must be the whole argument"),
        (GOOD.replace("'{count}'", "'{cuont}'"), "did you mean {count}"),
        (GOOD.replace("'echo'", "'{count}'"), "the program itself"),
        (
            GOOD.replace("default = '1'", "default = '10'"),
            "wrong.toml:6: [params.count] default: count=10 is too large",
        ),
        (GOOD.replace("'int'", "'integer'"), "[params.count] kind: must be one of 'int'"),
        (
            HEAD + "argv = ['x']\n[verdict]\nfail = ['(']",
            "wrong.toml:5: [verdict] fail, entry 1: not a regular",
        ),
        (
            HEAD + "argv = ['x']\n[verdict]\nerror = [{ lin = 'x' }]",
            "[verdict] error, entry 1: lin: no such key; did you mean line?",
        ),
        (HEAD + "argv = ['x']\n[verdict]\nexit = { 0 = 'passed' }", "'passed', none of pass"),
        (HEAD + "argv = ['x']\n[verdict]\nexit = { no = 'pass' }", "[verdict.exit] no"),
        (HEAD + "argv = ['x']\n[output]\nprogress = ['x']", "'percent'"),
        (HEAD + "argv = ['x']\n[output.counts]\nLoops = 'x'", "[output.counts] Loops"),
        (HEAD + "argv = ['x']\n[time]\nwall = 5", '[time] wall: write it like "90s"'),
        (HEAD + "argv = ['x']\n[time]\nwall = '0s'", "[time] wall"),
        (
            HEAD + "argv = ['x']\n[time]\nwall = 'soon'",
            "[time] wall: soon is no duration. Write it like 2h30m",
        ),
        (HEAD + "argv = ['x']\n[requires]\nlock = 'size'", "no parameter of kind size"),
        (GOOD.replace("count", "for"), "[params] for: people say it"),
        (HEAD + "argv = ['x']\n[requires]\nmemory = 'size'", "[requires] memory: no parameter"),
        (GOOD + "[time]\ntakes = 'count'", "[time] takes: no parameter of kind duration"),
        (TIMED + "[time]\ntakes = 'log'", "[time] takes: no parameter of kind duration"),
        (TIMED.replace("--for=", "-n"), "all after --option="),
        (TIMED.replace("{long}", "{log}"), "did you mean {long}"),
        (FOLDER + "[scratch]\nfolder = 'there'", "[scratch] folder: no parameter of kind folder"),
        (FOLDER + "[scratch]\nfolder = 'where'\nroom = 'where'", "[scratch] room"),
        (FOLDER.replace("/var/tmp", "/var/../etc"), "[params.where] default"),
        (HEAD + "argv = ['x']\n[results]\nfile = 'a.json'", "[results] file: needs a scratch"),
        (HEAD + "argv = ['x']\n[results]\nfile = '../a'", "[results] file"),
        (
            HEAD + "argv = ['x']\n[results.counts]\nn = 'a//b'",
            "[results.counts.n] path: String should match",
        ),
        (HEAD + "argv = ['x']\n[[results.rules]]\npath = 'a'\nthen = 'fail'\nwhy = 'x'", "one of"),
        (HEAD + "argv = ['x']\n[verdict]\nbits = { 8 = 'fail' }", "[verdict.bits] 8"),
        (HEAD + "argv = ['x']\n[verdict]\nbits = { 3 = 'failed' }", "bit 3 is 'failed'"),
        (
            HEAD + "argv = ['x']\n[requires]\nprogram = ['x']",
            "[requires] program: no such key; did you mean programs?",
        ),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_why(
    tmp_path: Path, text: str, words: str
) -> None:
    path = write(tmp_path, "wrong", text)
    with pytest.raises(BadRecipe) as refusal:
        load(path)
    assert words in str(refusal.value)
    assert str(path) in refusal.value.what
    assert refusal.value.hint


def test_all_that_is_wrong_is_said_each_with_its_line(tmp_path: Path) -> None:
    text = (
        """\
schema = 1
summary = "x"
argv = [
  "x",  # [not a table]
  5,
]
[params.it]
kind = "strin"
[verdict]
exitt = { 0 = "pass" }
fail = ['''a
b''', "(", """
        + '"""x"""]'
        + """
[[verdict.error]]
line = "a"
[[verdict.error]]
lien = "b"
[metrics . "a"]
better = "more"
"""
    )
    path = write(tmp_path, "it", text)
    with pytest.raises(BadRecipe) as refusal:
        load(path)
    assert refusal.value.what.replace(f"{path}:", "").splitlines() == [
        "5: argv, entry 2: must be text, in quotes",
        "7: [params.it] default: is missing",
        "8: [params.it] kind: must be one of 'int', 'size', 'duration', 'choice', 'string', "
        "'disk', 'folder', 'float', 'percent', 'bool' or 'nic'; did you mean 'string'?",
        "10: [verdict] exitt: no such key; did you mean exit?",
        "12: [verdict] fail, entry 2: not a regular expression: missing ), unterminated "
        "subpattern at position 0",
        "15: [verdict] error, entry 2: line: is missing",
        "16: [verdict] error, entry 2: lien: no such key; did you mean line?",
        "18: [metrics.a] better: must be one of 'higher', 'lower' or ''",
    ]


def test_what_is_no_toml_is_said_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match=r"it.toml:3: is not TOML: Invalid value"):
        load(write(tmp_path, "it", HEAD + "argv = x"))


def test_how_long_it_works_is_on_top_of_what_it_may_take_besides(tmp_path: Path) -> None:
    path = write(tmp_path, "it", TIMED + "[time]\ntakes = 'long'\nwall = '90s'\n")
    step = load(path).resolve({"for": "2 hours"}, ALL)
    assert (step["takes"], step["wall"]) == (7200, 7290)
    assert step["argv"] == ["x", "--for=7200"]
    assert step["name"] == "it for 2h"
    assert load(path).resolve({"long": "90"}, ALL)["name"] == "it long=1m30s"
    assert load(path).resolve({}, ALL)["wall"] == 150
    assert load(path).info(ALL).takes == "long"


def test_more_memory_than_there_is_is_refused(tmp_path: Path) -> None:
    text = HEAD + "argv = ['x', '{size}']\n[params.size]\nkind = 'size'\ndefault = '1M'\n"
    recipe = load(write(tmp_path, "it", text + "[requires]\nmemory = 'size'\n"))
    assert recipe.resolve({"size": "1G"}, ALL)["argv"] == ["x", "1G"]
    with pytest.raises(BadValue, match=r"size=2T is more memory than there is.*1048576M"):
        recipe.resolve({"size": "2T"}, ALL)


def test_a_disk_is_one_that_is_there(tmp_path: Path) -> None:
    text = HEAD + "argv = ['x', '{disk}']\n[params.disk]\nkind = 'disk'\ndefault = 'first'\n"
    recipe = load(write(tmp_path, "it", text))
    here = replace(ALL, disks=("nvme0n1", "sda"))
    assert recipe.resolve({}, here)["argv"] == ["x", "/dev/nvme0n1"]
    assert recipe.resolve({"disk": "/dev/sda"}, here)["argv"] == ["x", "/dev/sda"]
    with pytest.raises(BadValue, match=r"disk=sdb: no such disk here.*nvme0n1, sda"):
        recipe.resolve({"disk": "sdb"}, here)
    assert recipe.info(ALL).missing == "it has no disk"
    assert recipe.info(here).missing == ""


def test_a_network_card_is_one_that_is_there(tmp_path: Path) -> None:
    text = HEAD + "argv = ['x', '{nic}']\n[params.nic]\nkind = 'nic'\ndefault = 'first'\n"
    recipe = load(write(tmp_path, "it", text))
    here = replace(ALL, nics=("eno1", "eno2"))
    assert recipe.resolve({}, here)["argv"] == ["x", "eno1"]
    assert recipe.resolve({"nic": "eno2"}, here)["argv"] == ["x", "eno2"]
    with pytest.raises(BadValue, match=r"nic=lo: no such network card here.*eno1, eno2"):
        recipe.resolve({"nic": "lo"}, here)
    assert recipe.info(ALL).missing == "it has no network card"
    assert "lo" not in means().nics


def test_it_needs_memory_and_hardware(tmp_path: Path) -> None:
    more = "[requires]\nmemory_at_least = '64G'\nhardware = ['pci:v000010DE*']\n"
    recipe = load(write(tmp_path, "it", GOOD + more))
    assert recipe.missing(ALL) == ""
    assert recipe.missing(replace(ALL, memory=1 << 30)) == "it has 1024M of memory, not 65536M"
    assert recipe.missing(replace(ALL, has=lambda _: False)) == "it has no pci:v000010DE*"
    here = means()
    devices = sorted(Path("/sys/bus/pci/devices").glob("*/modalias"))
    assert all(here.has(path.read_text().strip()[:14] + "*") for path in devices)
    assert not here.has("pci:vNONE*")


def test_the_disks_of_this_machine_are_devices() -> None:
    for disk in means().disks:
        assert Path("/dev", disk).is_block_device()


def test_a_file_s_name_is_a_word(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="cannot be a recipe's name"):
        load(write(tmp_path, "two words", GOOD))


def test_what_a_machine_lacks(tmp_path: Path) -> None:
    recipe = load(write(tmp_path, "it", GOOD + "[requires]\nroot = true\nprograms = ['x', 'y']\n"))
    finds = {"x"}.__contains__
    lacking = Means(root=True, lockable=0, memory=1, finds=finds)
    assert recipe.info(lacking).missing == "y is not installed"
    lacking = Means(root=False, lockable=0, memory=1, finds=lambda _: True)
    assert recipe.info(lacking).missing == "the agent does not run as root"
    assert recipe.info(ALL).missing == ""


# --- the catalogue


def test_a_bad_file_hides_no_other_and_is_told(tmp_path: Path) -> None:
    write(tmp_path, "bad", "argv = [")
    write(tmp_path, "good", GOOD)
    catalogue = Catalogue([tmp_path, tmp_path / "not-there"])
    assert [info.name for info in catalogue.infos()] == sorted([*OURS, "good"])
    assert len(catalogue.bad) == 1
    assert "bad.toml" in str(catalogue.bad[0])


def test_the_later_folder_wins_also_when_it_is_wrong(tmp_path: Path) -> None:
    write(tmp_path, "memtest", GOOD)
    catalogue = Catalogue([tmp_path])
    assert catalogue.resolve(Step("memtest"))["argv"][0] == "echo"
    write(tmp_path, "memtest", "argv = [")
    with pytest.raises(UnknownName):
        Catalogue([tmp_path]).resolve(Step("memtest"))


def test_its_digest_changes_with_what_is_offered(tmp_path: Path) -> None:
    before = Catalogue([tmp_path]).digest()
    assert before == Catalogue([tmp_path]).digest()
    write(tmp_path, "it", GOOD)
    one = Catalogue([tmp_path]).digest()
    write(tmp_path, "it", GOOD + "[requires]\nprograms = ['no-such-program']\n")
    assert len({before, one, Catalogue([tmp_path]).digest()}) == 3


def test_its_class_and_that_it_destroys_are_offered(tmp_path: Path) -> None:
    write(tmp_path, "wipe", HEAD + "class = 'storage'\ndestructive = true\nargv = ['x']")
    catalogue = Catalogue([tmp_path])
    (wipe,) = [info for info in catalogue.infos() if info.name == "wipe"]
    assert (wipe.class_, wipe.destructive) == ("storage", True)
    before = catalogue.digest()
    write(tmp_path, "wipe", HEAD + "class = 'storage'\nargv = ['x']")
    assert Catalogue([tmp_path]).digest() != before


def test_nothing_that_ships_destroys_anything() -> None:
    infos = Catalogue().infos()
    assert [info.name for info in infos if info.destructive] == []
    assert all(info.class_ for info in infos if info.name != "reboot")


def test_what_ships_can_be_read() -> None:
    assert Catalogue().bad == []


def test_programs_of_the_system_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    assert search_path().split(":") == ["/usr/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"]
