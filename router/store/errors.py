"""What can go wrong between us and the store, told apart by the one question that matters: was it applied?

===================  =============================================================
`StoreUnavailable`   nothing was sent: not applied
`StoreRefused`       the server answered that it did not apply it
`ReplyError`         the server answered with another error: not applied, except for
                     what a script had written before it failed
`StoreLost`          sent, not (fully) answered: MAY have been applied
`NotDurable`         applied on the primary, its durability was not proven
===================  =============================================================
"""

from __future__ import annotations

from typing import Final

#: Refusals that a later attempt may overcome. The value says whether the connection should be left as well,
#: because the server behind it is no longer (or not yet) the one that takes writes.
_REFUSALS: Final[dict[str, bool]] = {
    "OOM": False,
    "MISCONF": False,
    "READONLY": True,
    "LOADING": True,
    "MASTERDOWN": True,
    "NOREPLICAS": False,
    "CLUSTERDOWN": False,
    "TRYAGAIN": False,
    "BUSY": False,
    "EXECABORT": False,
    "UNBLOCKED": True,
    "REDIRECT": True,
    "NOAUTH": True,
}

#: Refusals that will be repeated until a person changes something.
_PERMANENT: Final[frozenset[str]] = frozenset({"NOPERM", "WRONGPASS"})


class StoreError(Exception):
    """Base of everything the store raises. Messages never hold a password."""


class StoreLost(StoreError):
    """The connection was lost, or timed out, after sending: the command may have been applied."""


class StoreUnavailable(StoreError):
    """There was no connection: nothing was sent."""


class NotDurable(StoreLost):
    """Applied, but fewer copies than asked have confirmed it (WAIT or WAITAOF): durability is unproven."""


class StoreConfigError(StoreError):
    """The store, or how we were told to reach it, is not what Madoguchi needs. Says what, where, and what is right."""


class _Answered(StoreError):
    """An error reply. `code` is its first word."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code if code is not None else message.partition(" ")[0]


class StoreRefused(_Answered):
    """The server (or our own bound, code `BUSY`) refused the command and did not apply it.

    `retryable` says whether the same command may succeed later without anybody's help.
    """

    @property
    def retryable(self) -> bool:
        """Whether waiting can help."""
        return self.code not in _PERMANENT

    @property
    def leaves(self) -> bool:
        """Whether this server should be left and the right one looked up again."""
        return _REFUSALS.get(self.code, False)


class ReplyError(_Answered):
    """Any other error reply: WRONGTYPE, NOSCRIPT, BUSYGROUP, a script's own error."""


class Redirected(StoreRefused):
    """MOVED or ASK: another node of the cluster serves this slot. The lane follows it; callers see it only when
    following did not end (`code` MOVED or ASK, retryable)."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        _, slot, address = message.split(" ", 2)
        self.slot = int(slot)
        self.node = address.strip()


def from_reply(message: str) -> StoreError:
    """The error for an error reply's text. Given to the RESP parser, so it must not raise."""
    code = message.partition(" ")[0]
    if code in ("MOVED", "ASK"):
        return _redirect(message)
    if code in _REFUSALS or code in _PERMANENT:
        return StoreRefused(message)
    return ReplyError(message)


def _redirect(message: str) -> StoreError:
    try:
        return Redirected(message)
    except ValueError:
        return ReplyError(message)
