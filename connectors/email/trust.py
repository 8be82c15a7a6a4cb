"""Whom a mail's headers may be believed, and what in them says that no person wrote it."""

from __future__ import annotations

import re
from typing import Final

from connectors.email.address import domain_of
from connectors.email.headers import Headers

_COMMENT: Final = re.compile(r'("(?:[^"\\]|\\.)*")|\([^()]*\)')
_STATEMENT: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^;"])+')
_NOBODY: Final = re.compile(
    r"(mailer-daemon|postmaster|no-?reply|do-?not-?reply|owner-.+|.+-(request|bounces|owner))(\+.*)?"
)
_BULK: Final = frozenset(("bulk", "list", "junk", "auto_reply"))
_MARKS: Final = (
    "list-id",
    "list-unsubscribe",
    "list-post",
    "feedback-id",
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
)


def dmarc_passed(headers: Headers, authserv_ids: tuple[str, ...], sender: str) -> bool:
    """The mail server that we configured as ours found that the From domain passes DMARC.

    Only the topmost result of ours counts: what is below came from outside, whatever it calls itself (RFC 8601, 5).
    """
    for value in headers.raw("authentication-results"):
        statements = [found.strip() for found in _STATEMENT.findall(_without_comments(value))]
        words = statements[0].split() if statements else []
        if words and words[0].strip('"').lower() in authserv_ids:
            results = [statement for statement in statements[1:] if re.match(r"dmarc\s*=", statement, re.I)]
            if results:
                return len(results) == 1 and _passes(results[0], domain_of(sender))
    return False


def _passes(statement: str, domain: str) -> bool:
    if not re.match(r"dmarc\s*=\s*pass(\s|$)", statement, re.I):
        return False
    found = re.search(r"\sheader\.from\s*=\s*\"?([^\s;\"]+)", statement, re.I)
    return found is None or domain_of(found[1]) == domain


def _without_comments(value: str) -> str:
    for _ in range(8):
        shorter = _COMMENT.sub(lambda match: match[1] or " ", value)
        if shorter == value:
            break
        value = shorter
    return value


def is_automatic(headers: Headers, sender: str | None, null_sender: bool, media_type: str) -> bool:
    """A machine wrote it (RFC 3834 and custom): shown to people, answered by nobody."""
    submitted = headers.first("auto-submitted").partition(";")[0].strip().lower()
    return (
        submitted not in ("", "no")
        or headers.first("precedence").strip().lower() in _BULK
        or any(headers.has(mark) for mark in _MARKS)
        or null_sender
        or headers.first("return-path").strip() == "<>"
        or media_type == "multipart/report"
        or (sender is not None and _NOBODY.fullmatch(sender.rpartition("@")[0]) is not None)
    )


def asks_for_silence(headers: Headers) -> bool:
    """It asks for no automatic answer; a person may have written it all the same."""
    wishes = {word.strip().lower() for word in headers.first("x-auto-response-suppress").split(",")}
    return bool(wishes & {"all", "oof", "autoreply"})
