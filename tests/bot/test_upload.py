"""
Files on a server that will not have them, or dies: one true line, with what to do; nothing stays.

On the real servers as far as they can be made to refuse; the rest with a service of our own.
"""

import asyncio
import contextlib
import errno
import gzip
import os
import random
import secrets
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from slixmpp.stanza import Iq

from agent.wire.account import Account
from agent.wire.link import Link
from bot.demo.ejabberd import Ejabberd
from bot.demo.server import Server
from bot.reply import File, Reply
from bot.xmpp import put, upload
from bot.xmpp.slot import NS
from bot.xmpp.upload import Uploads
from tests.bot import upload_service as say
from tests.bot.upload_service import SERVICE, Open, Serve, Service, Web, service

NOISE = random.Random(5).randbytes(3_000_000)
"""More than the sockets on the way hold; no compression makes it smaller."""
TEXT = b"address 0x0000 ok, no errors\n" * 10_000
FULL = "the server has no more room for me"
SILENT = "localhost said nothing for 1 s. Say it again in a while."
ADMIN = "its admin can give me more"


def left() -> list[str]:
    """Temporary files that are open: they have no name, so nothing else shows them."""
    found = []
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(each.readlink()))
    here = tempfile.gettempdir()
    return [name for name in found if name.startswith(here) and name.endswith("(deleted)")]


@asynccontextmanager
async def uploads(
    server: Server, sessions: "asyncio.Queue[None] | None" = None
) -> AsyncIterator[Uploads]:
    """
    For an account of its own, connected; what it had open is closed at the end.

    Args:
        sessions: What each session is told to, from the second on.
    """
    name, open_before = f"bot-{secrets.token_hex(3)}", left()
    await asyncio.to_thread(server.add_account, name, name)
    link = Link(
        Account(
            jid=f"{name}@{server.domain}/bot", password=name, host=server.host,
            port=server.port, ca=server.ca,
        )
    )  # fmt: skip
    up: asyncio.Queue[None] = sessions or asyncio.Queue()

    async def session() -> None:
        up.put_nowait(None)
        await asyncio.Event().wait()

    task = asyncio.create_task(link.run(session))
    try:
        async with asyncio.timeout(60):
            await up.get()
        yield Uploads(link)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert left() == open_before


async def asked(kept: Uploads, content: bytes = TEXT, *, name: str = "a.txt") -> Reply:
    """What is said to somebody who has asked for that file."""
    kind = "text/plain" if name.endswith(".txt") else "application/octet-stream"
    return await kept.linked(Reply("job 41", file=File(name, content, kind, wanted=True)))


def refused(reply: Reply) -> str:
    """Why there is no file; what is said is one line, and short."""
    text = reply.text.removeprefix("job 41; I cannot give you the file: ")
    assert text != reply.text, reply.text
    assert "\n" not in reply.body
    assert len(text) <= 250
    assert reply.data == {"note": text}
    return text


def linked(reply: Reply) -> dict[str, object]:
    """The facts of an answer with a file."""
    assert "file" in reply.data, reply.text
    return {name: value for name, value in reply.data.items() if value}


# The real servers


class Refuses(Open):
    """A Prosody with a mod_http_file_share of its own, changed between two starts."""

    part = ""

    def share(self, settings: str | None) -> None:
        """Start it anew; None is without any."""
        share = (
            f'Component "upload.localhost" "http_file_share"\n  http_host = "localhost"\n'
            f'  http_external_url = "https://localhost:{self.upload_port}/"\n  {settings}\n'
        )
        self.part = "" if settings is None else share
        self.restart() if self.running else self.start()


class RefusesToo(Ejabberd):
    """An ejabberd with a mod_http_upload of its own."""

    changed = ("", "")

    def share(self, settings: str) -> None:
        """Start it, or have it read its settings again: it keeps its clients."""
        self.changed = ("access: all", settings)
        if self.running:
            (self.folder / "ejabberd.yml").write_text(self._configured())
            self._call("reload_config", {})
        else:
            self.start()

    def _configured(self) -> str:
        text = super()._configured().replace(*self.changed)
        return text.replace("what: [register,", "what: [reload_config, register,")


