"""Error replies are sorted by whether the command was applied."""

from __future__ import annotations

import pytest

from router.store.errors import NotDurable, Redirected, ReplyError, StoreLost, StoreRefused, from_reply

REFUSED = [
    "OOM command not allowed when used memory > 'maxmemory'.",
    "MISCONF Errors writing to the AOF file: No space left on device",
    "READONLY You can't write against a read only replica.",
    "LOADING Valkey is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "NOREPLICAS Not enough good replicas to write.",
    "CLUSTERDOWN Hash slot not served",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "BUSY Valkey is busy running a script.",
    "EXECABORT Transaction discarded because of previous errors.",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
]


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_are_retryable(text: str) -> None:
    error = from_reply(text)
    assert isinstance(error, StoreRefused)
    assert error.retryable
    assert error.code == text.split()[0]


@pytest.mark.parametrize("text", ["NOPERM User desk has no permissions", "WRONGPASS invalid username-password pair"])
def test_what_a_person_must_set_right_is_not_retryable(text: str) -> None:
    error = from_reply(text)
    assert isinstance(error, StoreRefused)
    assert not error.retryable


@pytest.mark.parametrize("code", ["READONLY", "MASTERDOWN", "LOADING", "UNBLOCKED", "REDIRECT", "NOAUTH"])
def test_servers_to_leave(code: str) -> None:
    error = from_reply(f"{code} because")
    assert isinstance(error, StoreRefused)
    assert error.leaves


@pytest.mark.parametrize("text", ["WRONGTYPE Operation against", "NOSCRIPT No matching script", "ERR syntax error", ""])
def test_other_errors(text: str) -> None:
    error = from_reply(text)
    assert isinstance(error, ReplyError)
    assert error.code == text.partition(" ")[0]


@pytest.mark.parametrize("code", ["MOVED", "ASK"])
def test_redirections(code: str) -> None:
    error = from_reply(f"{code} 3999 127.0.0.1:6381")
    assert isinstance(error, Redirected)
    assert (error.code, error.slot, error.node) == (code, 3999, "127.0.0.1:6381")
    assert error.retryable


@pytest.mark.parametrize("text", ["MOVED", "ASK x y", "MOVED 1"])
def test_a_redirection_that_is_none_does_not_break_the_parser(text: str) -> None:
    assert isinstance(from_reply(text), ReplyError)


def test_not_durable_is_uncertain() -> None:
    assert issubclass(NotDurable, StoreLost)
