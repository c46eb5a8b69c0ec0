"""
Which service of our server keeps files, and a place there for one of them (XEP-0363).

Rule: a refusal becomes one line that says what to do; the server's own words are in it.
"""

from datetime import UTC, datetime

from slixmpp import JID
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.stanza import Iq
from slixmpp.xmlstream import ElementBase, register_stanza_plugin

from agent.wire.errors import NoAnswer, Refusal
from agent.wire.link import Link
from bot.report.text import safe, size
from bot.xmpp import put
from bot.xmpp.parcel import Parcel
from bot.xmpp.put import Slot

NS = "urn:xmpp:http:upload:0"
HEADERS = ("Authorization", "Cookie", "Expires")
"""What the service may have us send along (XEP-0363, section 5); others it may not."""

ALLOW = "Its admin can allow it: http_file_share_access (Prosody), mod_http_upload (ejabberd)."


class RequestElement(ElementBase):
    """``<request filename='' size='' content-type=''/>``."""

    name, namespace, plugin_attrib = "request", NS, "lab_upload"
    interfaces = {"filename", "size", "content-type"}  # noqa: RUF012  (slixmpp's own)


register_stanza_plugin(Iq, RequestElement)


class TooLarge(Refusal):
    """
    The service takes no file of that size. Cure: send less.

    Args:
        most: Bytes that it takes; None if it does not say.
    """

    def __init__(self, parcel: Parcel, most: int | None) -> None:
        told = f"takes {size(most)} at most" if most is not None else "does not say what it takes"
        super().__init__(
            f"the server finds {size(parcel.size)} too large, and {told}",
            hint="Ask for a part of it.",
        )
        self.most = most


async def find(link: Link) -> tuple[str, int | None]:
    """The service, and how many bytes it takes if it says so (XEP-0363, section 4)."""
    disco = link.client.plugin["xep_0030"]
    domain = JID(link.jid.domain)
    try:
        items = await disco.get_items(jid=domain, timeout=put.PATIENCE)
    except (IqError, IqTimeout) as error:
        raise NoAnswer(
            "the server does not say where it keeps files", hint="Say it again in a minute."
        ) from error
    for jid in (domain, *(JID(item[0]) for item in items["disco_items"]["items"])):
        try:
            info = await disco.get_info(jid=jid, timeout=put.PATIENCE)
        except (IqError, IqTimeout):
            continue
        if NS in info["disco_info"]["features"]:
            field = "{jabber:x:data}field[@var='max-file-size']/{jabber:x:data}value"
            return str(jid), _number(info.xml.findtext(f".//{field}"))
    raise Refusal(
        "the server keeps no files (XEP-0363)",
        hint="Its admin can add http_file_share (Prosody) or mod_http_upload (ejabberd).",
    )


async def ask(link: Link, service: str, parcel: Parcel) -> Slot:
    """A place for *parcel* (XEP-0363, section 5)."""
    iq = link.iq(service, "get")
    iq["lab_upload"]["filename"] = parcel.name
    iq["lab_upload"]["size"] = str(parcel.size)
    iq["lab_upload"]["content-type"] = parcel.kind
    try:
        answer = await link.ask(iq, timeout=put.PATIENCE)
    except NoAnswer as silent:
        raise NoAnswer(
            f"{service} gives no place for it: {silent.what}", hint="Say it again in a minute."
        ) from silent
    except Refusal as refusal:
        if isinstance(refusal.__cause__, IqError):
            raise _refused(refusal.__cause__, parcel) from refusal
        raise
    return _slot(answer)


def _slot(answer: Iq) -> Slot:
    to, at = (answer.xml.find(f"{{{NS}}}slot/{{{NS}}}{name}") for name in ("put", "get"))
    if to is None or at is None:
        raise Refusal("the server names no place for it", hint="Tell its admin.")
    headers = {}
    for header in to:
        name = (header.get("name") or "").strip().title()
        value = (header.text or "").replace("\r", "").replace("\n", "")
        if name in HEADERS and value.isascii() and value.isprintable():
            headers[name] = value
    return Slot(to.get("url", ""), at.get("url", ""), headers)


def _refused(error: IqError, parcel: Parcel) -> Refusal:
    """What the service means, and what to do."""
    found = error.iq.xml
    if found.find(f".//{{{NS}}}file-too-large") is not None:
        return TooLarge(parcel, _number(found.findtext(f".//{{{NS}}}max-file-size")))
    retry = found.find(f".//{{{NS}}}retry")
    words = safe((error.text or error.condition).rstrip("."), 120)
    if error.condition == "resource-constraint" or retry is not None:
        again = _when("" if retry is None else retry.get("stamp", ""))
        return Refusal(
            f"the server has no more room for me ({words})",
            hint=f"Say it again {again}; its admin can give me more.",
        )
    if error.condition in ("forbidden", "not-allowed", "not-authorized"):
        return Refusal(f"the server lets me keep no files ({words})", hint=ALLOW)
    return Refusal(f"the server does not keep it ({words})", hint="Tell its admin.")


def _when(stamp: str) -> str:
    try:
        at = datetime.fromisoformat(stamp)
        return f"{at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC):after %Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError):
        return "later"


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
