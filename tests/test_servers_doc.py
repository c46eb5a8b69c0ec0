"""docs/servers.md names what the shipped files say, and nothing that they do not."""

import re
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
FILES = {
    "prosody": ("prosody.cfg.lua", "prosody-limits.conf"),
    "ejabberd": ("ejabberd.yml",),
}


def said(server: str) -> str:
    """What the files of one server set, comments left out."""
    text = "\n".join((DOCS / "servers" / name).read_text() for name in FILES[server])
    return re.sub(r"(^|\s)(--|#) .*", "", text, flags=re.MULTILINE)


def rows() -> list[list[str]]:
    """The cells of the table, without its head."""
    page = (DOCS / "servers.md").read_text()
    section = re.search(r"^## Setting by setting\n(.*?)^## ", page, re.MULTILINE | re.DOTALL)
    if section is None:
        raise AssertionError("there is no such section")
    lines = [line for line in section[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_setting_that_is_explained_is_set() -> None:
    assert len(rows()) > 15
    for what, *cells, _why in rows():
        for server, cell in zip(FILES, cells, strict=True):
            text = said(server)
            for name in re.findall(r"`([\w.]+)", cell):
                absent = cell.startswith("no ")
                found = re.search(rf"(^|[^\w]){re.escape(name)}", text) is not None
                assert found is not absent, f"{server}, {what}: {name}"


def test_what_both_say_is_the_same() -> None:
    prosody, ejabberd = said("prosody"), said("ejabberd")
    for number in ("262144", "20000", "5222", "5223", "5443", "1024"):
        assert number in prosody, number
        assert number in ejabberd, number
    networks = re.findall(r"\d+\.\d+\.\d+\.\d+/\d+|[\da-f]*::\d*/\d+", prosody)
    assert len(networks) == 6
    assert all(network in ejabberd for network in networks)
