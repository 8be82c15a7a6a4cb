from __future__ import annotations

import base64
import gzip
import hashlib
import re

import pytest

from connectors.api import Refused, Response
from tests.connectors.webchat.desk import Desk

KIBIBYTES = 1024


def get(path: str, query: dict[str, str] | None = None, method: str = "GET", **headers: str) -> Response:
    desk = Desk()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = desk.connector.handshake(desk.request(method, path, headers=named, query=query))
    assert response is not None
    return response


def test_the_widget_is_a_script_that_caches_may_keep() -> None:
    response = get("/widget.js")
    assert response.status == 200 and response.media_type == "text/javascript; charset=utf-8"
    assert "max-age=300" in response.headers["Cache-Control"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    again = get("/widget.js", if_none_match=response.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    assert get("/widget.js", if_none_match='"other"').status == 200


def test_the_widget_is_small_on_the_wire() -> None:
    response = get("/widget.js", accept_encoding="br, gzip")
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.body) == get("/widget.js").body
    assert len(response.body) < 20 * KIBIBYTES


@pytest.mark.parametrize(
    "never", ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
)
def test_the_widget_never_makes_markup_of_text(never: str) -> None:
    assert never not in get("/widget.js").body.decode()


def test_the_widget_speaks_both_languages_alike() -> None:
    script = get("/widget.js").body.decode()
    tables = re.search(r"const WORDS = \{\n  ja: \{(.*?)\n  \},\n  en: \{(.*?)\n  \},", script, re.S)
    assert tables is not None
    japanese, english = (set(re.findall(r"(\w+): \"", table)) for table in tables.groups())
    assert japanese == english and len(japanese) > 40


def test_the_page_to_try_it_runs_nothing_but_the_widget() -> None:
    page = get("/demo")
    policy = page.headers["Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", page.body.decode(), re.S)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy and "unsafe" not in policy
    assert '<html lang="ja">' in page.body.decode()
    assert '<html lang="en">' in get("/demo", {"lang": "en"}).body.decode()
    assert '<html lang="ja">' in get("/demo", {"lang": '"><script>'}).body.decode()


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/upload"), ("POST", "/widget.js"), ("GET", "/../settings.py"), ("GET", "")]
)
def test_nothing_else_is_served(method: str, path: str) -> None:
    desk = Desk()
    request = desk.request(method, path)
    assert desk.connector.handshake(request) is None
    refused = desk.connector.verify(request)
    assert isinstance(refused, Refused) and refused.status == 404