@pytest.fixture(scope="module")
def prosody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refuses]:
    """Not started."""
    server = Refuses(tmp_path_factory.mktemp("prosody"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def ejabberd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RefusesToo]:
    """Not started."""
    server = RefusesToo(tmp_path_factory.mktemp("ejabberd"))
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (
            "http_file_share_daily_quota = 1000",
            f"{FULL} (Daily quota reached). Say it again later; {ADMIN}.",
        ),
        (
            "http_file_share_global_quota = 1000",
            f"{FULL} (Server global storage quota reached). Say it again later; {ADMIN}.",
        ),
        (
            'http_file_share_access = { "other.example" }',
            "the server lets me keep no files (forbidden). Its admin can allow it: "
            "http_file_share_access (Prosody), mod_http_upload (ejabberd).",
        ),
        (
            'http_file_share_allowed_file_types = { "image/*" }',
            "the server does not keep it (File type not allowed). Tell its admin.",
        ),
        (
            None,
            "the server keeps no files (XEP-0363). "
            "Its admin can add http_file_share (Prosody) or mod_http_upload (ejabberd).",
        ),
    ],
)
async def test_prosody_refuses(prosody: Refuses, settings: str | None, why: str) -> None:
    await asyncio.to_thread(prosody.share, settings)
    async with uploads(prosody) as kept:
        assert refused(await asked(kept)) == why


async def test_ejabberd_refuses(ejabberd: RefusesToo) -> None:
    await asyncio.to_thread(ejabberd.share, "access: none")
    async with uploads(ejabberd) as kept:
        assert refused(await asked(kept)).startswith(
            "the server lets me keep no files (Access denied by service policy). Its admin can"
        )


@pytest.mark.parametrize("name", ["prosody", "ejabberd"])
async def test_a_limit_that_shrinks_while_we_run_is_kept_to(
    request: pytest.FixtureRequest, name: str
) -> None:
    server = request.getfixturevalue(name)
    limit = {
        "prosody": "http_file_share_size_limit = {}",
        "ejabberd": "access: all\n    max_size: {}",
    }
    await asyncio.to_thread(server.share, limit[name].format(10_000_000))
    sessions: asyncio.Queue[None] = asyncio.Queue()
    async with uploads(server, sessions) as kept:
        assert "note" not in linked(await asked(kept))
        await asyncio.to_thread(server.share, limit[name].format(50_000))
        if name == "prosody":  # it was started anew: we come back by ourselves
            async with asyncio.timeout(60):
                await sessions.get()
        told = linked(await asked(kept))
        assert told["note"] == "compressed from 283 KiB, as the server takes 48.8 KiB at most"
        told = linked(await asked(kept, NOISE))
        assert str(told["note"]).startswith("only its first 24.4 KiB and its last 24.4 KiB of 2.86")


# A service of our own


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """A Prosody whose files are a component's."""
    with Open(tmp_path_factory.mktemp("host")) as running:
        yield running


@pytest.fixture
async def web(host: Open) -> AsyncIterator[Web]:
    """Where files are put."""
    async with Web(host) as serving:
        yield serving


@pytest.fixture
async def slots(host: Open, web: Web) -> AsyncIterator[Service]:
    """What gives places on that, unless a test says otherwise."""
    async with service(host) as answering:
        answering.answer = say.slot(f"https://localhost:{web.port}/a", "https://files.example/a")
        yield answering


@pytest.fixture
async def kept(host: Open, slots: Service) -> AsyncIterator[Uploads]:
    """What is tested."""
    async with uploads(host) as ready:
        yield ready


async def test_it_is_put_where_the_service_says(kept: Uploads, slots: Service, web: Web) -> None:
    headers = (
        '<header name="authorization">Bearer \nx\ny</header><header name="Cookie">a=b</header>'
        '<header name="Host">evil.example</header><header name="X-Evil">1</header>'
        '<header name="Content-Length">5</header><header name="Expires">\u00e9</header>'
    )
    slots.answer = say.slot(
        f"https://localhost:{web.port}/a?b=c", "https://files.example/a", headers
    )
    assert linked(await asked(kept))["file"] == "https://files.example/a"
    assert slots.asked == [
        {"filename": "a.txt", "size": str(len(TEXT)), "content-type": "text/plain"}
    ]
    assert web.body == TEXT
    assert web.head.startswith("PUT /a?b=c HTTP/1.1\r\n")
    assert web.header("Authorization") == "Bearer xy"
    assert web.header("Cookie") == "a=b"
    assert web.header("Host") == f"localhost:{web.port}"
    assert (web.header("X-Evil"), web.header("Expires")) == ("", "")
    assert web.length == len(TEXT)


