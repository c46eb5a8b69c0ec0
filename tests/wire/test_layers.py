"""A file, then variables, then flags: the later wins, and an error names the one to correct."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agent.config import Config as AgentConfig
from agent.wire.layers import settings, tables
from agent.wire.settings import BadSettings, load
from bot.config import Config as BotConfig
from bot.config import Patience
from bot.policy import Permission

SECRET = "correct-horse-battery"
FILE = """\
jid = "labbot@lab.example"
room = "lab@rooms.lab.example"
nick = "from-file"
[grants]
"kim@lab.example" = "look"
[server]
host = "from-file"
[credentials]
password_file = "/from/file"
"""
ALONE = {
    "LABROOM_JID": "labbot@lab.example",
    "LABROOM_ROOM": "lab@rooms.lab.example",
    "LABROOM_CREDENTIALS__PASSWORD": SECRET,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "bot.toml"
    path.write_text(FILE)
    return path


def read(path: Path, *flags: str, **variables: str) -> BotConfig:
    return load(path, BotConfig, environ=variables, flags=flags)


def refusal(path: Path, *flags: str, **variables: str) -> str:
    with pytest.raises(BadSettings) as refused:
        read(path, *flags, **variables)
    assert SECRET not in str(refused.value)
    return str(refused.value)


# Who wins


def test_a_variable_wins_over_the_file_and_a_flag_over_both(path: Path) -> None:
    assert read(path).nick == "from-file"
    assert read(path, LABROOM_NICK="variable").nick == "variable"
    assert read(path, "nick=flag", LABROOM_NICK="variable").nick == "flag"
    assert read(path, "nick=one", "nick=two").nick == "two"


def test_a_table_keeps_what_later_layers_do_not_say(path: Path) -> None:
    server = read(path, "server.ca=/ca.crt", LABROOM_SERVER__PORT="5223").server
    assert (server.host, server.port, str(server.ca)) == ("from-file", 5223, "/ca.crt")


def test_a_variable_that_is_empty_says_nothing(path: Path) -> None:
    assert read(path, LABROOM_NICK="", LABROOM_SERVER__HOST="").server.host == "from-file"


def test_a_password_takes_the_place_of_a_password_file_said_earlier(path: Path) -> None:
    credentials = read(path, LABROOM_CREDENTIALS__PASSWORD=SECRET).credentials
    assert (credentials.read(), credentials.password_file) == (SECRET, None)
    later = read(path, "credentials.password_file=/flag", LABROOM_CREDENTIALS__PASSWORD=SECRET)
    assert (later.credentials.password, str(later.credentials.password_file)) == (None, "/flag")


def test_two_passwords_in_one_layer_are_still_refused(path: Path) -> None:
    both = {"LABROOM_CREDENTIALS__PASSWORD": SECRET, "LABROOM_CREDENTIALS__PASSWORD_FILE": "/x"}
    with pytest.raises(BadSettings, match="give either"):
        read(path, **both).credentials.read()


# How values are written

VALUES: list[tuple[str, str, str, Any]] = [
    ("register", "LABROOM_REGISTER", "true", True),
    ("register", "LABROOM_REGISTER", "0", False),
    ("owners", "LABROOM_OWNERS", '["ann@lab.example"]', ("ann@lab.example",)),
    ("owners", "LABROOM_OWNERS", "['ann@lab.example', 'joe@lab.example']",
     ("ann@lab.example", "joe@lab.example")),
    ("owners", "LABROOM_OWNERS", "[]", ()),
    ("grants", "LABROOM_GRANTS", '{"ci@lab.example" = "run"}', {"ci@lab.example": Permission.RUN}),
    ("grants", "LABROOM_GRANTS", '{"ci@lab.example": "run"}', {"ci@lab.example": Permission.RUN}),
    ("nick", "LABROOM_NICK", "[bot]", "[bot]"),
    ("lock", "LABROOM_LOCK", "/run/lock=1", Path("/run/lock=1")),
]  # fmt: skip


@pytest.mark.parametrize(("key", "variable", "text", "value"), VALUES)
def test_text_becomes_what_the_setting_is(
    path: Path, key: str, variable: str, text: str, value: object
) -> None:
    attribute = "register_account" if key == "register" else key
    assert getattr(read(path, **{variable: text}), attribute) == value
    assert getattr(read(path, f"{key}={text}"), attribute) == value


def test_numbers_below_a_table(path: Path) -> None:
    patience = read(path, "patience.offer=2.5", LABROOM_PATIENCE__SYNC="7").patience
    assert patience == Patience(offer=2.5, sync=7.0)


def test_a_flag_may_name_one_person_with_the_dots_of_the_address(path: Path) -> None:
    assert read(path, "grants.ci@lab.example=run").grants == {
        "kim@lab.example": Permission.LOOK,
        "ci@lab.example": Permission.RUN,
    }


# What is wrong, and where it was said

WRONG: list[tuple[list[str], dict[str, str], str]] = [
    ([], {"LABROOM_SERVER__PORT": "x"},
     "LABROOM_SERVER__PORT: server.port = 'x': Input should be a valid integer, unable to parse "
     "string as an integer. Correct the variable LABROOM_SERVER__PORT; "
     "docs/configuration.md has every setting."),
    (["server.port=0"], {"LABROOM_SERVER__PORT": "x"},
     "--set server.port: server.port = '0': Input should be greater than or equal to 1. "
     "Correct --set server.port; docs/configuration.md has every setting."),
    ([], {"LABROOM_OWNERS": '["@@"]'},
     "LABROOM_OWNERS: owners.0 = '@@': this is no address; write it like bob@lab.example. "
     "Correct the variable LABROOM_OWNERS; docs/configuration.md has every setting."),
    ([], {"LABROOM_OWNERS": "ann@lab.example"},
     "LABROOM_OWNERS: this is no list and no table. "
     'Write it like ["ann@lab.example"] or {"ann@lab.example" = "run"}.'),
    (["rom=x"], {}, "--set rom: rom: there is no such setting. Did you mean room?"),
    (["zzz=x"], {}, "--set zzz: zzz: there is no such setting. Correct --set zzz."),
    (["port=1"], {}, "--set port: port: there is no such setting. It belongs below [server]."),
    (["server.hsot=x"], {},
     "--set server.hsot: server.hsot: there is no such setting. Did you mean host?"),
    (["nick"], {}, "--set nick: there is no value. Write it like --set nick=labbot."),
    (["=x"], {}, "--set : there is no value. Write it like --set nick=labbot."),
    ([f"credentials.password={SECRET}"], {},
     "--set credentials.password: everybody on this machine sees the flags of a program. "
     "Put it into a file, and say --set credentials.password_file=PATH."),
    ([f"password={SECRET}"], {},
     "--set password: password: there is no such setting. It belongs below [credentials]."),
    ([], {"LABROOM_CREDENTIALS": SECRET},
     "LABROOM_CREDENTIALS: this is no list and no table. "
     'Write it like ["ann@lab.example"] or {"ann@lab.example" = "run"}.'),
]  # fmt: skip


@pytest.mark.parametrize(("flags", "variables", "said"), WRONG, ids=[w[2][:40] for w in WRONG])
def test_an_error_names_where_the_value_was_said(
    path: Path, flags: list[str], variables: dict[str, str], said: str
) -> None:
    assert refusal(path, *flags, **variables) == said


TYPOS = {
    "LABROOM_SERVER_HOST": "LABROOM_SERVER__HOST",
    "LABROOM_CREDENTIAL__PASSWORD": "LABROOM_CREDENTIALS__PASSWORD",
    "LABROOM_OWNER": "LABROOM_OWNERS",
    "LABROOM_REGISTR": "LABROOM_REGISTER",
}


@pytest.mark.parametrize("typo", TYPOS)
def test_a_variable_that_is_nearly_a_setting_is_refused(path: Path, typo: str) -> None:
    said = refusal(path, **{typo: SECRET})
    assert said == f"{typo}: there is no such setting. Did you mean {TYPOS[typo]}?"


@pytest.mark.parametrize("name", ["LABROOM_PULL_POLICY", "LABROOM_CONTROLLERS", "LABROOM_NAME"])
def test_a_variable_that_is_nothing_like_a_setting_is_warned_of(path: Path, name: str) -> None:
    warnings: list[tuple[str, str]] = []
    load(path, BotConfig, environ={name: SECRET}, warn=lambda *said: warnings.append(said))
    assert warnings == [(f"the variable {name} is no setting", "unset it, or correct its name")]


def test_no_variable_of_one_program_is_a_typo_in_the_other(path: Path, tmp_path: Path) -> None:
    """They may share an EnvironmentFile."""
    agent = tmp_path / "agent.toml"
    agent.write_text(
        'jid = "bob@lab.example"\nroom = "lab@rooms.lab.example"\n'
        'controllers = ["labbot@lab.example"]\n'
    )
    for one, other, file in ((AgentConfig, BotConfig, path), (BotConfig, AgentConfig, agent)):
        for name in variables(one) - variables(other):
            load(file, other, environ={name: "x"}, warn=lambda *_: None)


def variables(model: type[BaseModel], above: str = "LABROOM_") -> set[str]:
    """Of every setting that is no table."""
    below = tables(model)
    names = {f"{above}{name}".upper() for name in settings(model) if name not in below}
    return names.union(*(variables(of, f"{above}{name}__") for name, of in below.items()))


def test_a_variable_that_forgets_its_table_is_told_which_but_may_be_somebody_elses(
    path: Path,
) -> None:
    """docs/scripts.md has a LABROOM_PASSWORD of a person; Kubernetes makes a LABROOM_PORT."""
    warnings: list[tuple[str, str]] = []
    environ = {"LABROOM_PASSWORD": SECRET, "LABROOM_PORT": "tcp://10.0.0.1"}
    load(path, BotConfig, environ=environ, warn=lambda *said: warnings.append(said))
    assert warnings == [
        ("the variable LABROOM_PASSWORD is no setting",
         "did you mean LABROOM_CREDENTIALS__PASSWORD?"),
        ("the variable LABROOM_PORT is no setting", "did you mean LABROOM_SERVER__PORT?"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["LABROOM_SAY", "LABROOM_CONVERSE", "LABROOM_RUN"])
def test_what_is_known_to_be_no_setting_is_not_worth_a_word(path: Path, name: str) -> None:
    """``make demo`` exports the one, a supervisor the other, to all that they start."""
    environ = {name: "run memtest on bob"}
    load(path, BotConfig, environ=environ, warn=lambda *said: pytest.fail(str(said)))


# Without a file


def test_a_container_needs_no_file(tmp_path: Path) -> None:
    config = load(tmp_path / "none.toml", BotConfig, environ=ALONE, optional=True)
    assert (config.jid, config.credentials.read()) == ("labbot@lab.example", SECRET)


def test_without_a_file_what_is_missing_is_named_with_three_ways_to_say_it(tmp_path: Path) -> None:
    none, environ = tmp_path / "none.toml", {**ALONE, "LABROOM_ROOM": ""}
    with pytest.raises(BadSettings) as refused:
        load(none, BotConfig, environ=environ, optional=True)
    assert str(refused.value) == (
        f"room is missing, and there is no {none}. "
        "Write that file, name another with --config, or set LABROOM_ROOM."
    )


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"cannot read .*none\.toml"):
        load(tmp_path / "none.toml", BotConfig, environ=ALONE)


# The command line


@pytest.mark.parametrize("program", ["bot", "agent"])
def test_the_programs_read_variables_and_flags(program: str, tmp_path: Path) -> None:
    variables = {
        "LABROOM_JID": "x@lab.example", "LABROOM_ROOM": "lab@rooms.lab.example",
        "LABROOM_SAY": "run memtest on bob", "LABROOM_CONTROLLERS": json.dumps(["b@lab.example"]),
    }  # fmt: skip
    if program == "bot":
        del variables["LABROOM_CONTROLLERS"]
    done = subprocess.run(
        [sys.executable, "-m", program, "serve", "--set", "server.port=0"],
        env=variables, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "--set server.port: server.port = '0': " in line
