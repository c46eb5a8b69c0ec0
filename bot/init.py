"""
``labroom init``: a first bot.toml, to be read and corrected, and a password.

Rule 1: nothing is asked and nothing is overwritten; what is made is readable by its owner only.

Rule 2: every setting is there. Its comment is what docs/configuration.md begins with, and a
line that is off holds the default, or an example where there is none.
"""

import json
import os
import secrets
import shlex
from collections.abc import Sequence
from pathlib import Path
from string import Template

from pydantic import TypeAdapter, ValidationError

from agent.wire.settings import BadSettings, BareJid

EXAMPLE = "labbot@lab.example"
DEFAULT = Path("/etc/labroom/bot.toml")
STATE = Path("/var/lib/labroom")

SETTINGS = Template("""\
# The settings of a labroom bot. `labroom check` tries them; docs/configuration.md says more.
# A line that begins with # and a key is off: it shows the default, or an example.

# The bot's own account.
jid = $jid

# The room that the bot makes, configures (members only, persistent, real addresses shown)
# and stays in.
room = $room

# The bot's name in the room.
#nick = "labbot"

# People who own the room beside the bot: they may do everything.
owners = $owners

# People who may enter the room, and run recipes.
#members = []

# Other bots of this lab. They own the room beside this one, so that any of them can go on alone
#bots = []

# Programs that may say commands.
#scripts = []

# What stands before a line to address it to the bot without its name: `!status`.
#prefix = "!"

# Of the bots that are in the room the one with the lowest rank acts on lines that are addressed
# to none of them
#rank = 100

# Which machines are let into the room unasked. Owners, members and bots are never targets.
# Others knock: say `admit bob`.
#targets = []

# Where jobs, runs and journals are kept; made if it is missing.
database = $database

# Held while the bot runs: a second process with the same one refuses to start.
lock = $lock

# Make the account in band (XEP-0077) if it does not exist.
#register = false

# What people may do, or may not, beyond what the room says. With `deny = true` it is forbidden,
# whatever else allows it.
#rights = []

# What single people may do beyond what the room says: `look`, `run`, `disrupt` (reboot, stop
# other people's jobs; `operate` means the same) or `admin` (let targets and people in).
[grants]
#"kim@lab.example" = "disrupt"

# Groups of people, which `rights` calls `@name`.
[people]
#burnin = ["ann@lab.example"]

# Table of name = list of targets: names, `pc*`, `pc[01-16,20]`, `rack3/*` (all whose location
# says rack 3).
[groups]
#sas = ["pc[01-16,20]", "rack3/*"]

# What the bot asks back before it does it: reboots and stops that end what is on, recipes that are
# destructive, many targets.
[confirm]
# A line about more targets than this at once is asked back.
#targets = 10

# How long a question stands.
#within = 60.0

# What takes a second person, who may do it, too: `running` ends what is on, `destructive` destroys
# what is on a target, `many` is about more than `confirm.targets`.
#two = []

# How to reach the XMPP server. If it is absent, DNS says where (RFC 6120, section 3.2).
[server]
#host = "xmpp.lab.example"

# Used only with `host`.
#port = 5222

# Certificates to trust *instead of* the system's, PEM: for a lab with an authority of its own.
#ca = "/etc/labroom/ca.crt"

# The password: `password` or `password_file`; without them systemd's credential.
[credentials]
# A file whose only line is the password.
password_file = $password_file

# The password of the account. Anybody who can read the file can read it; if that is everybody,
# the program warns.
#password = ""

# The name of the systemd credential that holds the password, if neither of the two above is
# given: `LoadCredential=labroom-password:/etc/labroom/password` in the unit.
#credential = "labroom-password"

# How long the bot waits, in seconds.
[patience]
# After an order was sent: until the bot asks the target what it holds, and sends again what is
# missing.
#offer = 10.0

# Between two such questions to a target that has an open run.
#sync = 60.0

# For a rebooted target to be back; then the room is told that it is not.
#reboot = 300.0

# For a run to start, when its target is away or has others to do first.
#start = 86400.0

# For a word of a run that its target has accepted: an answer to a sync, or output. After that,
# and at once when the target leaves, the run is stranded.
#silence = 180.0

# For a word of a stranded run, from the last one on. After that it is reported lost.
#lost = 86400.0

# How soon a dead target is noticed, and what is said of it.
[liveness]
# Without a word from a target until it is asked (a ping of 150 bytes).
#silence = 2.0

# For the answer. It is asked twice before it is given up.
#answer = 2.0

# That the news of a silent target waits, at most, while others are in doubt: so a rack that loses
# power is one line.
#hold = 5.0

# For a stopped agent to come back without a word of it in the room.
#restart = 5.0

# That a target must have been back; if it is gone sooner, it flaps, and the room hears no more of
# it until it is steady.
#flapping = 60.0

# Without a change until a target that flapped is spoken of again.
#steady = 600.0

# How long what is over is kept; 0 is for ever.
[keeping]
# What a run printed, and the files it left. Its verdict, its reason, what it counted and measured
# and the lines that failed it stay.
#journals_days = 90.0

# Most output of finished runs, all together; the oldest goes first.
#journals_bytes = 20000000000

# Jobs and their runs. What they measured stays.
#runs_days = 730.0
""")


