from __future__ import annotations

import pytest

from connectors.api import Refused, SessionOpen
from connectors.webchat.origin import allowed
from tests.connectors.webchat.desk import NONCE, NOW, Desk

SHOP = "https://shop.example"

CASES = [
    # listed, origin, host, admitted
    ((), "https://chat.example", "chat.example", True),
    ((), "http://127.0.0.1:8080", "127.0.0.1:8080", True),
    ((), "https://CHAT.example", "chat.Example", True),
    ((), "https://chat.example.evil.example", "chat.example", False),
    ((), "https://evil.example/chat.example", "chat.example", False),
    ((), "https://chat.example:8443", "chat.example", False),
    ((), "https://user@chat.example", "chat.example", False),
    ((), "ftp://chat.example", "chat.example", False),
    ((), "null", "chat.example", False),
    ((), "", "chat.example", False),
    ((), "", "", False),
    ((), "https://", "", False),
    ((), "https://[", "chat.example", False),
    ((SHOP,), SHOP, "chat.example", True),
    ((SHOP,), "https://chat.example", "chat.example", True),
    ((SHOP,), "http://shop.example", "chat.example", False),
    ((SHOP,), "https://shop.example.evil", "chat.example", False),
    (("*",), "https://evil.example", "chat.example", True),
    (("*",), "", "chat.example", True),
]


@pytest.mark.parametrize(("listed", "origin", "host", "admitted"), CASES)
def test_which_pages_are_admitted(listed: tuple[str, ...], origin: str, host: str, admitted: bool) -> None:
    headers = {"host": host} | ({"origin": origin} if origin else {})
    assert allowed(listed, headers) is admitted


def test_another_page_gets_no_socket_no_token_no_upload() -> None:
    desk, evil = Desk(), {"origin": "https://evil.example"}
    refused = desk.connector.session(SessionOpen({}, {"host": "chat.example"} | evil, NOW))
    assert isinstance(refused, Refused) and refused.status == 403
    assert desk.ask({"nonce": NONCE}, headers=evil)[0] == 403
    request = desk.upload(b"hi", "text/plain")
    request.headers["origin"] = evil["origin"]  # type: ignore[index]
    assert isinstance(desk.connector.verify(request), Refused)
    preflight = desk.connector.handshake(desk.request("OPTIONS", "/upload", headers=evil))
    assert preflight is not None and preflight.status == 403


def test_an_admitted_page_may_read_the_answers() -> None:
    desk = Desk(origins=[SHOP])
    for path in ("/token", "/upload"):
        response = desk.connector.handshake(desk.request("OPTIONS", path, headers={"origin": SHOP}))
        assert response is not None and response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == SHOP
        assert "x-file-name" in response.headers["Access-Control-Allow-Headers"]
