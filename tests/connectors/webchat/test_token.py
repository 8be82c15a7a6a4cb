from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.registry import SettingsError
from connectors.webchat.settings import WebchatSettings
from connectors.webchat.token import TokenError
from tests.connectors.webchat.desk import KEY, NONCE, NOW, USER_KEY, Desk, jwt, user

HOUR = timedelta(hours=1)


def test_a_visitor_is_named_by_the_nonce_the_key_and_the_account() -> None:
    desk = Desk()
    status, issued = desk.ask({"nonce": NONCE})
    assert status == 200
    assert issued["visitor"] == desk.address and len(desk.address) == 26
    assert issued["expires_at"] == int((NOW + HOUR).timestamp())
    assert desk.tokens.read(issued["token"], NOW) == desk.visitor
    others = [Desk("other"), Desk(token_key="another key of sixteen and more")]
    assert desk.address not in [other.address for other in others]
    assert desk.ask({"nonce": "B" * 22})[1]["visitor"] != desk.address


@pytest.mark.parametrize("nonce", ["", "short", "A" * 21, "A" * 23, "A" * 21 + "!", "A" * 22 + "\n", "あ" * 22])
def test_a_nonce_has_128_bits(nonce: str) -> None:
    assert Desk().ask({"nonce": nonce}) == (401, {"error": "nonce_invalid"})


def test_a_valid_token_is_renewed_for_the_same_visitor() -> None:
    desk = Desk()
    status, issued = desk.ask({"token": desk.token}, NOW + HOUR / 2)
    assert (status, issued["visitor"]) == (200, desk.address)
    assert issued["expires_at"] == int((NOW + 1.5 * HOUR).timestamp())


def test_tokens_end() -> None:
    desk = Desk()
    desk.tokens.read(desk.token, NOW + HOUR - timedelta(seconds=1))
    with pytest.raises(TokenError, match="token_expired"):
        desk.tokens.read(desk.token, NOW + HOUR)
    assert desk.ask({"token": desk.token}, NOW + HOUR) == (401, {"error": "token_expired"})


def test_every_flipped_bit_is_noticed() -> None:
    desk = Desk()
    for at in range(len(desk.token)):
        for bit in range(7):
            forged = desk.token[:at] + chr(ord(desk.token[at]) ^ (1 << bit)) + desk.token[at + 1 :]
            with pytest.raises(TokenError):
                desk.tokens.read(forged, NOW)


@pytest.mark.parametrize(
    "token", ["", ".", "1..", "1.e30.", "2.x.y", "あ.い.う", "1." + "A" * 5000 + ".x", "\ud800", "1.\ud800.x"]
)
def test_garbage_is_no_token(token: str) -> None:
    with pytest.raises(TokenError, match="token_invalid"):
        Desk().tokens.read(token, NOW)


def test_tokens_of_other_accounts_and_keys_are_refused() -> None:
    desk = Desk()
    for other in (Desk("other"), Desk(token_key="another key of sixteen and more")):
        with pytest.raises(TokenError, match="token_invalid"):
            desk.tokens.read(other.token, NOW)


def test_a_signed_user_is_one_identity_everywhere() -> None:
    desk = Desk()
    first = desk.ask({"nonce": NONCE, "user": jwt(user())})
    second = desk.ask({"nonce": "B" * 22, "user": jwt(user())}, NOW + timedelta(seconds=30))
    assert first[0] == second[0] == 200
    assert first[1]["visitor"] == second[1]["visitor"] != desk.ask({"user": jwt(user(sub="x"))})[1]["visitor"]
    assert first[1]["visitor"].startswith("u_")
    known = desk.tokens.read(first[1]["token"], NOW).user
    assert known is not None
    claims = known.claims()
    assert (claims.external_id, claims.email, claims.email_verified) == ("customer-7", "taro@example.jp", True)


def test_a_signed_user_has_to_be_signed_for_again() -> None:
    desk = Desk(user_session_s=5_400)
    token = desk.ask({"user": jwt(user())})[1]["token"]
    renewed = desk.ask({"token": token}, NOW + 0.9 * HOUR)[1]
    assert renewed["expires_at"] == int((NOW + 1.5 * HOUR).timestamp())
    assert desk.ask({"token": renewed["token"]}, NOW + 1.5 * HOUR)[0] == 401


BAD_USERS = {
    "another key": jwt(user(), key="x" * 32),
    "no signature": jwt(user()).rpartition(".")[0] + ".",
    "alg none": jwt(user(), alg="none"),
    "alg HS512": jwt(user(), alg="HS512"),
    "another account": jwt(user(aud="other")),
    "list of accounts": jwt(user(aud=["site"])),
    "at its end": jwt(user(exp=NOW.timestamp() - 31)),
    "good for too long": jwt(user(exp=NOW.timestamp() + 331)),
    "no end": jwt({"aud": "site", "sub": "a"}),
    "no sub": jwt(user(sub="")),
    "sub is a number": jwt(user(sub=7)),
    "email_verified is text": jwt(user(email_verified="yes")),
    "four pieces": jwt(user()) + ".x",
    "empty": "",
    "not ASCII": "あ.い.う",
    "huge": "a" * 5000,
}


@pytest.mark.parametrize("token", BAD_USERS.values(), ids=BAD_USERS.keys())
def test_a_user_is_believed_only_when_signed_for_right_now_and_here(token: str) -> None:
    assert Desk().ask({"nonce": NONCE, "user": token}) == (401, {"error": "user_invalid"})


def test_without_a_user_key_nobody_is_believed() -> None:
    assert Desk(user_key=None).ask({"user": jwt(user())}) == (401, {"error": "user_invalid"})


def test_the_body_has_to_be_json() -> None:
    desk = Desk()
    for body in (b"", b"\xff", b"[]", b'{"nonce":1}', b'{"x":' + b"[" * 100_000):
        response = desk.connector.handshake(desk.request("POST", "/token", body))
        assert response is not None and response.status == 400


@pytest.mark.parametrize(
    "settings",
    [
        {"token_key": "short"},
        {"user_key": "short"},
        {"origins": ["shop.example"]},
        {"origins": ["https://shop.example/"]},
        {"origins": ["https://Shop.example"]},
        {"token_lifetime_s": 1},
        {"unknown": 1},
    ],
)
def test_settings_are_strict(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        Desk(**settings)


def test_nothing_shows_a_key() -> None:
    desk = Desk()
    assert isinstance(desk.connector.settings, WebchatSettings)
    for key in (KEY, USER_KEY):
        assert key not in repr(desk.connector.settings) and key not in repr(vars(desk.connector))
