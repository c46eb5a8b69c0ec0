"""Converse.js comes by npm, as the very package we know, or the demo says why there is no page."""

import hashlib
import io
import json
import tarfile
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bot.demo.converse import VERSION, find, folder
from bot.demo.fetch import NotFetchedError, fetch

NOWHERE = "http://127.0.0.1:9"
"""A registry that nobody runs: the port of discard(9)."""


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Converse.js is kept in a folder of the test's own, and npm's cache as well."""
    monkeypatch.setenv("LABROOM_CONVERSE", str(tmp_path / "converse"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))


@contextmanager
def registry(package: bytes) -> Iterator[str]:
    """An npm registry that has *package* for Converse.js; its address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here = f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]
            dist = {
                "tarball": f"{here}/package.tgz",
                "integrity": "sha512-" + b64encode(hashlib.sha512(package).digest()).decode(),
            }
            version = {"name": "converse.js", "version": VERSION, "dist": dist}
            about = {"name": "converse.js", "versions": {VERSION: version}}
            body = package if self.path.endswith(".tgz") else json.dumps(about).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def a_package() -> bytes:
    """An npm package with a page's script that is not Converse's."""
    written = io.BytesIO()
    about = {"name": "converse.js", "version": VERSION}
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for name, content in {
            "package/package.json": json.dumps(about).encode(),
            "package/dist/converse.min.js": b"alert('not the one we know')",
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


def test_it_is_fetched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = fetch()
    assert find() == fetched == folder()
    assert (fetched / "converse.min.js").stat().st_size > 1_000_000
    monkeypatch.setenv("npm_config_registry", NOWHERE)
    assert fetch() == fetched
    assert [path.name for path in fetched.parent.iterdir()] == [VERSION]


def test_a_package_that_we_do_not_know_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with registry(a_package()) as address:
        monkeypatch.setenv("npm_config_registry", address)
        with pytest.raises(NotFetchedError, match=f"another Converse.js {VERSION}: sha512"):
            fetch()
    assert find() is None


def test_without_a_network_it_says_so_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", NOWHERE)
    with pytest.raises(NotFetchedError, match=f"could not fetch Converse.js {VERSION}: .*REFUSED"):
        fetch()
    assert find() is None