def init(
    path: Path, *, jid: str, room: str, owners: Sequence[str], password_file: Path | None
) -> str:
    """
    Write the settings file *path*; what to do next, for people.

    Args:
        room: Empty: the room ``lab`` at the server's usual place for rooms.
        password_file: Where the password is; None makes one beside *path*.
    """
    path = path.absolute()
    _must_be_addresses({"--jid": [jid], "--room": [room] if room else [], "--owner": owners})
    name, _, domain = jid.partition("@")
    account = shlex.join([name, domain])
    state = STATE if path == DEFAULT else path.parent
    secret = password_file.absolute() if password_file else path.with_suffix(".password")
    text = SETTINGS.substitute(
        # JSON's strings and lists of strings are TOML's.
        jid=json.dumps(jid),
        room=json.dumps(room or f"lab@rooms.{domain}"),
        owners=json.dumps(list(owners)),
        database=json.dumps(f"sqlite:///{state}/labroom.db"),
        lock=json.dumps(str(state / "lock")),
        password_file=json.dumps(str(secret)),
    )
    made = _write(path, text)
    if password_file is None:
        made += _write_password(secret)
    config = "" if path == DEFAULT else f" --config {shlex.quote(str(path))}"
    correct = ", ".join(
        what
        for what, missing in (("jid", jid == EXAMPLE), ("room", not room), ("owners", not owners))
        if missing
    )
    first = f"Correct {correct} in {path}; then make" if correct else "Make"
    return f"""\
{made}
1. {first} the bot's account on the server, one of:
     sudo prosodyctl register {account} "$(cat {shlex.quote(str(secret))})"
     sudo ejabberdctl register {account} "$(cat {shlex.quote(str(secret))})"
2. See what is missing yet, and how to cure it:
     labroom check{config}
3. Start the bot, enter the room with any XMPP client, and say help:
     labroom serve{config}
"""


def _must_be_addresses(said: dict[str, Sequence[str]]) -> None:
    address = TypeAdapter[str](BareJid)
    for option, values in said.items():
        for value in values:
            try:
                address.validate_python(value)
            except ValidationError as error:
                reason = error.errors()[0]["msg"].removeprefix("Value error, ")
                raise BadSettings(f"{option} {value[:80]!r}: {reason}") from error


def _write(path: Path, text: str) -> str:
    if path.exists():
        raise BadSettings(
            f"{path} is there already", hint="Edit it, or name another: labroom init PATH."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadSettings(
            f"cannot write {path} ({error.strerror})",
            hint="Use sudo, or name a file of your own: labroom init bot.toml.",
        ) from error
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return f"{path} is written.\n"


def _write_password(path: Path) -> str:
    """A new random one, unless there is one from before."""
    if path.exists():
        return f"{path} is there already, and stays as it is.\n"
    _write(path, secrets.token_hex(16) + "\n")
    return f"{path} has a new random password.\n"
