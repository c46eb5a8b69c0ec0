"""The target's account, tried before anything is in its place: logged in to, or made."""

from dataclasses import replace

from agent.wire.account import Account
from agent.wire.errors import Refusal
from agent.wire.link import Link
from agent.wire.registration import Registration


class NoAccount(Refusal):
    """
    We are not on the server.

    Args:
        maybe: The account may have been made all the same: its password must be kept.
    """

    def __init__(self, what: str, *, hint: str, maybe: bool = False) -> None:
        super().__init__(what, hint=hint)
        self.maybe = maybe


class Attempt:
    """One log-in, over TLS; no presence is sent: whoever uses the account is not disturbed."""

    def __init__(self, account: Account, *, register: bool) -> None:
        # Registering is ours to order here; the link would wait for a failure first.
        self._link = Link(replace(account, register=False))
        self.registration = Registration(self._link.client)
        self.rejected = False
        """The server is there, and does not take this account and password."""
        self.failure = ""
        """Why there was no session; empty if there was."""
        if register:
            self.registration.want()
        self._link.client.add_event_handler("failed_all_auth", self._reject)

    async def make(self) -> None:
        """Try it; the attributes say how it went."""
        self.failure = await self._link.once(self._session)

    async def _session(self) -> None:
        pass

    def _reject(self, _: object) -> None:
        self.rejected = True


async def log_in(account: Account) -> bool:
    """
    Be on the server once, with a session of our own. Whether the account had to be made.

    Raises:
        NoAccount: we cannot be there; the cure is in the words of the command line.
    """
    first = Attempt(account, register=False)
    await first.make()
    if not first.failure:
        return False
    if not (first.rejected and account.register):
        raise _explained(account, first)
    second = Attempt(account, register=True)
    await second.make()
    if second.failure:
        raise _explained(account, second)
    return True


def _explained(account: Account, attempt: Attempt) -> NoAccount:
    bare = account.jid.partition("/")[0]
    asked, refused = attempt.registration.asked, attempt.registration.refused
    if refused == "conflict":
        return NoAccount(
            f"{bare} exists, with another password",
            hint="Give that one with --password-file, or have the account removed.",
        )
    if attempt.rejected and account.register:
        why = f" ({refused})" if refused else ""
        return NoAccount(
            f"the server does not let us make the account {bare}{why}",
            hint="Have it made there, and give its password with --password-file.",
        )
    if attempt.rejected:
        return NoAccount(
            f"the server does not accept {bare} with this password",
            hint="Give the right one with --password-file, or --register makes the account.",
        )
    hint = "Is it there? --server HOST:PORT names it; without, DNS must."
    if "certificate" in attempt.failure:
        hint = "--ca FILE names the authority to trust, if it is the lab's own."
    return NoAccount(f"no session for {bare}: {attempt.failure}", hint=hint, maybe=asked)
