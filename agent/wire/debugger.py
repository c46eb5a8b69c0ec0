"""
``--xml``: the stream on stderr, as the talk of 2009 advises ("turn on the debugger; it's
invaluable"), with secrets redacted.
"""

import logging
import re
import sys
from datetime import UTC, datetime

_SECRET = re.compile(
    r"(<(?P<tag>(?:\w+:)?(?:auth|response|challenge|success|password|initial-response))\b"
    r"[^>]*(?<!/)>)(?:.*?)(</(?P=tag)>)",
    re.DOTALL,
)


def redacted(xml: str) -> str:
    """*xml* without what proves who we are (SASL, RFC 6120 section 6; XEP-0077)."""
    return _SECRET.sub(r"\1***\3", xml)


class _Stream(logging.Handler):
    """Prints what slixmpp logs of the stream, and nothing else of its chatter."""

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if not message.startswith(("SEND: ", "RECV: ")) or not message[6:].strip():
            return
        now = datetime.now(UTC).strftime("%H:%M:%S.%f")[:-3]
        arrow = ">>" if message.startswith("SEND") else "<<"
        sys.stderr.write(f"{now} {arrow} {redacted(message[6:])}\n")
        sys.stderr.flush()


def show_stream() -> None:
    """Print every stanza from now on. Call before connecting."""
    stream = logging.getLogger("slixmpp.xmlstream.xmlstream")
    stream.setLevel(logging.DEBUG)
    stream.propagate = False
    stream.addHandler(_Stream())
