"""In-band registration (XEP-0077): an agent makes its own account when it is missing."""

import structlog
from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout

log = structlog.get_logger()

ANSWER = 10.0
"""Seconds the server has to make the account."""


class Registration:
    """
    Makes the account.

    Rule 1: only after a log-in has failed, and an account that exists is left as it is.

    Rule 2: only over TLS. SASL sees to that itself, but here the password is in the clear:
    whoever stands in the way would only have to hide that the server has TLS.
    """

    def __init__(self, client: ClientXMPP) -> None:
        self._client = client
        self.asked = False
        """Whether the account may exist because of us."""
        self.refused = ""
        """The condition of the server's refusal, or that there was no answer."""
        client.register_plugin("xep_0077", {"create_account": False})
        client.add_event_handler("register", self._register)

    def want(self) -> None:
        """The next connection registers before it logs in."""
        self._client.plugin["xep_0077"].create_account = True

    async def _register(self, _: object) -> None:
        self._client.plugin["xep_0077"].create_account = False
        jid, transport = self._client.boundjid.bare, self._client.transport
        if transport is None or transport.get_extra_info("ssl_object") is None:
            log.error(
                "link.registration_failed",
                jid=jid,
                reason="the server offers no TLS",
                cure="somebody may stand in the way; else have the server offer STARTTLS",
            )
            return
        iq = self._client.make_iq(itype="set")
        iq.enable("register")
        iq["register"]["username"] = self._client.boundjid.user
        iq["register"]["password"] = self._client.password
        self.asked = True
        try:
            await iq.send(timeout=ANSWER)
        except (IqError, IqTimeout) as error:
            self.refused = getattr(error, "condition", "timeout")
            log.error(  # noqa: TRY400  (the server's refusal is no fault of ours)
                "link.registration_failed",
                jid=jid,
                reason=self.refused,
                cure="conflict: the account exists, so correct the password; anything else: the "
                "server does not allow it (now), so make the account there",
            )
        else:
            log.info("link.registered", jid=jid)
