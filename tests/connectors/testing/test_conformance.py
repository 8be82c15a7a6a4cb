"""Each check of the kit goes red on a connector that breaks its rule, and only on such a one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from connectors.api import (
    Batch,
    Failed,
    Malformed,
    Outbound,
    Parsed,
    ProviderRequest,
    ProviderResponse,
    Request,
    Sent,
    Verified,
    problem,
    refused,
)
from connectors.kit.signatures import hmac_sha256_base64
from connectors.line import LineConnector
from connectors.testing import ConnectorConformance
from connectors.testing import cases as case_files
from connectors.testing.mutate import hostile, mutated

SECRET = "8c570fa6dd201bb328f1c1eac23a96d8"
CASES = Path(__file__).parents[1] / "line" / "cases"


class Kit(ConnectorConformance):
    connector: ClassVar[Any] = LineConnector
    cases = CASES
    settings: ClassVar[dict[str, Any]] = {
        "channel_secret": SECRET, "channel_access_token": "tell-nobody", "video_preview_url": "https://example.com/film.png",
    }  # fmt: skip
    address = "U" + "4" * 32

    def sign(self, body: bytes, at: datetime) -> Mapping[str, str]:
        return {"x-line-signature": hmac_sha256_base64(SECRET.encode(), body).decode()}


class TrustsEverybody(LineConnector):
    def verify(self, request: Request) -> Verified:
        return Verified()


class TrustsAnyBody(LineConnector):
    """Looks at the header's form only."""

    def verify(self, request: Request) -> Any:
        given = request.headers.get("x-line-signature", "")
        return Verified() if len(given) == 44 and given.endswith("=") else super().verify(request)


class Raises(LineConnector):
    def parse(self, request: Request) -> Parsed:
        msgspec.json.decode(request.body)
        return super().parse(request)


class TakesAnything(LineConnector):
    def parse(self, request: Request) -> Parsed:
        parsed = super().parse(request)
        return Batch() if isinstance(parsed, Malformed) else parsed


class CountsCalls(LineConnector):
    calls = 0

    def parse(self, request: Request) -> Parsed:
        type(self).calls += 1
        parsed = super().parse(request)
        if not isinstance(parsed, Batch):
            return parsed
        event: Any = parsed.events[0]
        return Batch((msgspec.structs.replace(event, provider_id=str(self.calls)),), parsed.raws[:1])


class LosesPieces(LineConnector):
    def render(self, outbound: Outbound) -> Any:
        calls = super().render(outbound)
        return calls if isinstance(calls, Failed) else calls[:1]


class NewKeys(LineConnector):
    def render(self, outbound: Outbound) -> Any:
        return super().render(msgspec.structs.replace(outbound, extra={"quoteToken": str(time.perf_counter())}))


class Optimist(LineConnector):
    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Sent:
        return Sent()


class Fragile(LineConnector):
    def interpret(self, request: ProviderRequest, response: ProviderResponse) -> Failed:
        return Failed(problem("rejected", msgspec.json.decode(response.body)["message"]))


class Forgets(LineConnector):
    manifest = msgspec.structs.replace(LineConnector.manifest, carries={"text": refused("")})


class Shouts(LineConnector):
    def render(self, outbound: Outbound) -> Any:
        return Failed(problem("rejected", self.settings.channel_access_token.reveal()))


def cases_of(check: str) -> list[tuple[Any, ...]]:
    if "answer" in check and "_answers" not in check:
        return [(each,) for each in case_files.answers(CASES)]
    if check in ("test_inbound_case", "test_parse_is_pure", "test_ids_are_stable_across_redelivery"):
        return [(each,) for each in case_files.inbound_cases(CASES).values()]
    if check in ("test_outbound_case", "test_render_is_pure"):
        return [(each,) for each in case_files.outbound_cases(CASES).values()]
    return [()]


def run(connector: type[LineConnector], check: str) -> None:
    kit = type("Kit", (Kit,), {"connector": connector})()
    for arguments in cases_of(check):
        getattr(kit, check)(*arguments)


@pytest.mark.parametrize(
    ("connector", "check"),
    [
        (Forgets, "test_manifest_is_whole"),
        (Shouts, "test_no_secret_is_told_in_a_reason"),
        (TrustsEverybody, "test_forged_is_refused"),
        (TrustsEverybody, "test_one_bit_flipped_is_refused"),
        (TrustsAnyBody, "test_one_bit_flipped_is_refused"),
        (Raises, "test_hostile_bodies_are_malformed_or_ignored"),
        (Raises, "test_mutated_bodies_never_raise"),
        (TakesAnything, "test_hostile_bodies_are_malformed_or_ignored"),
        (TakesAnything, "test_inbound_case"),
        (CountsCalls, "test_parse_is_pure"),
        (CountsCalls, "test_ids_are_stable_across_redelivery"),
        (LosesPieces, "test_outbound_case"),
        (LosesPieces, "test_calls_cover_all_pieces_and_resume"),
        (NewKeys, "test_render_is_pure"),
        (Optimist, "test_answer"),
        (Fragile, "test_garbage_answers_never_raise"),
    ],
)
def test_a_broken_connector_is_caught(connector: type[LineConnector], check: str) -> None:
    run(LineConnector, check)
    with pytest.raises(Exception):  # noqa: B017 - a check says so in its own way: assertion or whatever was raised
        run(connector, check)


def test_a_check_cannot_be_replaced() -> None:
    def nothing(self: Any) -> None:
        pass

    with pytest.raises(TypeError, match="test_forged_is_refused"):
        type("Sly", (Kit,), {"test_forged_is_refused": nothing})


def test_a_case_without_provenance_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.json").write_text('{"provenance": "", "body": {}}')
    with pytest.raises(case_files.BadCase, match="provenance"):
        case_files.inbound_cases(tmp_path)


@pytest.mark.parametrize("make", [lambda body: list(hostile(body)), lambda body: [mutated(body, n) for n in range(50)]])
def test_mutations_are_the_same_every_time(make: Callable[[bytes], list[bytes]]) -> None:
    body = '{"a":[1,{"b":"あ"}]}'.encode()
    assert make(body) == make(body)
    assert len(set(make(body))) > 15