RETRY = f'<retry xmlns="{NS}" stamp="{{}}"/>'
TOO_LARGE = f'<file-too-large xmlns="{NS}">{{}}</file-too-large>'


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            say.refusal("modify", "not-acceptable", TOO_LARGE.format("")),
            "the server finds 283 KiB too large, and does not say what it takes. "
            "Ask for a part of it.",
        ),
        (
            say.refusal(
                "modify", "not-acceptable", TOO_LARGE.format("<max-file-size>90</max-file-size>")
            ),
            "the server finds 75 bytes too large, and takes 90 bytes at most. "
            "Ask for a part of it.",
        ),
        (
            say.refusal(
                "wait", "resource-constraint", RETRY.format("2026-11-25T16:05:00+02:00"), "Enough."
            ),
            f"{FULL} (Enough). Say it again after 2026-11-25 14:05 UTC; {ADMIN}.",
        ),
        (
            say.refusal("wait", "resource-constraint", RETRY.format("tomorrow")),
            f"{FULL} (resource-constraint). Say it again later; {ADMIN}.",
        ),
        (
            say.refusal("cancel", "not-allowed", text="Only\u202e\nfor\u0085members" + "!" * 500),
            "the server lets me keep no files (Only for members!",
        ),
        (
            lambda _: f'<other xmlns="{NS}"/>',
            "the server names no place for it. Tell its admin.",
        ),
        (
            lambda _: None,
            f"{SERVICE} gives no place for it: no answer within 1 s. Say it again in a minute.",
        ),
    ],
    ids=["too-large", "too-large-again", "quota", "quota-when", "not-allowed", "no-slot", "silent"],
)
async def test_a_service_that_gives_no_place(
    kept: Uploads,
    slots: Service,
    web: Web,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[Iq], str | None],
    why: str,
) -> None:
    await asked(kept)  # so that it is found
    if "no answer" in why:  # else a machine that is slow is one that is silent
        monkeypatch.setattr(put, "PATIENCE", 1.0)
    slots.answer = answer
    assert refused(await asked(kept)).startswith(why)
    assert web.requests == 1


NO_PLACES = (
    "http://localhost:{port}/a", "ftp://localhost/a", "/a", "", "https://", "https://[::1/a",
    "https://localhost:x/a", "https://localhost:0/a", "https://localhost:{port}/a b",
    "https://localhost:{port}/\u00e9", "https://localhost:{port}/&#10;a",
    "https://localhost:{port}/" + "a" * 3000, "file:///etc/passwd",
)  # fmt: skip


@pytest.mark.parametrize("which", ["put", "get"])
async def test_only_https_addresses_are_used_and_handed_on(
    kept: Uploads, slots: Service, web: Web, which: str
) -> None:
    good = f"https://localhost:{web.port}/a"
    for url in NO_PLACES:
        slots.answer = say.slot(**{"put": good, "get": good, which: url.format(port=web.port)})
        why = refused(await asked(kept))
        assert why.startswith("the server names "), url
        assert why.endswith(" as the place for it. Its admin must have it name https addresses.")
    assert web.requests == 0


@pytest.mark.parametrize(
    ("serve", "why"),
    [
        (
            say.answers("HTTP/1.1 413 Whatever it says\r\n\r\n"),
            "localhost answers 413 Request Entity Too Large. It takes less than it says: ask for "
            "a part of it, or tell the server's admin.",
        ),
        (
            say.answers("HTTP/1.1 403 No\r\n\r\n"),
            "localhost answers 403 Forbidden. Tell the server's admin.",
        ),
        (
            say.answers("HTTP/1.1 307 Go\r\nLocation: https://evil.example/\r\n\r\n"),
            "localhost answers 307 Temporary Redirect. Tell the server's admin.",
        ),
        (
            say.answers("HTTP/1.1 502 Bad\r\n\r\n"),
            "localhost answers 502 Bad Gateway. Say it again in a minute; if it stays so, tell the "
            "server's admin.",
        ),
        (
            say.answers("HTTP/1.1 507 Full\r\n\r\n"),
            "localhost answers 507 Insufficient Storage. Its disk is full: tell the server's "
            "admin.",
        ),
        (say.answers("what?\r\n\r\n"), "the connection to localhost failed ("),
        (say.answers(""), "the connection to localhost failed ("),
        (
            say.answers("HTTP/1.1 201 Created\r\n" + "X-A: b\r\n" * 1000),
            "the connection to localhost failed (got more than 100 headers). Say it again",
        ),
        (say.resets, "the connection to localhost failed ("),
        (say.closes, "the connection to localhost failed ("),
        (say.is_silent, SILENT),
        (say.trickles, ("the server did not take it within 3 s. Say it again in a while.", SILENT)),
    ],
    ids=[
        *("413", "403", "307", "502", "507", "no-http", "empty", "headers", "resets", "closes"),
        *("silent", "trickles"),
    ],
)
async def test_a_place_that_does_not_take_it(
    kept: Uploads,
    web: Web,
    monkeypatch: pytest.MonkeyPatch,
    serve: Serve,
    why: str | tuple[str, ...],
) -> None:
    if SILENT in why:
        monkeypatch.setattr(put, "PATIENCE", 1.0)
        monkeypatch.setattr(upload, "SLOWEST", 10**9)
    web.serve = serve
    told = refused(await asked(kept, NOISE, name="core"))
    assert told.startswith(why)
    assert told.endswith((".", "tell the server's admin."))
    await web.idle()  # no thread of ours is at it any more
    monkeypatch.undo()
    web.serve = say.takes
    assert linked(await asked(kept))["file"]


