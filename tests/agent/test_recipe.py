"""Recipe files: read strictly, refused with file, key, reason."""

import json
import math
from pathlib import Path

import pytest

from agent.catalogue import Catalogue, search_path
from agent.recipe import BadRecipe, Means, load
from agent.wire.errors import UnknownName
from agent.wire.vocabulary import Step

HEAD = "schema = 1\nsummary = 'x'\n"
GOOD = HEAD + "argv = ['echo', 'a', '{count}', 'b {}']\n[params.count]\nkind = 'int'\n"
GOOD += "default = '1'\nmin = '1'\nmax = '9'\n"
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
        (HEAD + "argv = ['echo']\nargvs = []", "argvs: there is no such key"),
        (HEAD + "argv = ['echo']\nname = 'other'", "the file's name is the name"),
        (HEAD.replace("1", "2") + "argv = ['echo']", "schema"),
        ("schema = 1\nargv = ['echo']", "summary"),
        (GOOD.replace("'{count}'", "'-n{count}'"), "must be the whole argument"),
        (GOOD.replace("'{count}'", "'{cuont}'"), "did you mean {count}"),
        (GOOD.replace("'echo'", "'{count}'"), "the program itself"),
        (GOOD.replace("default = '1'", "default = '10'"), "params.count.default"),
        (GOOD.replace("'int'", "'integer'"), "params.count.kind"),
        (HEAD + "argv = ['x']\n[verdict]\nfail = ['(']", "verdict.fail.0: not a regular"),
        (HEAD + "argv = ['x']\n[verdict]\nerror = [{ lin = 'x' }]", "verdict.error.0"),
        (HEAD + "argv = ['x']\n[verdict]\nexit = { 0 = 'passed' }", "'passed', none of pass"),
        (HEAD + "argv = ['x']\n[verdict]\nexit = { no = 'pass' }", "verdict.exit"),
        (HEAD + "argv = ['x']\n[output]\nprogress = ['x']", "'percent'"),
        (HEAD + "argv = ['x']\n[output.counts]\nLoops = 'x'", "output.counts"),
        (HEAD + "argv = ['x']\n[time]\nwall = 5", 'time.wall: write it like "90s"'),
        (HEAD + "argv = ['x']\n[time]\nwall = '0s'", "time.wall"),
        (HEAD + "argv = ['x']\n[time]\nwall = 'soon'", "no duration"),
        (HEAD + "argv = ['x']\n[requires]\nlock = 'size'", "no parameter of kind size"),
        (HEAD + "argv = ['x']\n[requires]\nprogram = ['x']", "requires.program: there is no"),
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
    assert [info.name for info in catalogue.infos()] == ["good", "memtest"]
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


def test_what_ships_can_be_read() -> None:
    assert Catalogue().bad == []


def test_programs_of_the_system_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    assert search_path().split(":") == ["/usr/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"]
