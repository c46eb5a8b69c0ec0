"""Wrong settings name the key, the value, the reason and the cure, and never a password."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from agent.config import Config as AgentConfig
from agent.wire.account import Account
from agent.wire.settings import BadSettings, load
from bot.config import Config as BotConfig

PASSWORD = "correct-horse-battery"
BOT = f"""\
jid = "labbot@lab.example"
room = "lab@rooms.lab.example"
[credentials]
password = "{PASSWORD}"
"""
AGENT = f"""\
jid = "bob@lab.example"
controllers = ["labbot@lab.example"]
room = "lab@rooms.lab.example"
[credentials]
password = "{PASSWORD}"
"""
GOOD: dict[type[BaseModel], str] = {BotConfig: BOT, AgentConfig: AGENT}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def refusal(path: Path, model: type[BaseModel], toml: str) -> str:
    path.write_text(toml)
    with pytest.raises(BadSettings) as refused:
        load(path, model)
    assert PASSWORD not in str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value).replace(str(path), "FILE")


@pytest.mark.parametrize("model", GOOD)
def test_good_settings_are_read(path: Path, model: type[BaseModel]) -> None:
    path.write_text(GOOD[model])
    assert load(path, model).model_dump()["room"] == "lab@rooms.lab.example"


CURE = "Correct it in FILE; docs/configuration.md has every setting."

WRONG = [
    # Unknown keys, with what was probably meant
    (BotConfig, 'rom = "x"\n' + BOT, "rom: there is no such setting. Did you mean room?"),
    (BotConfig, "registr = true\n" + BOT,
     "registr: there is no such setting. Did you mean register?"),
    (BotConfig, "register_account = true\n" + BOT,
     "register_account: there is no such setting. Did you mean register?"),
    (BotConfig, "zzz = 1\n" + BOT, "zzz: there is no such setting. Remove it from FILE."),
    (BotConfig, BOT + '[server]\nhsot = "x"\n',
     "server.hsot: there is no such setting. Did you mean host?"),
    (BotConfig, BOT + "[patience]\noffers = 1\n",
     "patience.offers: there is no such setting. Did you mean offer?"),
    (AgentConfig, AGENT + "[reboot]\ncomand = []\n",
     "reboot.comand: there is no such setting. Did you mean command?"),
    (AgentConfig, "port = 5222\n" + AGENT,
     "port: there is no such setting. It belongs below [server]."),
    (AgentConfig, f'password = "{PASSWORD}"\n' + AGENT,
     "password: there is no such setting. It belongs below [credentials]."),
    (AgentConfig, '"a\\u001bb\\nc" = 1\n' + AGENT,
     "'a\\x1bb\\nc': there is no such setting. Remove it from FILE."),
    # Missing
    (BotConfig, BOT.replace("room = ", "rooom = "),
     "rooom: there is no such setting. Did you mean room?"),
    (BotConfig, BOT.replace("room", "nick"), f"room: it is missing. {CURE}"),
    (AgentConfig, AGENT.replace("controllers", "subscribers"),
     f"controllers: it is missing. {CURE}"),
    # Wrong type, out of bounds
    (BotConfig, BOT + "[server]\nport = 'x'\n",
     "server.port = 'x': Input should be a valid integer, unable to parse string as an integer. "
     + CURE),
    (BotConfig, BOT + "[server]\nport = 70000\n",
     f"server.port = '70000': Input should be less than or equal to 65535. {CURE}"),
    (BotConfig, BOT + "[patience]\nsync = 0\n",
     f"patience.sync = '0': Input should be greater than 0. {CURE}"),
    (BotConfig, 'nick = ""\n' + BOT,
     f"nick = '': String should have at least 1 character. {CURE}"),
    (BotConfig, 'server = "x"\n' + BOT,
     f"server = 'x': it is a table: write [server], and its settings below. {CURE}"),
    (AgentConfig, AGENT.replace('["labbot@lab.example"]', "[]"),
     f"controllers = '[]': it must name at least one. {CURE}"),
    (AgentConfig, f"name = '{'n' * 61}'\n" + AGENT,
     f"name = '{'n' * 61}': String should have at most 60 characters. {CURE}"),
    # Addresses
    (BotConfig, BOT.replace("labbot@", ""),
     f"jid = 'lab.example': write it like bob@lab.example, without anything after it. {CURE}"),
    (BotConfig, BOT.replace("rooms.lab.example", "rooms.lab.example/nick"),
     "room = 'lab@rooms.lab.example/nick': "
     f"write it like bob@lab.example, without anything after it. {CURE}"),
    (AgentConfig, AGENT.replace('["labbot@lab.example"]', '["labbot@lab.example", "@@"]'),
     f"controllers.1 = '@@': this is no address; write it like bob@lab.example. {CURE}"),
    (BotConfig, 'targets = ["bob"]\n' + BOT,
     f"targets.0 = 'bob': String should match pattern '^[^@/\\s]+@[^@/\\s]+$'. {CURE}"),
    (BotConfig, BOT + "[grants]\n'ann@lab.example' = 'king'\n",
     "grants.ann@lab.example = 'king': no permission called 'king'; "
     f"there are nothing, look, run, disrupt, admin. {CURE}"),
    # Rights
    (BotConfig, BOT + "[[rights]]\nwho = ['ann']\nmay = ['run']\n",
     "rights.0.who.0 = 'ann': 'ann' is nobody: write an address like ann@lab.example, a group of "
     f"[people] like @burnin, or owner, admin, member, none, outcast. {CURE}"),
    (BotConfig, BOT + "[[rights]]\nwho = ['member']\nmay = ['rebot']\n",
     "rights.0.may.0 = 'rebot': 'rebot' is no right and no command that needs one: "
     f"the nearest is reboot. {CURE}"),
    (BotConfig, BOT + "[[rights]]\nwho = ['member']\nmay = ['run']\non = ['pc[a-f]']\n",
     f"rights.0.on.0 = 'pc[a-f]': [a-f] is no range: write it like [01-16,20]. {CURE}"),
    (BotConfig, BOT + "[[rights]]\nwho = ['member']\nmay = []\n",
     "rights.0.may = '[]': it must name at least one. " + CURE),
    (BotConfig, BOT + "[[rights]]\nwhom = ['member']\nwho = ['member']\nmay = ['run']\n",
     "rights.0.whom: there is no such setting. Remove it from FILE."),
    (BotConfig, BOT + "[[rights]]\nwho = ['member', '@burn']\nmay = ['run']\n"
     "[people]\nburnin = ['ann@lab.example']\n",
     f"rights.0.who: there is no @burn below [people], the nearest is @burnin. {CURE}"),
    (BotConfig, BOT + "[[rights]]\nwho = ['member']\nmay = ['run']\non = ['@sas']\n",
     f"rights.0.on: there is no @sas below [groups]. {CURE}"),
    (BotConfig,
     BOT + "[[rights]]\nwho = ['member']\nmay = ['look']\non = ['bob']\ndeny = true\n",
     "rights.0.on: look is about the whole lab: leave on out, or say that in a rule of its own. "
     + CURE),
    (BotConfig, BOT + "[people]\nburnin = ['ann']\n",
     "people.burnin.0 = 'ann': write it like bob@lab.example, without anything after it. " + CURE),
    (BotConfig, BOT + "[confirm]\ntwo = ['all']\n",
     "confirm.two.0 = 'all': Input should be 'running', 'destructive' or 'many'. " + CURE),
]  # fmt: skip


@pytest.mark.parametrize(("model", "toml", "said"), WRONG, ids=[said[:40] for _, _, said in WRONG])
def test_a_wrong_setting_says_where_what_why_and_what_to_do(
    path: Path, model: type[BaseModel], toml: str, said: str
) -> None:
    assert refusal(path, model, toml) == f"FILE: {said}"


def test_a_long_value_is_cut(path: Path) -> None:
    said = refusal(path, BotConfig, f"nick = '{'n' * 10_000}'\n" + BOT)
    assert len(said) < 300


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as refused:
        load(tmp_path / "none.toml", BotConfig)
    assert str(refused.value) == (
        f"cannot read {tmp_path}/none.toml (No such file or directory). "
        "Name the file with --config."
    )


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="Is a directory"):
        load(tmp_path, BotConfig)


@pytest.mark.parametrize(
    "data",
    [f'password = "{PASSWORD}', f"[credentials]\npassword = {PASSWORD}", "jid", "a = 1\na = 2"],
)
def test_what_is_not_toml_says_where(path: Path, data: str) -> None:
    said = refusal(path, BotConfig, data)
    assert said.startswith("FILE is not TOML: ")
    assert "line" in said or "end of document" in said
    assert said.endswith("docs/configuration.md has a whole example.")


def test_what_is_not_even_text_is_not_toml(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSettings, match="is not TOML"):
        load(path, BotConfig)


# Passwords

LEAKS = [
    f'[credentials]\npasswrd = "{PASSWORD}"\n',
    f'[credentials]\nsecret = "{PASSWORD}"\n',
    f'[credentials]\npassword = ["{PASSWORD}"]\n',
    f'[credentials.password]\nis = "{PASSWORD}"\n',
    f'[credentials]\npassword_file = ["{PASSWORD}"]\n',
    f'credentials = "{PASSWORD}"\n',
    f'credentials = ["{PASSWORD}"]\n',
    f'pwd = "{PASSWORD}"\n',
    f'[account]\npassword = "{PASSWORD}"\n',
    f'database = ["postgresql://labroom:{PASSWORD}@db/labroom"]\n',
]


@pytest.mark.parametrize("bad", LEAKS, ids=range(len(LEAKS)))
def test_a_password_in_the_wrong_place_is_not_repeated(path: Path, bad: str) -> None:
    head = BOT.partition("[credentials]")[0] if "credentials" in bad else BOT
    said = refusal(path, BotConfig, head + bad if bad.startswith("[") else bad + head)
    assert "FILE: " in said


@pytest.mark.parametrize("model", GOOD)
def test_nothing_that_is_printed_of_settings_shows_the_password(
    path: Path, model: type[BaseModel]
) -> None:
    path.write_text(GOOD[model])
    config = load(path, model)
    assert isinstance(config, BotConfig | AgentConfig)
    account = Account.of(config, "here")
    assert account.password == PASSWORD
    for shown in (config, config.credentials, account):
        assert PASSWORD not in f"{shown!r} {shown}"
    assert PASSWORD not in config.model_dump_json()


def test_a_password_comes_from_its_file(path: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(PASSWORD + "\n")
    path.write_text(BOT.replace(f'password = "{PASSWORD}"', f'password_file = "{tmp_path}/secret"'))
    assert load(path, BotConfig).credentials.read() == PASSWORD


def test_two_passwords_are_refused(path: Path) -> None:
    path.write_text(BOT + 'password_file = "/x"\n')
    with pytest.raises(BadSettings) as refused:
        load(path, BotConfig).credentials.read()
    assert str(refused.value) == (
        "password: give either password or password_file. A file is better: chmod 600 it."
    )


def test_no_password_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    path.write_text(BOT.partition("[")[0])
    with pytest.raises(BadSettings) as refused:
        load(path, BotConfig).credentials.read()
    assert str(refused.value) == (
        "credentials: there is no password. Give password_file, and chmod 600 it; "
        "or have systemd give it: LoadCredential=labroom-password:PATH."
    )


@pytest.mark.parametrize("name", ["labroom-password", "bob"])
def test_a_password_comes_from_systemd(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).write_text(PASSWORD + "\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    named = "" if name == "labroom-password" else f'[credentials]\ncredential = "{name}"\n'
    path.write_text(BOT.partition("[")[0] + named)
    assert load(path, BotConfig).credentials.read() == PASSWORD


def test_a_credential_that_systemd_does_not_give_is_named(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    path.write_text(BOT.partition("[")[0])
    with pytest.raises(BadSettings, match=r"credential: cannot read .*/labroom-password"):
        load(path, BotConfig).credentials.read()


def test_a_credential_is_a_name_and_no_path(path: Path) -> None:
    said = refusal(path, BotConfig, BOT + 'credential = "../shadow"\n')
    assert "credentials.credential: String should match pattern" in said


@pytest.mark.parametrize(("mode", "warns"), [(0o600, False), (0o640, False), (0o644, True)])
@pytest.mark.parametrize("where", ["password", "password_file"])
def test_a_password_that_everybody_can_read_is_warned_of(
    path: Path, tmp_path: Path, where: str, mode: int, warns: bool
) -> None:
    path.write_text(BOT)
    secret = path
    if where == "password_file":
        secret = tmp_path / "secret"
        secret.write_text(PASSWORD)
        path.write_text(BOT.replace(f'password = "{PASSWORD}"', f'password_file = "{secret}"'))
    secret.chmod(mode)
    warnings: list[tuple[str, str]] = []
    load(path, BotConfig, warn=lambda *said: warnings.append(said))
    wanted = f"everybody on this machine can read the password in {secret}"
    assert warnings == [(wanted, f"chmod 600 {secret}")] * warns


def test_a_database_that_may_hold_a_password_is_not_shown(path: Path) -> None:
    path.write_text(f'database = "postgresql://u:{PASSWORD}@db/x"\n' + BOT)
    config = load(path, BotConfig)
    assert PASSWORD in config.database
    assert PASSWORD not in f"{config!r} {config}"


@pytest.mark.parametrize("data", [b"\xff\xfe", b"", b"\n"])
def test_a_password_file_that_holds_none_is_refused(
    path: Path, tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "secret").write_bytes(data)
    path.write_text(BOT.replace(f'password = "{PASSWORD}"', f'password_file = "{tmp_path}/secret"'))
    with pytest.raises(BadSettings, match=f"password_file: .*{tmp_path}/secret"):
        load(path, BotConfig).credentials.read()


def test_a_password_file_that_is_not_there_is_refused(path: Path, tmp_path: Path) -> None:
    path.write_text(BOT.replace(f'password = "{PASSWORD}"', f'password_file = "{tmp_path}/none"'))
    with pytest.raises(BadSettings, match="No such file") as refused:
        load(path, BotConfig).credentials.read()
    assert str(refused.value).endswith("Make it, with the password as its only line.")


# The command lines

BAD_FILES = {
    "unknown key": ("rom = 1\n" + BOT, "Did you mean room?"),
    "no password": (BOT.replace("password", "#"), "there is no password"),
    "not TOML": ("jid", "is not TOML"),
    "no such CA": (BOT + '[server]\nca = "/no/ca.crt"\n', "server.ca: cannot use /no/ca.crt"),
    "no certificates": (BOT + '[server]\nca = "SELF"\n', "server.ca: cannot use"),
    "no URL": (f'database = "{PASSWORD}"\n' + BOT, "database: cannot use it"),
    "no such database": (
        f'database = "postgres://u:{PASSWORD}@db/x"\n' + BOT, "database: cannot use postgres://u:***@"
    ),
}  # fmt: skip


PROGRAMS = [
    (program, what)
    for program in ("bot", "agent")
    for what in BAD_FILES
    if program == "bot" or "database" not in BAD_FILES[what][0]
]


@pytest.mark.parametrize(("program", "what"), PROGRAMS)
def test_a_wrong_file_ends_the_program_with_two_and_one_line(
    path: Path, tmp_path: Path, program: str, what: str
) -> None:
    toml, said = BAD_FILES[what]
    if program == "agent":
        toml = f'controllers = ["labbot@lab.example"]\nstate = "{tmp_path}/state"\n{toml}'
    elif "database" not in toml:
        toml = f'database = "sqlite:///{tmp_path}/x.db"\n{toml}'
    if program == "bot":
        toml = f'lock = "{tmp_path}/lock"\n{toml}'
    path.write_text(toml.replace("SELF", str(path)))
    path.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-m", program, "serve", "--config", str(path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert said in line
    assert PASSWORD not in line