async def test_an_answer_without_end_is_not_read(kept: Uploads, web: Web) -> None:
    web.serve = say.pours
    assert linked(await asked(kept))["file"]
    await web.idle()


async def test_another_host_is_believed_by_its_certificate_alone(
    kept: Uploads, slots: Service, web: Web, host: Open
) -> None:
    at = f"127.0.0.1:{web.port}"  # of this, too, the certificate says that it is it
    slots.answer = say.slot(f"https://user:secret@{at}/a", f"https://{at}/a")
    assert linked(await asked(kept))["file"] == f"https://{at}/a"
    async with Web(host, "127.0.0.2") as stranger:
        slots.answer = say.slot(
            f"https://user:secret@127.0.0.2:{stranger.port}/a", f"https://{at}/a"
        )
        why = refused(await asked(kept))
    assert why.startswith("I do not trust the certificate of 127.0.0.2 (IP address mismatch")
    assert why.endswith("Whoever runs the bot can name its authority: server.ca.")
    assert "secret" not in why


async def test_where_nobody_listens(kept: Uploads, slots: Service, web: Web) -> None:
    web._server.close()
    await web._server.wait_closed()
    assert refused(await asked(kept)).startswith(
        "the connection to localhost failed (Connection refused). Say it again in a minute; "
    )


async def test_who_waits_no_longer_leaves_nothing_behind(kept: Uploads, web: Web) -> None:
    reached = asyncio.Event()

    async def serve(web: Web, reader: say.Reader, writer: say.Writer) -> None:
        reached.set()
        await say.is_silent(web, reader, writer)

    web.serve = serve
    task = asyncio.create_task(asked(kept, NOISE))
    async with asyncio.timeout(60):
        await reached.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await web.idle()


async def test_a_slow_server_keeps_few_of_us_busy_and_others_are_told(
    kept: Uploads, web: Web
) -> None:
    reached, go = asyncio.Semaphore(0), asyncio.Event()

    async def serve(web: Web, reader: say.Reader, writer: say.Writer) -> None:
        reached.release()
        await go.wait()
        await say.takes(web, reader, writer)

    web.serve = serve
    first = [asyncio.create_task(asked(kept)) for _ in range(upload.AT_ONCE)]
    try:
        async with asyncio.timeout(60):
            for _ in first:
                await reached.acquire()
            more = [asyncio.create_task(asked(kept)) for _ in range(upload.WAITING)]
            await asyncio.sleep(0)  # now they wait
            why = refused(await asked(kept))
        assert why == (
            "8 others wait for the server to take files already. Say it again in a minute."
        )
        assert web.requests == upload.AT_ONCE
    finally:
        go.set()
    assert all("file" in reply.data for reply in await asyncio.gather(*first, *more))


async def test_without_room_for_the_file_it_is_said_where(
    kept: Uploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert refused(await asked(kept)) == (
        f"I have no room to make it in {tmp_path}/gone ({os.strerror(errno.ENOENT)}). "
        "Whoever runs the bot can free some, or set TMPDIR."
    )


async def test_a_log_that_breaks_off_is_no_file(kept: Uploads, slots: Service) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield TEXT
        raise say.BROKEN

    file = File("a.txt", pieces=pieces, wanted=True)
    assert refused(await kept.linked(Reply("job 41", file=file))) == "it is gone. Say it again."
    assert slots.asked == []


async def test_what_nobody_asked_for_is_left_out_without_a_word(
    kept: Uploads, slots: Service
) -> None:
    slots.answer = say.refusal("cancel", "not-allowed")
    reply = Reply("job 41", table="the end", file=File("a.txt", TEXT))
    assert await kept.linked(reply) == reply
    told, picture = await kept.shown(Reply("facts", picture=File("a.png", NOISE, "image/png")))
    assert picture is None
    assert told.text.startswith("facts; no picture: the server lets me keep no files (not-allowed)")


async def test_what_is_found_too_large_is_compressed_as_its_service_says(
    kept: Uploads, slots: Service, web: Web
) -> None:
    gives, most = slots.answer, "<max-file-size>5000</max-file-size>"
    refuses = say.refusal("modify", "not-acceptable", TOO_LARGE.format(most))
    slots.answer = lambda iq: (gives if int(iq["lab_upload"]["size"]) <= 5000 else refuses)(iq)
    told = linked(await asked(kept))
    assert told["note"] == "compressed from 283 KiB, as the server takes 4.88 KiB at most"
    assert gzip.decompress(web.body) == TEXT
