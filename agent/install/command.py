"""The command lines of ``install`` and ``uninstall``. What they need is imported when it is."""

import sys
from pathlib import Path
from typing import Annotated

import typer

Jid = Annotated[str | None, typer.Option(help="This machine's own account, bob@lab.example.")]
Bots = Annotated[
    list[str] | None, typer.Option("--bot", help="The bot to obey; may be said more than once.")
]
Room = Annotated[str | None, typer.Option(help="The room, lab@rooms.lab.example.")]
Location = Annotated[str | None, typer.Option(help="Where it stands; shown in status.")]
Name = Annotated[str | None, typer.Option(help="A longer name, only shown: people say bob.")]
Server = Annotated[
    str | None, typer.Option(metavar="HOST[:PORT]", help="The XMPP server; default: ask DNS.")
]
Authority = Annotated[
    Path | None, typer.Option(help="Certificates to trust instead of the system's, PEM; copied.")
]
PasswordFile = Annotated[
    Path | None, typer.Option(help="Its only line is the account's password; -: standard input.")
]
Register = Annotated[
    bool, typer.Option("--register", help="Make the account, with a new password.")
]
Root = Annotated[Path, typer.Option(help="The system to write to: an image that is not running.")]
NoStart = Annotated[bool, typer.Option("--no-start", help="Only from the next boot on.")]
Wait = Annotated[float, typer.Option(min=0, help="Seconds until the room must have let it in.")]
Purge = Annotated[bool, typer.Option("--purge", help="Settings, password and journals, too.")]


def install(
    *,
    jid: Jid = None,
    bots: Bots = None,
    room: Room = None,
    location: Location = None,
    name: Name = None,
    server: Server = None,
    ca: Authority = None,
    password_file: PasswordFile = None,
    register: Register = False,
    root: Root = Path("/"),
    no_start: NoStart = False,
    wait: Wait = 60.0,
) -> None:
    """
    Make this machine a target: account, settings, a service, the room. For root.

    Run it again to change a setting, or after an upgrade: what is not said stays as it is.
    """
    from agent.install.installation import Order  # noqa: PLC0415  (--help answers at once)
    from agent.install.installation import install as run  # noqa: PLC0415
    from agent.install.password import Said  # noqa: PLC0415
    from agent.install.settings import Wanted  # noqa: PLC0415
    from agent.wire import logs  # noqa: PLC0415

    if register and password_file is not None:
        raise typer.BadParameter("--register makes a password: say it without --password-file")
    logs.configure(quiet=True)
    wanted = Wanted(
        jid=jid, bots=bots or (), room=room, name=name, location=location, server=server
    )
    password = Said(file=password_file, register=register)
    run(
        Order(
            wanted=wanted, ca=ca, password=password, root=root, start=not no_start, wait=wait
        ),
        _say,
    )  # fmt: skip


def uninstall(*, root: Root = Path("/"), purge: Purge = False) -> None:
    """Stop and remove the service. Settings and journals stay; a diagnostic that runs goes on."""
    from agent.install.removal import uninstall as run  # noqa: PLC0415

    run(root, _say, purge=purge)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
