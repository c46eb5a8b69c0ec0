"""In-band registration (XEP-0077): an agent makes its own account when it is missing."""

import structlog
from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout

log = structlog.get_logger()

ANSWER = 10.0
"""Seconds the server has to make the account."""


class Registration:
    """Makes the account, but only after a log-in has failed: an account is never overwritten."""

    def __init__(self, client: ClientXMPP) -> None:
        self._client = client
        client.register_plugin("xep_0077", {"create_account": False})
        client.add_event_handler("register", self._register)

    def want(self) -> None:
        """The next connection registers before it logs in."""
        self._client.plugin["xep_0077"].create_account = True

    async def _register(self, _: object) -> None:
        self._client.plugin["xep_0077"].create_account = False
        iq = self._client.make_iq(itype="set")
        iq.enable("register")
        iq["register"]["username"] = self._client.boundjid.user
        iq["register"]["password"] = self._client.password
        jid = self._client.boundjid.bare
        try:
            await iq.send(timeout=ANSWER)
        except (IqError, IqTimeout) as error:
            log.error(  # noqa: TRY400  (the server's refusal is no fault of ours)
                "link.registration_failed",
                jid=jid,
                reason=getattr(error, "condition", "timeout"),
                cure="conflict: the account exists, so correct the password; anything else: the "
                "server does not allow it (now), so make the account there",
            )
        else:
            log.info("link.registered", jid=jid)
