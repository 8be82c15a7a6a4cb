"""What ties a mail to a conversation, and what must not."""

from __future__ import annotations

import random

import pytest

from connectors.email.inbound import Envelope
from connectors.email.tokens import (
    LOCAL_PART,
    message_id,
    read_message_id,
    read_token,
    reply_address,
    reply_token,
    token_in,
)
from tests.connectors.email.mails import BOX, mail, message

CONVERSATION = "cv_07_1j5k9x2m3q40"
OTHER = "cv_11_1j5k9x2m3q9zx1"
TOKEN = reply_token(BOX.key, "mail", CONVERSATION) or ""
PLUS = f"support+{TOKEN}@example.jp"
OURS = f"<{message_id('ms_abc234', CONVERSATION, 'example.jp')}>"


def conversation(raw: bytes, envelope: Envelope | None = None) -> str | None:
    return message(raw, envelope).threading.conversation


@pytest.mark.parametrize("name", [CONVERSATION, OTHER, "cv_00_0", "cv_123_abc", "cv_99_1j5k9x2m3q40x12"])
def test_a_token_says_the_conversation_and_fits(name: str) -> None:
    token = reply_token(b"key", "mail", name)
    assert token is not None
    assert token == token.lower()
    assert token.isalnum()
    assert read_token(b"key", "mail", token.upper()) == name
    address = reply_address("support@example.jp", "+", token)
    assert address is not None
    assert len(address.partition("@")[0]) <= LOCAL_PART


def test_a_token_of_another_key_account_or_conversation_is_nothing() -> None:
    assert read_token(b"other", "mail", TOKEN) is None
    assert read_token(BOX.key, "other", TOKEN) is None
    assert read_token(b"", "mail", reply_token(b"k", "mail", CONVERSATION) or "") is None
    assert reply_token(b"", "mail", CONVERSATION) is None
    assert reply_token(b"k", "mail", "ct_07_x") is not CONVERSATION


def test_a_token_with_any_letter_changed_is_nothing() -> None:
    chance = random.Random(1)
    for at in range(len(TOKEN)):
        letter = chance.choice([c for c in "abcdefghijkmnpqrstvwxyz234567" if c != TOKEN[at]])
        assert read_token(BOX.key, "mail", TOKEN[:at] + letter + TOKEN[at + 1 :]) is None


def test_no_reply_address_when_it_would_be_too_long() -> None:
    assert reply_address(f"{'x' * 40}@example.jp", "+", TOKEN) is None


def test_only_after_our_own_address() -> None:
    ours = ("support@example.jp",)
    assert token_in(f"support+{TOKEN}@example.jp", ours, "+") == TOKEN
    assert token_in(f"support+{TOKEN}@example.com", ours, "+") is None
    assert token_in("support+@example.jp", ours, "+") is None
    assert token_in("support@example.jp", ours, "+") is None


@pytest.mark.parametrize("header", ["to", "cc", "Delivered-To", "X-Original-To"])
def test_the_token_is_found_wherever_it_stands(header: str) -> None:
    name = header.lower().replace("-", "_")
    assert conversation(mail(**{name: f"Support <{PLUS}>"})) == CONVERSATION  # type: ignore[arg-type]


def test_the_token_in_the_envelope_with_its_case_changed() -> None:
    assert conversation(mail(), Envelope("a@example.com", (PLUS.upper(),))) == CONVERSATION


def test_the_token_wins_over_references() -> None:
    other = f"<{message_id('ms_abc', OTHER, 'example.jp')}>"
    assert conversation(mail(to=PLUS, in_reply_to=other)) == CONVERSATION


def test_in_reply_to_then_references_from_the_right() -> None:
    other = f"<{message_id('ms_abc', OTHER, 'example.jp')}>"
    assert conversation(mail(in_reply_to=OURS, references=other)) == CONVERSATION
    assert conversation(mail(in_reply_to="<x@y>", references=f"{other} {OURS} <z@y>")) == CONVERSATION
    found = message(mail(in_reply_to="<p@y>", references="<a@y>\r\n <b@y>\r\n\t<p@y>")).threading
    assert found.references == ("p@y", "b@y", "a@y")
    assert found.conversation is None
    assert found.thread == "m1@example.com"


@pytest.mark.parametrize(
    "identifier",
    [
        f"ms_abc.{CONVERSATION}@example.com",
        f"ms_abc.{CONVERSATION}",
        f"xx_abc.{CONVERSATION}@example.jp",
        "ms_abc.ct_07_abc@example.jp",
        "ms_abc.cv_7_abc@example.jp",
        f"ms_abc.{CONVERSATION}@example.jp@example.com",
        "@example.jp",
        "",
    ],
)
def test_ids_that_are_not_ours(identifier: str) -> None:
    assert read_message_id(identifier, "example.jp") is None


def test_long_ids_survive() -> None:
    for length in (60, 78, 150, 250):
        identifier = "a" * (length - 4) + "@y.z"
        assert message(mail(in_reply_to=f"<{identifier}>")).threading.references == (identifier,)


def test_a_spoofed_from_or_a_stolen_token_is_never_verified() -> None:
    """The parser says what the mail says; that a stranger with a token gets no thread is for the conversation rules,
    which need the sender to be honest."""
    spoofed = message(mail(sender="victim@example.com", to=PLUS))
    assert spoofed.threading.conversation == CONVERSATION
    assert not spoofed.sender.verified
    assert not spoofed.sender.claims.email_verified
    stolen = message(mail(sender="mallory@evil.example", to=PLUS))
    assert stolen.sender.address == "mallory@evil.example"


def test_empty_keys_tie_nothing() -> None:
    found = message(mail(in_reply_to="", references="", message_id=None)).threading
    assert (found.conversation, found.references, found.thread) == (None, (), None)


def test_mails_without_an_author_never_share_an_address() -> None:
    one = message(mail(sender="", message_id="<1@x>")).sender
    two = message(mail(sender="nobody in particular", message_id="<2@x>")).sender
    assert one.address != two.address
    assert one.claims.email is None


def test_without_a_message_id_the_source_names_it() -> None:
    one, two = mail(message_id=None), mail("other", message_id=None)
    assert message(one).provider_id == message(one).provider_id != message(two).provider_id
    assert message(one).provider_id.startswith("sha256-")
